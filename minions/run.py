"""One run around the loop: its id, its time limit, its record on disk, and its partial answer when it is stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from minions.errors import BudgetExceededError, MinionsError
from minions.events import AnswerEvent
from minions.loop import Parts, answer
from minions.transcript import Transcript

if TYPE_CHECKING:
    from minions.answers import Answer, Baseline, StopReason
    from minions.ports import Corpus
    from minions.settings import Settings
    from minions.store.runs import Runs
    from minions.wiring import Books, Crew

_log = structlog.get_logger()


@dataclass(frozen=True)
class Record:
    """Where a run is written down."""

    runs: Runs
    books: Books
    baseline: Baseline | None


async def run(question: str, corpus: Corpus, crew: Crew, settings: Settings, record: Record, *, run_id: str) -> Answer:
    """Ask one question. A budget or time limit gives a partial answer; other trouble is raised, its partial answer on
    disk.

    Raises MinionsError; CancelledError when interrupted. In every case the run's record says how it ended, and after
    each round what was found so far.
    """
    limits, observe = settings.limits(), record.books.observe
    transcript = Transcript(run_id, corpus, limits=limits, policy=settings.policy, observe=observe)
    keeping = _Keeping(question, transcript, record)
    transcript.after_reading = lambda: record.runs.save(keeping.answer("interrupted"))
    transcript.warn(*crew.notes)
    parts = Parts(corpus, crew.planner, crew.executor, limits, settings.policy)
    try:
        async with asyncio.timeout(limits.timeout_s):
            decision = await answer(question, parts, transcript)
        result = keeping.close("answered" if decision.answer is not None else "no_answer")
    except BudgetExceededError as error:
        transcript.warn(f"{error.message}; {error.hint}")
        result = keeping.close("budget")
    except TimeoutError:
        transcript.warn(f"stopped after --timeout {limits.timeout_s:g} s; what was found so far is below")
        result = keeping.close("timeout")
    except asyncio.CancelledError:
        observe(AnswerEvent(answer=keeping.close("interrupted")))
        raise
    except Exception as error:  # not handled here: whatever ends a run, its record says that it ended
        transcript.note(error.message if isinstance(error, MinionsError) else f"{type(error).__name__}: a bug")
        observe(AnswerEvent(answer=keeping.close("error")))
        raise
    observe(AnswerEvent(answer=result))
    return result


class _Keeping:
    """Writes a run's answer down, complete or as far as it is."""

    def __init__(self, question: str, transcript: Transcript, record: Record) -> None:
        self._question = question
        self._transcript = transcript
        self._record = record
        self._started_s = record.books.clock.monotonic_s()

    def answer(self, stop_reason: StopReason) -> Answer:
        books = self._record.books
        books.ledger.flush()
        elapsed_s = books.clock.monotonic_s() - self._started_s
        usage = books.ledger.usage(self._transcript.run_id)
        result = self._transcript.compose(self._question, stop_reason, usage=usage, elapsed_s=elapsed_s)
        return result.model_copy(update={"baseline": self._record.baseline})

    def close(self, stop_reason: StopReason) -> Answer:
        result = self.answer(stop_reason)
        self._record.runs.finish(result)
        _log.info("run_finished", run=result.run_id, stop_reason=stop_reason, elapsed_s=result.elapsed_s)
        return result
