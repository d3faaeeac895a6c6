"""The answer that a user gets: pure functions of a transcript."""

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
    from minions.values.answers import Egress, StopReason, UsageByRole
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
    """The answer, or as much of it as there is.

    A run that was stopped before its decision cites its best findings.
    """
    decision = decision_of(transcript, stop_reason)
    if decision is None:
        citations = [finding.citation for finding in best_findings(transcript)]
    else:
        cited = cited_findings(transcript, decision)
        citations = [_citation(finding, decision, transcript, corpus) for finding in cited]
    return Answer(
        run_id=transcript.run_id,
        question=transcript.question,
        answer=decision.answer if decision else None,
        confidence=decision.confidence if decision else 0.0,
        stop_reason=stop_reason,
        citations=tuple(citations),
        calculations=transcript.calculations if decision else (),
        coverage=coverage(transcript, corpus),
        rounds=rounds(transcript),
        usage=usage,
        egress=egress,
        elapsed_s=round(elapsed_s, 3),
        warnings=tuple(transcript.warnings),
    )


def decision_of(transcript: Transcript, stop_reason: StopReason) -> Decision | None:
    """The decision that ended the run; None where it was stopped before one."""
    return transcript.decision if stop_reason in {"answered", "no_answer"} else None


def citation_warnings(transcript: Transcript, decision: Decision) -> list[str]:
    """Warnings about a decision that cites unknown findings, or none at all."""
    warnings = []
    unknown = [each for each in decision.findings if each not in transcript.shown_findings]
    if unknown:
        warnings.append(f"the planner cited findings that do not exist: {', '.join(unknown)}")
    if decision.answer is not None and not cited_findings(transcript, decision):
        warnings.append("the answer cites no finding: it may not come from the documents")
    return warnings


def cited_findings(transcript: Transcript, decision: Decision) -> list[Finding]:
    """The findings that a decision rests on, each once, in its order."""
    shown = transcript.shown_findings
    return [shown[each] for each in dict.fromkeys(decision.findings) if each in shown]


def best_findings(transcript: Transcript) -> list[Finding]:
    """The surest findings, of rounds without a digest too."""
    findings = list(transcript.shown_findings.values())
    for outcomes in transcript.rounds[len(transcript.digests) :]:
        findings += findings_of(outcomes)
    findings.sort(key=lambda finding: -finding.confidence)
    return findings[:_PARTIAL_CITATIONS]


def coverage(transcript: Transcript, corpus: Corpus) -> Coverage:
    """How much of the documents was read, and how the jobs ended."""
    outcomes = [outcome for outcomes in transcript.rounds for outcome in outcomes]
    statuses = Counter(outcome.status for outcome in outcomes)
    read: set[str] = set()
    for outcome in outcomes:
        if outcome.read:
            read.update(outcome.chunks)
    return Coverage(
        documents=len(corpus.contents),
        chunks=corpus.contents.chunks,
        read=len(read),
        found=statuses["found"],
        abstained=statuses["abstained"],
        truncated=statuses["truncated"],
        failed=statuses["failed"],
        skipped=statuses["skipped"] + transcript.skipped,
        ungrounded=sum(outcome.ungrounded for outcome in outcomes),
        judged=len(_judged_documents(transcript)),
        unreadable=tuple(corpus.unreadable),
    )


def rounds(transcript: Transcript) -> tuple[RoundSummary, ...]:
    """The tasks, jobs and jobs with a finding of each round."""
    summaries = []
    for plan, outcomes in zip(transcript.plans, transcript.rounds, strict=True):
        found = sum(outcome.status == "found" for outcome in outcomes)
        summaries.append(RoundSummary(tasks=len(plan.tasks), jobs=len(outcomes), found=found))
    return tuple(summaries)


def _judged_documents(transcript: Transcript) -> set[str]:
    """The documents with a finding of a task that asked for one result a document."""
    documents: set[str] = set()
    for plan, outcomes in zip(transcript.plans, transcript.rounds, strict=True):
        for task in plan.tasks:
            if task.unit == "document":
                findings = findings_of(outcomes, task.id)
                documents.update(finding.citation.document_id for finding in findings)
    return documents


def _citation(
    finding: Finding, decision: Decision, transcript: Transcript, corpus: Corpus
) -> Citation:
    """The finding's citation, with as many of its neighbouring lines as the answer needs."""
    if decision.answer is None:
        return finding.citation
    # The numbers of a calculation stand in the lines, where its result does not.
    working = " ".join(calculation.expression for calculation in transcript.calculations)
    try:
        text = corpus.text(finding.citation.document_id)
        citation = widen(finding, f"{decision.answer} {working}", text)
        page = corpus.page_at(citation.document_id, citation.start)
    except (CorpusError, StoreError):  # no reason to lose an answer that was paid for
        return finding.citation
    return citation.model_copy(update={"page": page})
