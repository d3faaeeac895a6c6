"""The answer that a user gets, made from a transcript by pure functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from minions.errors import CorpusError, StoreError
from minions.evidence.support import widen
from minions.run.outcome import findings_of
from minions.values.answers import Answer, Coverage, RoundSummary

if TYPE_CHECKING:
    from minions.corpus.port import Corpus
    from minions.run.transcript import Transcript
    from minions.values.answers import Calculation, Egress, StopReason, UsageByRole
    from minions.values.findings import Citation, Finding
    from minions.values.plans import Decision

_PARTIAL_CITATIONS: Final = 8


def compose(
    transcript: Transcript,
    corpus: Corpus,
    stop_reason: StopReason,
    *,
    usage: UsageByRole,
    egress: Egress,
    elapsed_s: float,
) -> Answer:
    """The answer, complete or partial.

    A run that was stopped before its decision has no answer, and cites its best findings.
    """
    decision = decision_of(transcript, stop_reason)
    answer: str | None = None
    confidence = 0.0
    calculations: tuple[Calculation, ...] = ()
    if decision is None:
        citations = [finding.citation for finding in best_findings(transcript)]
    else:
        answer = decision.answer
        confidence = decision.confidence
        calculations = transcript.calculations
        cited = cited_findings(transcript, decision)
        citations = [_citation(finding, decision, transcript, corpus) for finding in cited]
    return Answer(
        run_id=transcript.run_id,
        question=transcript.question,
        answer=answer,
        confidence=confidence,
        stop_reason=stop_reason,
        citations=tuple(citations),
        calculations=calculations,
        coverage=coverage(transcript, corpus),
        rounds=rounds(transcript),
        usage=usage,
        egress=egress,
        elapsed_s=round(elapsed_s, 3),
        warnings=tuple(transcript.warnings),
    )


def decision_of(transcript: Transcript, stop_reason: StopReason) -> Decision | None:
    """The decision that ended the run; None where it was stopped before one."""
    if stop_reason in {"answered", "no_answer"}:
        return transcript.decision
    return None


def citation_warnings(transcript: Transcript, decision: Decision) -> list[str]:
    """Warnings about a decision that cites unknown findings, or none at all."""
    warnings = []
    shown = transcript.shown_findings
    unknown = [finding_id for finding_id in decision.findings if finding_id not in shown]
    if unknown:
        warnings.append(f"the planner cited findings that do not exist: {', '.join(unknown)}")
    if decision.answer is not None and not cited_findings(transcript, decision):
        warnings.append("the answer cites no finding: it may not come from the documents")
    return warnings


def cited_findings(transcript: Transcript, decision: Decision) -> list[Finding]:
    """The findings that a decision cites, each once, in its order."""
    shown = transcript.shown_findings
    cited = {}
    for finding_id in decision.findings:
        if finding_id in shown:
            cited[finding_id] = shown[finding_id]
    return list(cited.values())


def best_findings(transcript: Transcript) -> list[Finding]:
    """The findings of highest confidence, also of a round that has no digest yet."""
    findings = list(transcript.shown_findings.values())
    for outcomes in transcript.rounds[len(transcript.digests) :]:
        findings += findings_of(outcomes)
    findings.sort(key=lambda finding: -finding.confidence)
    return findings[:_PARTIAL_CITATIONS]


def coverage(transcript: Transcript, corpus: Corpus) -> Coverage:
    """The counts of chunks that were read, of documents that were judged, and of ended jobs."""
    statuses: Counter[str] = Counter()
    read: set[str] = set()
    judged: set[str] = set()
    ungrounded = 0
    for plan, outcomes in zip(transcript.plans, transcript.rounds, strict=True):
        for outcome in outcomes:
            statuses[outcome.status] += 1
            ungrounded += outcome.ungrounded
            if outcome.read:
                read.update(outcome.chunks)
        for task in plan.tasks:
            if task.unit == "document":
                findings = findings_of(outcomes, task.id)
                judged.update(finding.citation.document_id for finding in findings)
    return Coverage(
        documents=len(corpus.contents),
        chunks=corpus.contents.chunks,
        read=len(read),
        found=statuses["found"],
        abstained=statuses["abstained"],
        truncated=statuses["truncated"],
        failed=statuses["failed"],
        skipped=statuses["skipped"] + transcript.skipped,
        ungrounded=ungrounded,
        judged=len(judged),
        unreadable=tuple(corpus.unreadable),
    )


def rounds(transcript: Transcript) -> tuple[RoundSummary, ...]:
    """The numbers of tasks, of jobs, and of jobs with a finding, for each round."""
    summaries = []
    for plan, outcomes in zip(transcript.plans, transcript.rounds, strict=True):
        found = sum(outcome.status == "found" for outcome in outcomes)
        summaries.append(RoundSummary(tasks=len(plan.tasks), jobs=len(outcomes), found=found))
    return tuple(summaries)


def _citation(
    finding: Finding, decision: Decision, transcript: Transcript, corpus: Corpus
) -> Citation:
    """The citation of a finding, widened to the neighbouring lines that support the answer."""
    if decision.answer is None:
        return finding.citation
    # The lines hold the numbers that a calculation starts from, and not its result.
    working = " ".join(calculation.expression for calculation in transcript.calculations)
    try:
        text = corpus.text(finding.citation.document_id)
        citation = widen(finding, f"{decision.answer} {working}", text)
        page = corpus.page_at(citation.document_id, citation.start)
    except (CorpusError, StoreError):  # the answer was paid for: it is given without widening
        return finding.citation
    return citation.model_copy(update={"page": page})
