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

    Raises MinionsError; CancelledError when interrupted. In every case the run's record says how it ended.
    """
    clock, observe = record.books.clock, record.books.observe
    limits = settings.limits()
    transcript = Transcript(run_id, corpus, limits=limits, policy=settings.policy, observe=observe)
    transcript.warn(*crew.notes)
    parts = Parts(corpus, crew.planner, crew.executor, limits, settings.policy)
    started_s = clock.monotonic_s()

    def close(stop_reason: StopReason) -> Answer:
        record.books.ledger.flush()
        usage = record.books.ledger.usage(run_id)
        elapsed_s = clock.monotonic_s() - started_s
        result = transcript.compose(question, stop_reason, usage=usage, elapsed_s=elapsed_s)
        result = result.model_copy(update={"baseline": record.baseline})
        record.runs.finish(result)
        _log.info("run_finished", run=run_id, stop_reason=stop_reason, elapsed_s=round(elapsed_s, 3))
        observe(AnswerEvent(answer=result))
        return result

    try:
        async with asyncio.timeout(limits.timeout_s):
            decision = await answer(question, parts, transcript)
    except BudgetExceededError as error:
        transcript.warn(f"{error.message}; {error.hint}")
        return close("budget")
    except TimeoutError:
        transcript.warn(f"stopped after --timeout {limits.timeout_s:g} s; what was found so far is below")
        return close("timeout")
    except asyncio.CancelledError:
        close("interrupted")
        raise
    except Exception as error:  # not handled here: whatever ends a run, its record says that it ended
        transcript.note(error.message if isinstance(error, MinionsError) else f"{type(error).__name__}: a bug")
        close("error")
        raise
    return close("answered" if decision.answer is not None else "no_answer")
