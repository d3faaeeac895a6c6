"""What a run did so far: jobs, findings, digests, warnings. A stopped run composes its partial answer from it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import structlog

from minions.errors import CorpusError, EgressLimitError, ServerError, StoreError
from minions.evidence.calculation import fill_in
from minions.evidence.digest import pack, pack_whole
from minions.evidence.digest_lines import Writer
from minions.evidence.equality import disputed
from minions.evidence.finding import best_window, find, names_of
from minions.evidence.grounding import Location
from minions.evidence.reduce import Reduction, reduce_findings
from minions.evidence.support import widen
from minions.evidence.unsplit_values import with_whole_values
from minions.execution.expand import scope_of
from minions.privacy.card import card_of
from minions.values.answers import Answer, Coverage, RoundSummary, StopReason, UsageByRole
from minions.values.events import (
    DigestEvent,
    FindingEvent,
    JobEvent,
    Observer,
    PlanEvent,
    WarningEvent,
)
from minions.values.jobs import Job
from minions.values.plans import History, RoundGist
from minions.values.policy import shows_names, shows_quotes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from minions.corpus.port import Corpus
    from minions.corpus.selecting import Naming
    from minions.execution.expand import Expansion
    from minions.privacy.outgoing import Outgoing
    from minions.privacy.wording import Lines
    from minions.values.answers import Calculation
    from minions.values.documents import CorpusCard
    from minions.values.findings import Citation, Digest, Finding
    from minions.values.jobs import JobResult, JobStatus
    from minions.values.limits import Limits
    from minions.values.plans import Decision, Plan, Task

_NUMERIC = frozenset({"sum", "min", "max", "mean"})
_INDEX_ONLY_CONFIDENCE = 0.1
_PARTIAL_CITATIONS = 8
_TEXTS_KEPT = 8

_log = structlog.get_logger()


class _Outcome(NamedTuple):
    """What is kept of a job that ended. Its passage is not: a round may read a hundred thousand."""

    task_id: str
    chunks: tuple[str, ...]
    status: JobStatus
    findings: tuple[Finding, ...]
    ungrounded: bool

    @property
    def read(self) -> bool:
        """Whether a worker saw the passage."""
        return self.status not in {"failed", "skipped"}


class Transcript:
    """The run's memory. One writer: the loop."""

    def __init__(
        self, run_id: str, corpus: Corpus, *, limits: Limits, outgoing: Outgoing, observe: Observer
    ) -> None:
        self.run_id = run_id
        self._corpus = corpus
        self._limits = limits
        self._outgoing = outgoing
        self._policy = policy = outgoing.policy
        self._observe = observe
        self._names = names_of(corpus, numbered=not shows_names(policy))
        self._names_shown = shows_names(policy)
        self._writer = Writer(self._names, policy, outgoing.values_in, outgoing.escape)
        self._texts: dict[str, str] = {}
        self._plans: list[Plan] = []
        self._outcomes: list[list[_Outcome]] = []
        self._last_reason: str | None = None  # of a job that failed
        self._skipped = 0
        self._digests: list[Digest] = []
        self._decision: Decision | None = None
        self._calculations: tuple[Calculation, ...] = ()
        self._warnings: list[str] = []
        self.after_reading: Callable[[], None] = lambda: (
            None
        )  # called when a round's findings are in

    @property
    def next_round(self) -> int:
        """The number of the round about to be planned, or under way, counted from 1."""
        return len(self._digests) + 1

    def card(self) -> CorpusCard:
        """What the planner sees of the corpus."""
        card, room = card_of(self._corpus, self._policy), self._outgoing.room_bytes
        if not shows_names(self._policy) or (room is not None and len(card.text.encode()) > room):
            self._names_shown = False
            return card_of(self._corpus, "strict")
        self._outgoing.sent(card.text)
        return card

    def naming(self, plan: Plan) -> Naming:
        """How the plan's author may name documents: a planner by what it was shown of them, so that what its tasks read
        tells it no name.
        """
        if plan.by_user or not self._outgoing.cloud:
            return "any"
        return "shown" if self._names_shown else "numbers"

    def planned(self, plan: Plan, expansion: Expansion) -> None:
        """A round begins."""
        self._plans.append(plan)
        self._outcomes.append([])
        self._skipped += expansion.skipped
        self.warn(*plan.warnings, *expansion.warnings)
        self._observe(PlanEvent(round=self.next_round, plan=plan, jobs=len(expansion.jobs)))

    def finished(self, result: JobResult) -> None:
        """A job ended."""
        job, findings = (
            result.job,
            tuple(map(self._on_page, self._uncut(result.job, result.findings))),
        )
        self._outcomes[-1].append(
            _Outcome(job.task.id, job.chunks, result.status, findings, result.ungrounded)
        )
        if result.status != "skipped" and not result.cached:
            self._outgoing.read(job.chunk.text)
        if result.status == "failed":
            self._last_reason = result.reason
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

    def digest(self, question: str) -> Digest:
        """Reduce the round's findings and pack what goes up. Raises ServerError when every job failed: that is no
        evidence.
        """
        # In one order, however they ended: placeholders are numbered as values come, and whoever resumes asks the same.
        outcomes = sorted(
            self._outcomes[-1], key=lambda outcome: [finding.id for finding in outcome.findings]
        )
        if outcomes and all(outcome.status == "failed" for outcome in outcomes):
            raise ServerError(
                f"all {len(outcomes)} jobs failed; the last one: {self._last_reason}",
                hint="minions doctor",
            )
        tasks = self._plans[-1].tasks
        lines = self._outgoing.lines_of(_findings(outcomes))
        reductions = [self._reduced(task, outcomes, question, lines) for task in tasks]
        digest = pack(
            tasks,
            reductions,
            {
                task.id: self._covered(task, reduction)
                for task, reduction in zip(tasks, reductions, strict=True)
            },
            writer=self._writer,
            budget_tokens=self._limits.digest_tokens,
            room_bytes=self._outgoing.room_bytes,
            first_id=1 + sum(len(digest.findings) for digest in self._digests),
        )
        return self._sent(digest)

    def whole(self) -> Digest:
        """All findings as they are, in their order: what protocols send that read in the cloud. Raises
        EgressLimitError where they are more than may go up.
        """
        # Not escaped: passages go up as documents do, and what looks like a placeholder in one is replaced then.
        writer = Writer(self._names, self._policy, self._outgoing.values_in)
        digest = pack_whole(_findings(self._outcomes[-1]), writer)
        if (room := self._outgoing.room_bytes) is not None and digest.document_bytes > room:
            raise EgressLimitError(
                f"this would send {digest.document_bytes:,} bytes of the documents' text, and {room:,} are allowed",
                hint=f"allow it: --max-egress {digest.document_bytes}, or use --protocol minions",
            )
        return self._sent(digest)

    def _sent(self, digest: Digest) -> Digest:
        self._outgoing.packed(digest)
        self._digests.append(digest)
        self.after_reading()
        shown = digest.findings if shows_quotes(self._policy) else ()
        places = tuple(
            (one.citation.document_id, one.context_start, one.context_end) for one in shown
        )
        self._observe(DigestEvent(round=len(self._digests), tokens=digest.tokens, places=places))
        _log.info("digest_packed", run=self.run_id, round=len(self._digests), tokens=digest.tokens)
        return digest

    def decided(self, decision: Decision) -> Decision:
        """The planner judged the digest; its arithmetic is worked out here."""
        self.warn(*decision.warnings)
        if decision.answer is not None:
            known = self._known()
            cited = [known[finding_id] for finding_id in decision.findings if finding_id in known]
            filled = fill_in(decision.answer, cited, known)
            self.warn(*filled.warnings)
            self._calculations = filled.calculations
            confidence = decision.confidence * filled.doubt
            findings = tuple(
                dict.fromkeys([*decision.findings, *filled.named])
            )  # what it is reckoned from, it cites
            changes = {"answer": filled.answer, "confidence": confidence, "findings": findings}
            decision = decision.model_copy(update=changes)
        self._decision = decision
        return decision

    def history(self, *, rounds_left: int) -> History:
        """The scratchpad for the next round."""
        gists = [
            RoundGist(
                asked=tuple(f"{task.id} {task.instruction}" for task in plan.tasks),
                found=digest.gist,
            )
            for plan, digest in zip(self._plans, self._digests, strict=True)
        ]
        return History(gists=tuple(gists), rounds_left=rounds_left)

    def warn(self, *messages: str) -> None:
        """Tell the user, once each."""
        for message in messages:
            if message not in self._warnings:
                self.note(message)
                self._observe(WarningEvent(message=message))

    def note(self, message: str) -> None:
        """Keep a warning for the answer alone: what is raised as well tells the user itself."""
        self._warnings.append(message)

    def compose(
        self, question: str, stop_reason: StopReason, *, usage: UsageByRole, elapsed_s: float
    ) -> Answer:
        """The answer, or as much of it as there is: a run stopped before its decision cites its best findings."""
        decision = self._decision if stop_reason in {"answered", "no_answer"} else None
        cited = [self._citation(finding, decision) for finding in self._cited(decision)]
        return Answer(
            run_id=self.run_id,
            question=question,
            answer=decision.answer if decision else None,
            confidence=decision.confidence if decision else 0.0,
            stop_reason=stop_reason,
            citations=tuple(cited),
            calculations=self._calculations if decision else (),
            coverage=self._coverage(),
            rounds=tuple(map(_summary, self._plans, self._outcomes)),
            usage=usage,
            egress=self._outgoing.report(),
            elapsed_s=round(elapsed_s, 3),
            warnings=tuple(self._warnings),
        )

    def _citation(self, finding: Finding, decision: Decision | None) -> Citation:
        if decision is None or decision.answer is None:
            return finding.citation
        try:
            text = self._corpus.text(finding.citation.document_id)
            working = " ".join(
                one.expression for one in self._calculations
            )  # its numbers stand in the lines
            return self._paged(widen(finding, f"{decision.answer} {working}", text))
        except (
            CorpusError,
            StoreError,
        ):  # a citation that cannot be improved is no reason to lose a paid answer
            return finding.citation

    def _known(self) -> dict[str, Finding]:
        return {finding.id: finding for digest in self._digests for finding in digest.findings}

    def _cited(self, decision: Decision | None) -> list[Finding]:
        findings = self._known()
        if decision is None:
            unpacked = [
                found
                for outcomes in self._outcomes[len(self._digests) :]
                for found in _findings(outcomes)
            ]
            best = sorted([*findings.values(), *unpacked], key=lambda finding: -finding.confidence)
            return best[:_PARTIAL_CITATIONS]
        unknown = [finding_id for finding_id in decision.findings if finding_id not in findings]
        if unknown:
            self.warn(f"the planner cited findings that do not exist: {', '.join(unknown)}")
        cited = [
            findings[finding_id]
            for finding_id in dict.fromkeys(decision.findings)
            if finding_id in findings
        ]
        if decision.answer is not None and not cited:
            self.warn("the answer cites no finding: it may not come from the documents")
        return cited

    def _coverage(self) -> Coverage:
        outcomes = [outcome for outcomes in self._outcomes for outcome in outcomes]
        statuses = Counter(outcome.status for outcome in outcomes)
        seen = {chunk for outcome in outcomes if outcome.read for chunk in outcome.chunks}
        return Coverage(
            documents=len(self._corpus.contents),
            chunks=self._corpus.contents.chunks,
            read=len(seen),
            found=statuses["found"],
            abstained=statuses["abstained"],
            truncated=statuses["truncated"],
            failed=statuses["failed"],
            skipped=statuses["skipped"] + self._skipped,
            ungrounded=sum(outcome.ungrounded for outcome in outcomes),
            judged=len(self._judged()),
            unreadable=tuple(self._corpus.unreadable),
        )

    def _judged(self) -> set[str]:
        """The documents with a finding of a task that asked for one result a document."""
        return {
            finding.citation.document_id
            for plan, outcomes in zip(self._plans, self._outcomes, strict=True)
            for task in plan.tasks
            if task.unit == "document"
            for finding in _findings(outcome for outcome in outcomes if outcome.task_id == task.id)
        }

    def _reduced(
        self, task: Task, outcomes: list[_Outcome], question: str, lines: Lines
    ) -> Reduction:
        found = _findings(outcome for outcome in outcomes if outcome.task_id == task.id)
        said = [self._outgoing.said(task, finding, lines) for finding in found]
        if (
            task.reduce in _NUMERIC
        ):  # a sum tells no words: it may count numbers that their findings do not say
            by_id = {finding.id: finding for finding in said}
            reckoned = [self._outgoing.reckoned(finding, lines) for finding in found]
            reduction = reduce_findings(task, reckoned, self._names)
            shown = tuple(by_id[finding.id] for finding in reduction.findings)
            reduction = reduction.model_copy(update={"findings": shown})
        else:
            reduction = reduce_findings(task, said, self._names)
        if not shows_quotes(self._policy) or self._suffices(task, reduction):
            return reduction
        return reduction.model_copy(
            update={"unread": self._index_lines(task, question, reduction.findings)}
        )

    def _suffices(self, task: Task, reduction: Reduction) -> bool:
        """Whether the findings speak for themselves: there are some, not all of them unsure, and they agree. No line
        makes a judgement surer.
        """
        if not reduction.findings or task.unit == "document":
            return task.judges or bool(reduction.findings)
        surest = max(finding.confidence for finding in reduction.findings)
        return surest >= self._limits.low_confidence and not disputed(reduction.findings, task)

    def _covered(self, task: Task, reduction: Reduction) -> str:
        """What of its scope a task read: an absence in a part is not an absence in the whole."""
        contents, scope = self._corpus.contents, self._scope(task)
        mine = (
            outcome for outcome in self._outcomes[-1] if outcome.task_id == task.id and outcome.read
        )
        read = {chunk for outcome in mine for chunk in outcome.chunks}
        covered = f"read {len(read)} of {contents.chunks_in(scope)} passages"
        if task.unit == "document":
            covered += f", judged {len(reduction.findings)} of {len(contents if scope is None else scope)} documents"
        return covered

    def _index_lines(
        self, task: Task, question: str, shown: Sequence[Finding]
    ) -> tuple[Finding, ...]:
        """What the index shows where the workers' findings do not suffice, so that the planner can read a broken table
        itself: the best lines of chunks that are not ``shown`` already.
        """
        phrases = (*task.search, task.instruction, question)
        scope = self._scope(task)
        wanted = self._limits.near_misses
        limit = wanted + min(len(shown), self._limits.chunks_per_task) if wanted else 0
        findings: list[Finding] = []
        for chunk in self._corpus.search(phrases, documents=scope, limit=limit) if limit else ():
            job = Job(id=f"index.{task.id}.{chunk.id}", task=task, chunk=chunk)
            location = Location(*best_window(chunk, phrases), "exact", 1.0)
            whole = self._uncut(
                job, [find(job, location, answer=None, confidence=_INDEX_ONLY_CONFIDENCE)]
            )
            found = map(self._on_page, whole)
            findings += [
                one for one in found if not any(_shows(other, one.citation) for other in shown)
            ]
        return tuple(findings[:wanted])

    def _scope(self, task: Task) -> frozenset[str] | None:
        return scope_of(task, self._corpus.contents, [], self.naming(self._plans[-1]))

    def _uncut(self, job: Job, findings: Iterable[Finding]) -> list[Finding]:
        """Findings whose lines hold each value that stays here as a whole, or nothing of it."""
        found = list(findings)
        if not found or not self._outgoing.redacts:
            return found
        return with_whole_values(
            found, job, self._text(job.chunk.document_id), self._outgoing.values_in
        )

    def _text(self, document_id: str) -> str:
        """A document's text; a few are kept, for the findings of a document come together, or nearly so."""
        if document_id not in self._texts:
            if len(self._texts) == _TEXTS_KEPT:
                del self._texts[next(iter(self._texts))]
            self._texts[document_id] = self._corpus.text(document_id)
        return self._texts[document_id]

    def _on_page(self, finding: Finding) -> Finding:
        return finding.model_copy(update={"citation": self._paged(finding.citation)})

    def _paged(self, citation: Citation) -> Citation:
        page = self._corpus.page_at(citation.document_id, citation.start)
        return citation.model_copy(update={"page": page})


def _shows(finding: Finding, citation: Citation) -> bool:
    """Whether a finding's lines, or those around them, hold some of a citation's."""
    start = (
        min(finding.citation.start, finding.context_start)
        if finding.context_end
        else finding.citation.start
    )
    end = max(finding.citation.end, finding.context_end)
    return (
        finding.citation.document_id == citation.document_id
        and start < citation.end
        and citation.start < end
    )


def _findings(outcomes: Iterable[_Outcome]) -> list[Finding]:
    return [finding for outcome in outcomes for finding in outcome.findings]


def _summary(plan: Plan, outcomes: list[_Outcome]) -> RoundSummary:
    return RoundSummary(
        tasks=len(plan.tasks),
        jobs=len(outcomes),
        found=sum(outcome.status == "found" for outcome in outcomes),
    )
