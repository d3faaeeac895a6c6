"""One run around the loop: its id, its time limit, its record on disk, and its partial answer when it is stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import structlog

from minions.errors import BudgetExceededError, MinionsError, StoppedError
from minions.estimate import baseline_of
from minions.network.reference import ModelRef
from minions.privacy.outgoing import Outgoing, default_limit
from minions.redaction.placeholders import Placeholders, keeping
from minions.run.loop import Parts
from minions.run.protocols import PROTOCOLS, SENDS_CHUNKS
from minions.run.transcript import Transcript
from minions.values.answers import Answer
from minions.values.events import AnswerEvent, StartEvent, of_run
from minions.wiring.lineup import choose_models, is_cloud, is_remote_worker
from minions.wiring.redact import detector_for

if TYPE_CHECKING:
    from minions.corpus.port import Corpus
    from minions.run.crew import Books, Crew
    from minions.settings import Settings
    from minions.store.runs import Runs
    from minions.values.answers import Baseline, StopReason
    from minions.values.events import Observer

_log = structlog.get_logger()


class Asked(NamedTuple):
    """What a run is to answer: ``item`` is the question's id in ``batch``; ``resumed``: it was begun before."""

    question: str
    run_id: str
    batch: str | None = None
    item: str | None = None
    resumed: bool = False


@dataclass(frozen=True)
class Record:
    """Where a run is written down."""

    runs: Runs
    books: Books


async def run(
    asked: Asked, corpus: Corpus, crew: Crew, settings: Settings, record: Record
) -> Answer:
    """Ask one question. A budget or time limit gives a partial answer; other trouble is raised, its partial answer on
    disk.

    Raises MinionsError; CancelledError when interrupted. In every case the run's record says how it ended, and after
    each round what was found so far.
    """
    _begin(asked, crew, settings, record)
    try:
        observe = of_run(asked.run_id, record.books.observe)
        baseline = baseline_of(asked.question, corpus, settings, record.books.prices)
        observe(
            StartEvent(
                run_id=asked.run_id,
                planner=crew.planner_name,
                worker=crew.worker_name,
                documents=len(corpus.contents),
                tokens=corpus.contents.tokens,
                baseline=baseline,
            )
        )
        running = _Running(asked, corpus, settings, record, observe, baseline)
        with keeping(running.placeholders):
            return await running.answer(crew)
    except BaseException as error:
        _end(record.runs, asked, error)
        raise


class _Running:
    """A run under way: it writes the answer down, complete or as far as it is."""

    def __init__(
        self,
        asked: Asked,
        corpus: Corpus,
        settings: Settings,
        record: Record,
        observe: Observer,
        baseline: Baseline,
    ) -> None:
        self._asked, self._corpus, self._settings = asked, corpus, settings
        self._record, self._observe, self._baseline = record, observe, baseline
        self._started_s = record.books.clock.monotonic_s()
        planner, worker, _ = choose_models(settings)
        self._cloud = is_cloud(planner, settings)
        self.placeholders = Placeholders(detector_for(settings))
        limit = settings.max_egress
        outgoing = Outgoing(
            settings.policy,
            asked.question,
            placeholders=self.placeholders,
            limit_bytes=default_limit(settings.policy, corpus.contents) if limit is None else limit,
            cloud=self._cloud,
            remote_workers=settings.protocol not in SENDS_CHUNKS
            and is_remote_worker(ModelRef.parse(worker), settings),
        )
        self._transcript = Transcript(
            asked.run_id, corpus, limits=settings.limits(), outgoing=outgoing, observe=observe
        )
        self._transcript.after_reading = lambda: record.runs.save(self._so_far("interrupted"))

    async def answer(self, crew: Crew) -> Answer:
        """Run the loop, and close the record whatever comes of it."""
        limits, transcript = crew.within(self._settings.limits()), self._transcript
        transcript.warn(*crew.notes)
        parts = Parts(
            self._corpus,
            crew.planner,
            crew.executor,
            limits,
            self._settings.policy,
            cloud=self._cloud,
        )
        try:
            async with asyncio.timeout(limits.timeout_s):
                decision = await PROTOCOLS[self._settings.protocol](
                    self._asked.question, parts, transcript
                )
        except BudgetExceededError as error:
            transcript.warn(f"{error.message}; {error.hint}")
            return self._close("budget")
        except TimeoutError:
            transcript.warn(
                f"stopped after --timeout {limits.timeout_s:g} s; what was found so far is below"
            )
            return self._close("timeout")
        except (asyncio.CancelledError, StoppedError):
            self._close("interrupted")
            raise
        except (
            Exception
        ) as error:  # not handled here: whatever ends a run, its record says that it ended
            transcript.note(
                error.message
                if isinstance(error, MinionsError)
                else f"{type(error).__name__}: a bug"
            )
            self._close("error")
            raise
        return self._close("answered" if decision.answer is not None else "no_answer")

    def _so_far(self, stop_reason: StopReason) -> Answer:
        books, run_id = self._record.books, self._asked.run_id
        books.ledger.flush()
        elapsed_s = books.clock.monotonic_s() - self._started_s
        result = self._transcript.compose(
            self._asked.question, stop_reason, usage=books.ledger.usage(run_id), elapsed_s=elapsed_s
        )
        return result.model_copy(update={"id": self._asked.item, "baseline": self._baseline})

    def _close(self, stop_reason: StopReason) -> Answer:
        result = self._so_far(stop_reason)
        self._record.runs.finish(result)
        _log.info(
            "run_finished", run=result.run_id, stop_reason=stop_reason, elapsed_s=result.elapsed_s
        )
        self._observe(AnswerEvent(answer=result))
        return result


def _begin(asked: Asked, crew: Crew, settings: Settings, record: Record) -> None:
    using = {
        "planner": crew.planner_name,
        "worker": crew.worker_name,
        "protocol": settings.protocol,
        "policy": settings.policy,
    }
    if asked.resumed:
        record.runs.reopen(asked.run_id, **using)
        return
    record.runs.start(
        asked.run_id,
        question=asked.question,
        started_at=record.books.clock.now_iso(),
        **using,
        item=(asked.batch, asked.item) if asked.batch and asked.item else None,
    )


def _end(runs: Runs, asked: Asked, error: BaseException) -> None:
    """Record the end of a run that did not come to record it itself: an observer raised, say."""
    if runs.get(asked.run_id).status != "running":
        return
    reason: StopReason = (
        "interrupted" if isinstance(error, asyncio.CancelledError | KeyboardInterrupt) else "error"
    )
    runs.finish(
        Answer(
            run_id=asked.run_id,
            id=asked.item,
            question=asked.question,
            answer=None,
            confidence=0.0,
            stop_reason=reason,
        )
    )
