"""One run: the loop with a time limit and a record on disk. A stopped run has a partial answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import structlog

from minions.errors import BudgetExceededError, MinionsError, StoppedError
from minions.privacy.outgoing import CloudGate, LocalGate, default_limit
from minions.redaction.placeholders import Placeholders, keeping
from minions.run.baseline import baseline_of
from minions.run.condense import Condenser
from minions.run.loop import Parts
from minions.run.protocols import PROTOCOLS
from minions.run.result import citation_warnings, compose, decision_of
from minions.run.transcript import Transcript
from minions.values.answers import Answer
from minions.values.events import AnswerEvent, StartEvent, of_run

if TYPE_CHECKING:
    from minions.corpus.port import Corpus
    from minions.privacy.outgoing import Gate
    from minions.redaction.detector import Detector
    from minions.run.crew import Books, Crew
    from minions.run.terms import Terms
    from minions.store.runs import Runs
    from minions.values.answers import Baseline, StopReason
    from minions.values.events import Observer

_log = structlog.get_logger()


class Asked(NamedTuple):
    """The question of a run.

    In a batch, ``batch`` is the batch's id and ``item`` the question's id in it. ``resumed``: an
    earlier process began this run.
    """

    question: str
    run_id: str
    batch: str | None = None
    item: str | None = None
    resumed: bool = False


@dataclass(frozen=True)
class Record:
    """The stores that a run is recorded in: its answer in ``runs``, its calls in ``books``."""

    runs: Runs
    books: Books


async def run(asked: Asked, corpus: Corpus, crew: Crew, terms: Terms, record: Record) -> Answer:
    """Ask one question. A budget or time limit gives a partial answer; other errors are raised.

    After each round, the run's record holds the findings so far. At the end it holds the stop
    reason and the complete or partial answer, even where an error is raised. Raises MinionsError;
    CancelledError when interrupted.
    """
    _begin(asked, crew, terms, record)
    try:
        observe = of_run(asked.run_id, record.books.observe)
        baseline = baseline_of(asked.question, corpus, terms, record.books.prices)
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
        gate = gate_for(asked.question, corpus, terms, crew.detector)
        running = _Running(asked, corpus, terms, record, observe, baseline=baseline, gate=gate)
        with keeping(gate.placeholders):
            return await running.answer(crew)
    except BaseException as error:
        _end(record.runs, asked, error)
        raise


def gate_for(question: str, corpus: Corpus, terms: Terms, detector: Detector | None) -> Gate:
    """The gate of a run: a `LocalGate` where the planner is on this machine, or a `CloudGate`."""
    placeholders = Placeholders(detector)
    if not terms.planner_is_cloud:
        return LocalGate(
            terms.policy,
            placeholders=placeholders,
            remote_workers=terms.workers_are_remote,
        )
    limit_bytes = terms.limits.max_egress
    if limit_bytes is None:
        limit_bytes = default_limit(terms.policy, corpus.contents)
    return CloudGate(
        terms.policy,
        question,
        placeholders=placeholders,
        limit_bytes=limit_bytes,
        remote_workers=terms.workers_are_remote,
    )


class _Running:
    """A run under way, which records its answer, complete or partial."""

    def __init__(
        self,
        asked: Asked,
        corpus: Corpus,
        terms: Terms,
        record: Record,
        observe: Observer,
        *,
        baseline: Baseline,
        gate: Gate,
    ) -> None:
        self._asked = asked
        self._corpus = corpus
        self._terms = terms
        self._record = record
        self._observe = observe
        self._baseline = baseline
        self._gate = gate
        self._started_s = record.books.clock.monotonic_s()
        self._condenser = Condenser(corpus, terms.limits, gate)
        self._transcript = Transcript(asked.run_id, asked.question, observe)
        # Should this process be killed, what was found so far is on record.
        self._transcript.after_reading = lambda: record.runs.save(self._so_far("interrupted"))

    async def answer(self, crew: Crew) -> Answer:
        """Run the loop, and close the record however it ends."""
        transcript = self._transcript
        transcript.warn(*crew.notes)
        limits = crew.within(self._terms.limits)
        parts = Parts(
            corpus=self._corpus,
            planner=crew.planner,
            executor=crew.executor,
            condenser=self._condenser,
            limits=limits,
        )
        protocol = PROTOCOLS[self._terms.protocol]
        try:
            async with asyncio.timeout(limits.timeout_s):
                decision = await protocol(parts, transcript)
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
        except Exception as error:  # the record is closed, whatever ended the run
            if isinstance(error, MinionsError):
                transcript.note(error.message)
            else:
                transcript.note(f"{type(error).__name__}: a bug")
            self._close("error")
            raise
        if decision.answer is None:
            return self._close("no_answer")
        return self._close("answered")

    def _so_far(self, stop_reason: StopReason) -> Answer:
        books = self._record.books
        books.ledger.flush()
        answer = compose(
            self._transcript,
            self._corpus,
            stop_reason,
            usage=books.ledger.usage(self._asked.run_id),
            egress=self._gate.report(),
            elapsed_s=books.clock.monotonic_s() - self._started_s,
        )
        return answer.model_copy(update={"id": self._asked.item, "baseline": self._baseline})

    def _close(self, stop_reason: StopReason) -> Answer:
        # First: an observer that raises on a warning must not cost the record of paid calls.
        self._record.books.ledger.flush()
        decision = decision_of(self._transcript, stop_reason)
        if decision is not None:
            self._transcript.warn(*citation_warnings(self._transcript, decision))
        answer = self._so_far(stop_reason)
        self._record.runs.finish(answer)
        _log.info(
            "run_finished",
            run=answer.run_id,
            stop_reason=stop_reason,
            elapsed_s=answer.elapsed_s,
        )
        self._observe(AnswerEvent(answer=answer))
        return answer


def _begin(asked: Asked, crew: Crew, terms: Terms, record: Record) -> None:
    using = {
        "planner": crew.planner_name,
        "worker": crew.worker_name,
        "protocol": terms.protocol,
        "policy": terms.policy,
    }
    if asked.resumed:
        record.runs.reopen(asked.run_id, **using)
        return
    item = None
    if asked.batch and asked.item:
        item = (asked.batch, asked.item)
    record.runs.start(
        asked.run_id,
        question=asked.question,
        started_at=record.books.clock.now_iso(),
        **using,
        item=item,
    )


def _end(runs: Runs, asked: Asked, error: BaseException) -> None:
    """Record the end of a run that did not record it itself, as when an observer raised."""
    if runs.get(asked.run_id).status != "running":
        return
    reason: StopReason = "error"
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        reason = "interrupted"
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
