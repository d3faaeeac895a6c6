"""The transcript of a run so far: plans, jobs that ended, digests, the decision, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from minions.evidence.calculation import fill_in
from minions.run.outcome import Outcome
from minions.values.events import DigestEvent, FindingEvent, JobEvent, PlanEvent, WarningEvent
from minions.values.plans import History, RoundGist

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from minions.execution.expand import Expansion
    from minions.values.answers import Calculation
    from minions.values.events import Observer
    from minions.values.findings import Digest, Finding
    from minions.values.jobs import JobResult
    from minions.values.plans import Decision, Plan

_log = structlog.get_logger()


class Transcript:
    """The state of a run. The loop writes it, and each change is reported to the run's observer.

    It is consistent at every moment: `minions.run.result` makes the partial answer of a stopped run
    from it. ``plans`` and ``rounds`` have an entry for each round that began; ``digests`` for each
    round whose jobs have ended. ``skipped`` counts jobs that a limit left out. ``after_reading`` is
    called when a round's digest is there.
    """

    def __init__(self, run_id: str, question: str, observe: Observer) -> None:
        self.run_id = run_id
        self.question = question
        self.plans: list[Plan] = []
        self.rounds: list[list[Outcome]] = []
        self.digests: list[Digest] = []
        self.decision: Decision | None = None
        self.calculations: tuple[Calculation, ...] = ()
        self.warnings: list[str] = []
        self.skipped = 0
        self.last_failure: str | None = None
        self.after_reading: Callable[[], None] = lambda: None
        self._observe = observe

    @property
    def next_round(self) -> int:
        """The number of the round about to be planned, or under way, counted from 1."""
        return len(self.digests) + 1

    @property
    def shown_findings(self) -> dict[str, Finding]:
        """The findings that were shown to the planner, by the ids under which it cites them."""
        shown: dict[str, Finding] = {}
        for digest in self.digests:
            for finding in digest.findings:
                shown[finding.id] = finding
        return shown

    def planned(self, plan: Plan, expansion: Expansion) -> None:
        """Note that a round begins with this plan and its jobs."""
        self.plans.append(plan)
        self.rounds.append([])
        self.skipped += expansion.skipped
        self.warn(*plan.warnings, *expansion.warnings)
        self._observe(PlanEvent(round=self.next_round, plan=plan, jobs=len(expansion.jobs)))

    def finished(self, result: JobResult, findings: Sequence[Finding]) -> None:
        """Note that a job ended with these findings."""
        job = result.job
        outcome = Outcome(
            task_id=job.task.id,
            chunks=job.chunks,
            status=result.status,
            findings=tuple(findings),
            ungrounded=result.ungrounded,
        )
        self.rounds[-1].append(outcome)
        if result.status == "failed":
            self.last_failure = result.reason
        self._observe(
            JobEvent(
                round=self.next_round,
                job_id=job.id,
                task_id=job.task.id,
                path=job.chunk.path,
                status=result.status,
                relevance=result.relevance,
                reason=result.reason,
                cached=result.cached,
                chunk=job.chunk.id,
                parts=job.parts,
                ungrounded=result.ungrounded,
            )
        )
        for finding in findings:
            self._observe(FindingEvent(round=self.next_round, finding=finding))

    def digested(self, digest: Digest, *, quotes_shown: bool) -> Digest:
        """Note the digest of a round, which is about to be sent to the planner."""
        self.digests.append(digest)
        self.after_reading()
        places: list[tuple[str, int, int]] = []
        if quotes_shown:
            for finding in digest.findings:
                document = finding.citation.document_id
                places.append((document, finding.context_start, finding.context_end))
        number = len(self.digests)
        self._observe(DigestEvent(round=number, tokens=digest.tokens, places=tuple(places)))
        _log.info("digest_packed", run=self.run_id, round=number, tokens=digest.tokens)
        return digest

    def decided(self, decision: Decision) -> Decision:
        """Note the planner's decision, and work out the calculations in its answer.

        The decision that is returned has their results, and cites the findings they start from.
        """
        self.warn(*decision.warnings)
        if decision.answer is not None:
            shown = self.shown_findings
            cited = [shown[finding_id] for finding_id in decision.findings if finding_id in shown]
            filled = fill_in(decision.answer, cited, shown)
            self.warn(*filled.warnings)
            self.calculations = filled.calculations
            changes = {
                "answer": filled.answer,
                "confidence": decision.confidence * filled.doubt,
                "findings": tuple(dict.fromkeys([*decision.findings, *filled.named])),
            }
            decision = decision.model_copy(update=changes)
        self.decision = decision
        return decision

    def history(self, *, rounds_left: int) -> History:
        """A short account of the rounds so far, for the planner's next decision."""
        gists = []
        for plan, digest in zip(self.plans, self.digests, strict=True):
            asked = tuple(f"{task.id} {task.instruction}" for task in plan.tasks)
            gists.append(RoundGist(asked=asked, found=digest.gist))
        return History(gists=tuple(gists), rounds_left=rounds_left)

    def warn(self, *messages: str) -> None:
        """Warn the user; each message is shown once."""
        for message in messages:
            if message not in self.warnings:
                self.note(message)
                self._observe(WarningEvent(message=message))

    def note(self, message: str) -> None:
        """Add a warning to the answer only: the error that is raised informs the user."""
        self.warnings.append(message)
