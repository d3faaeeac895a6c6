"""The texts that are sent to the planner of a run: the card, and a digest of each round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from minions.errors import EgressLimitError, ServerError
from minions.evidence.digest import pack, pack_whole
from minions.evidence.digest_lines import Writer
from minions.evidence.equality import disputed
from minions.evidence.finding import best_window, find
from minions.evidence.grounding import Location
from minions.evidence.reduce import reduce_findings
from minions.evidence.unsplit_values import with_whole_values
from minions.execution.expand import scope_of
from minions.privacy.card import card_of
from minions.run.outcome import findings_of
from minions.values.jobs import Job
from minions.values.policy import shows_names, shows_quotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.corpus.port import Corpus
    from minions.corpus.selecting import Naming
    from minions.evidence.reduce import Reduction
    from minions.privacy.outgoing import Gate
    from minions.privacy.wording import Lines
    from minions.run.outcome import Outcome
    from minions.run.transcript import Transcript
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest, Finding
    from minions.values.jobs import JobResult
    from minions.values.limits import Limits
    from minions.values.plans import Plan, Task

_NUMERIC: Final = frozenset({"sum", "min", "max", "mean"})
_INDEX_ONLY_CONFIDENCE: Final = 0.1
_TEXTS_KEPT: Final = 8


class Condenser:
    """Makes the card from the documents, and the digests from the workers' findings.

    ``gate`` filters what may be sent, and counts it.
    """

    def __init__(self, corpus: Corpus, limits: Limits, gate: Gate) -> None:
        self.gate = gate
        self._corpus = corpus
        self._limits = limits
        self._policy = gate.policy
        self._names = corpus.contents.names(numbered=not shows_names(gate.policy))
        self._names_shown = shows_names(gate.policy)
        self._writer = Writer(self._names, gate.policy, gate.values_in, gate.escape)
        self._texts: dict[str, str] = {}

    def card(self) -> CorpusCard:
        """The planner's table of contents.

        It has no names where those may not be sent, or are longer than the egress limit allows.
        """
        card = card_of(self._corpus, self._policy)
        room = self.gate.room_bytes
        too_long = room is not None and len(card.text.encode()) > room
        if too_long or not shows_names(self._policy):
            self._names_shown = False
            return card_of(self._corpus, "strict")
        self.gate.count_text(card.text)
        return card

    def naming(self, plan: Plan) -> Naming:
        """The names that a plan may use for documents.

        A planner in the cloud may use only names that it was shown: otherwise it could test if a
        name exists, because a task that names it would read something.
        """
        if plan.by_user or not self.gate.sends:
            return "any"
        if self._names_shown:
            return "shown"
        return "numbers"

    def findings(self, result: JobResult) -> list[Finding]:
        """The findings of a job that ended: with pages, and without values cut in half."""
        if result.status != "skipped" and not result.cached:
            self.gate.count_chunk(result.job.chunk.text)
        return self._located(result.job, result.findings)

    def digest(self, transcript: Transcript) -> Digest:
        """Reduce the last round's findings, and pack them into the digest that is sent.

        Raises ServerError when every job failed: then there is no evidence for or against anything.
        """
        # Sorted, because jobs end in any order: placeholders are numbered as their values occur,
        # and a run that is resumed must send the same text.
        outcomes = sorted(
            transcript.rounds[-1],
            key=lambda outcome: [finding.id for finding in outcome.findings],
        )
        if outcomes and all(outcome.status == "failed" for outcome in outcomes):
            raise ServerError(
                f"all {len(outcomes)} jobs failed; the last one: {transcript.last_failure}",
                hint="minions doctor",
            )
        plan = transcript.plans[-1]
        lines = self.gate.lines_of(findings_of(outcomes))
        reductions = []
        covered = {}
        for task in plan.tasks:
            reduction = self._reduced(task, findings_of(outcomes, task.id), lines)
            if shows_quotes(self._policy) and not self._suffices(task, reduction):
                unread = self._index_lines(task, plan, transcript.question, reduction.findings)
                reduction = reduction.model_copy(update={"unread": unread})
            reductions.append(reduction)
            covered[task.id] = self._covered(task, plan, outcomes, len(reduction.findings))
        digest = pack(
            plan.tasks,
            reductions,
            covered,
            writer=self._writer,
            budget_tokens=self._limits.digest_tokens,
            room_bytes=self.gate.room_bytes,
            first_id=1 + len(transcript.shown_findings),
        )
        return self._passed(digest, transcript)

    def whole(self, transcript: Transcript) -> Digest:
        """All findings of the last round, whole, for protocols that read in the cloud.

        Raises EgressLimitError where they are longer than the egress limit allows.
        """
        # Not escaped here: text that looks like a placeholder is replaced when the request is sent.
        writer = Writer(self._names, self._policy, self.gate.values_in)
        digest = pack_whole(findings_of(transcript.rounds[-1]), writer)
        room = self.gate.room_bytes
        if room is not None and digest.document_bytes > room:
            raise EgressLimitError(
                f"this would send {digest.document_bytes:,} bytes of the documents' text, and "
                f"{room:,} are allowed",
                hint=f"allow it: --max-egress {digest.document_bytes}, or use --protocol minions",
            )
        return self._passed(digest, transcript)

    def _passed(self, digest: Digest, transcript: Transcript) -> Digest:
        """Count a digest and note it in the transcript."""
        self.gate.count_digest(digest)
        return transcript.digested(digest, quotes_shown=shows_quotes(self._policy))

    def _reduced(self, task: Task, findings: Sequence[Finding], lines: Lines) -> Reduction:
        """The findings of a task, reduced; their answers hold only what may be sent."""
        gate = self.gate
        sendable = [gate.with_sendable_answer(task, finding, lines) for finding in findings]
        if task.reduce not in _NUMERIC:
            return reduce_findings(task, sendable, self._names)
        # A sum shows no words: it may include numbers of answers that are withheld.
        summable = [gate.with_summable_answer(finding, lines) for finding in findings]
        reduction = reduce_findings(task, summable, self._names)
        by_id = {finding.id: finding for finding in sendable}
        shown = [by_id[finding.id] for finding in reduction.findings]
        return reduction.model_copy(update={"findings": tuple(shown)})

    def _suffices(self, task: Task, reduction: Reduction) -> bool:
        """True if the planner needs no lines of the index besides the findings.

        Findings suffice if they agree and one of them is confident. Results for whole documents
        always do, and a judging task needs none: further lines would not make the findings more
        certain.
        """
        if not reduction.findings:
            return task.judges
        if task.unit == "document":
            return True
        surest = max(finding.confidence for finding in reduction.findings)
        return surest >= self._limits.low_confidence and not disputed(reduction.findings, task)

    def _covered(self, task: Task, plan: Plan, outcomes: Sequence[Outcome], judged: int) -> str:
        """The part of its scope that a task read: facts that are absent there may be elsewhere."""
        contents = self._corpus.contents
        scope = self._scope(task, plan)
        read: set[str] = set()
        for outcome in outcomes:
            if outcome.task_id == task.id and outcome.read:
                read.update(outcome.chunks)
        covered = f"read {len(read)} of {contents.chunks_in(scope)} passages"
        if task.unit == "document":
            documents = len(contents if scope is None else scope)
            covered += f", judged {judged} of {documents} documents"
        return covered

    def _index_lines(
        self, task: Task, plan: Plan, question: str, shown: Sequence[Finding]
    ) -> tuple[Finding, ...]:
        """The best lines of the index for a task whose findings do not suffice.

        With them the planner can read, for example, a broken table itself. Lines that are already
        ``shown`` are left out.
        """
        wanted = self._limits.near_misses
        if not wanted:
            return ()
        phrases = (*task.search, task.instruction, question)
        limit = wanted + min(len(shown), self._limits.chunks_per_task)
        chunks = self._corpus.search(phrases, documents=self._scope(task, plan), limit=limit)
        findings: list[Finding] = []
        for chunk in chunks:
            job = Job(id=f"index.{task.id}.{chunk.id}", task=task, chunk=chunk)
            location = Location(*best_window(chunk, phrases), "exact", 1.0)
            best = find(job, location, answer=None, confidence=_INDEX_ONLY_CONFIDENCE)
            for finding in self._located(job, [best]):
                if not any(_overlaps(other, finding) for other in shown):
                    findings.append(finding)
        return tuple(findings[:wanted])

    def _scope(self, task: Task, plan: Plan) -> frozenset[str] | None:
        return scope_of(task, self._corpus.contents, [], self.naming(plan))

    def _located(self, job: Job, findings: Sequence[Finding]) -> list[Finding]:
        """The findings of a job, each with its page, and with no redacted value cut in half."""
        if findings and self.gate.redacts:
            text = self._text(job.chunk.document_id)
            findings = with_whole_values(findings, job, text, self.gate.values_in)
        located = []
        for finding in findings:
            citation = finding.citation
            page = self._corpus.page_at(citation.document_id, citation.start)
            citation = citation.model_copy(update={"page": page})
            located.append(finding.model_copy(update={"citation": citation}))
        return located

    def _text(self, document_id: str) -> str:
        """The text of a document. The last few are kept: a document's findings come together."""
        if document_id not in self._texts:
            if len(self._texts) == _TEXTS_KEPT:
                del self._texts[next(iter(self._texts))]
            self._texts[document_id] = self._corpus.text(document_id)
        return self._texts[document_id]


def _overlaps(finding: Finding, other: Finding) -> bool:
    """True if the lines shown for ``finding`` overlap the quote of ``other``."""
    citation = other.citation
    start = finding.citation.start
    end = max(finding.citation.end, finding.context_end)
    if finding.context_end:
        start = min(start, finding.context_start)
    same = finding.citation.document_id == citation.document_id
    return same and start < citation.end and citation.start < end
