"""The digest: the few lines that go up. Each finding once, with its heading and the lines around it, best first.

A finding reads ``f1 12.4 million | report.pdf p.12, Results > Revenue: 2021 | 2022 / Net revenue 10.1 12.4 / Cost 3.0
4.1``: its id, the worker's unsure answer, where it stands, then the document's own lines (header row and neighbours
included). Under policy ``strict`` only the id, the answer and the document's number go up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from minions.evidence.writing import Writer, squeeze
from minions.findings import Digest, Finding
from minions.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.evidence.reduce import Reduction
    from minions.plans import Task
    from minions.privacy.policy import Policy

_ADJOINING_CHARACTERS = 4
_ALWAYS = 3
_NEARLY = 0.75
_GISTS = 6
_SUMMARY_SHARE = 0.7  # of the budget, over all tasks: lists of names may fill a digest, and leave room for findings
_CHARACTERS_PER_TOKEN = 3
_INSTRUCTION_CHARACTERS = 200

_Place = tuple[str, int, int, str | None]


class _Chosen(NamedTuple):
    findings: list[Finding]
    repeated: list[_Place]  # lines that another task brings up already


def pack(
    tasks: Sequence[Task],
    reductions: Sequence[Reduction],
    covered: Mapping[str, str],
    *,
    names: Mapping[str, str],
    policy: Policy,
    budget_tokens: int,
    first_id: int = 1,
) -> Digest:
    """Write the digest within about ``budget_tokens``: task lines and summaries first, then findings by confidence.

    ``covered`` says by task id what was read; ``names`` maps document ids to the names that go up, and a corpus of one
    document is not named. Findings are numbered from ``first_id`` in the order they stand.
    """
    writer = Writer(names, policy)
    limit = int(_SUMMARY_SHARE * budget_tokens / len(tasks) * _CHARACTERS_PER_TOKEN)
    heads = [_head(task, reduction, covered[task.id], limit) for task, reduction in zip(tasks, reductions, strict=True)]
    chosen = _choose(reductions, writer, budget_tokens - sum(map(estimate_tokens, heads)))
    rows: list[str] = []
    numbered: list[Finding] = []
    ids: dict[_Place, str] = {}
    for head, reduction in zip(heads, reductions, strict=True):
        rows.append(head)
        found, repeated = chosen[reduction.task_id]
        for finding in found:
            numbered.append(_numbered(finding, f"f{first_id + len(numbered)}"))
            ids[_place(finding)] = numbered[-1].id
            rows.append(writer.line(numbered[-1]))
        if known := [ids[place] for place in repeated if place in ids]:
            rows.append(f"see {', '.join(known)}")
        if left_out := len(reduction.shown) - len(found) - len(repeated):
            rows.append(f"({left_out} more left out)")
    text = "\n".join(rows)
    gists = sorted(numbered, key=lambda finding: -finding.confidence)[:_GISTS]
    return Digest(
        text=text,
        findings=tuple(numbered),
        gist="; ".join(map(writer.gist, gists)) or "nothing",
        tokens=estimate_tokens(text),
    )


def pack_whole(findings: Sequence[Finding], *, names: Mapping[str, str], policy: Policy) -> Digest:
    """A digest of every finding, its quote uncut and in its own lines, for protocols that send whole chunks."""
    writer = Writer(names, policy)
    numbered = tuple(_numbered(finding, f"f{number}") for number, finding in enumerate(findings, 1))
    text = "\n\n".join(f"{finding.id} {writer.place(finding)}\n{finding.citation.quote}" for finding in numbered)
    return Digest(text=text, findings=numbered, gist="", tokens=estimate_tokens(text))


def _head(task: Task, reduction: Reduction, covered: str, limit: int) -> str:
    parts = [covered]
    if not reduction.findings:
        parts.append("nothing found" + ("; the index's best lines, unread:" if reduction.unread else ""))
    if reduction.findings and reduction.summary:
        parts.append(squeeze(reduction.summary, limit))
    return f"{task.id} {squeeze(task.instruction, _INSTRUCTION_CHARACTERS)} ({'; '.join(parts)})"


def _numbered(finding: Finding, finding_id: str) -> Finding:
    citation = finding.citation.model_copy(update={"id": finding_id})
    return finding.model_copy(update={"id": finding_id, "citation": citation})


def _choose(reductions: Sequence[Reduction], writer: Writer, budget_tokens: int) -> dict[str, _Chosen]:
    """Findings that fit: the best of each task, then by confidence. The same lines with the same answer go once."""
    candidates = [
        (rank == 0, finding.confidence, reduction.task_id, finding)
        for reduction in reductions
        for rank, finding in enumerate(_worth_sending(reduction.shown))
    ]
    candidates.sort(key=lambda candidate: (not candidate[0], -candidate[1]))
    chosen = {reduction.task_id: _Chosen([], []) for reduction in reductions}
    seen: set[_Place] = set()
    for _, _, task_id, candidate in candidates:
        if _place(candidate) in seen:
            chosen[task_id].repeated.append(_place(candidate))
            continue
        finding = _without_shared_lines(candidate, [other for found, _ in chosen.values() for other in found])
        cost = estimate_tokens(writer.line(finding))
        if cost <= budget_tokens:
            seen.add(_place(candidate))
            budget_tokens -= cost
            chosen[task_id].findings.append(finding)
    return chosen


def _worth_sending(findings: Sequence[Finding]) -> list[Finding]:
    """The first three, and those nearly as sure as the best: a look ranks well, filters badly (docs/experiments.md)."""
    least = _NEARLY * findings[0].confidence if findings else 0.0
    return [finding for rank, finding in enumerate(findings) if rank < _ALWAYS or finding.confidence >= least]


def _without_shared_lines(finding: Finding, others: Sequence[Finding]) -> Finding:
    if any(_adjoins(finding, other) for other in others):
        return finding.model_copy(update={"before": "", "after": "", "table_header": None})
    return finding


def _adjoins(finding: Finding, other: Finding) -> bool:
    """Whether two findings stand next to each other, so that one's neighbours are the other's lines, shown already."""
    one, two = finding.citation, other.citation
    gap = max(one.start, two.start) - min(one.end, two.end)
    return one.document_id == two.document_id and gap <= _ADJOINING_CHARACTERS


def _place(finding: Finding) -> _Place:
    citation = finding.citation
    return citation.document_id, citation.start, citation.end, finding.answer
