"""The digest: the few lines that go up. Each finding once, with its heading and the lines around it, best first.

A finding reads ``f1 12.4 million | report.pdf p.12, Results > Revenue: 2021 | 2022 / Net revenue 10.1 12.4 / Cost 3.0
4.1``: its id, the worker's unsure answer, where it stands, then the document's own lines (header row and neighbours
included). Under policy ``strict`` only the id, the answer and the document's number go up.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.findings import Digest, Finding
from minions.privacy.policy import Policy, shows_names, shows_quotes
from minions.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.evidence.reduce import Reduction
    from minions.plans import Task

_QUOTE_CHARACTERS = 700
_NEIGHBOUR_CHARACTERS = 160
_HEADING_CHARACTERS = 80
_GIST_CHARACTERS = 90
_ADJOINING_CHARACTERS = 4
_ALWAYS = 3
_NEARLY = 0.75


def pack(
    tasks: Sequence[Task],
    reductions: Sequence[Reduction],
    read: Mapping[str, int],
    *,
    names: Mapping[str, str],
    policy: Policy,
    budget_tokens: int,
    first_id: int = 1,
) -> Digest:
    """Write the digest within ``budget_tokens``: task lines and summaries first, then findings by confidence.

    ``read`` counts the passages each task read, by task id; ``names`` maps document ids to the names that go up, and a
    corpus of one document is not named. Findings are numbered from ``first_id`` in the order they stand.
    """
    writer = _Writer(names, policy)
    chosen = _choose(reductions, writer, budget_tokens)
    rows: list[str] = []
    numbered: list[Finding] = []
    for task, reduction in zip(tasks, reductions, strict=True):
        rows.append(_task_line(task, reduction, read.get(task.id, 0)))
        for finding in chosen[task.id]:
            finding_id = f"f{first_id + len(numbered)}"
            citation = finding.citation.model_copy(update={"id": finding_id})
            numbered.append(finding.model_copy(update={"id": finding_id, "citation": citation}))
            rows.append(writer.line(numbered[-1]))
        left_out = len(reduction.findings) - len(chosen[task.id])
        if left_out and chosen[task.id]:
            rows.append(f"({left_out} weaker left out)")
    text = "\n".join(rows)
    return Digest(
        text=text,
        findings=tuple(numbered),
        gist="; ".join(writer.gist(finding) for finding in numbered) or "nothing",
        tokens=estimate_tokens(text),
        conclusive=all(reduction.findings for reduction in reductions),
    )


def _task_line(task: Task, reduction: Reduction, read: int) -> str:
    covered = f"{read} passages read"
    found = "nothing found" if not reduction.findings else reduction.summary
    return f"{task.id} {task.instruction} ({covered}{'; ' + found if found else ''})"


def _choose(reductions: Sequence[Reduction], writer: _Writer, budget_tokens: int) -> dict[str, list[Finding]]:
    """Findings that fit: the best of each task, then by confidence. The same lines with the same answer go once."""
    candidates = [
        (rank == 0, finding.confidence, reduction.task_id, finding)
        for reduction in reductions
        for rank, finding in enumerate(_worth_sending(reduction.findings))
    ]
    candidates.sort(key=lambda candidate: (not candidate[0], -candidate[1]))
    chosen: dict[str, list[Finding]] = {reduction.task_id: [] for reduction in reductions}
    seen: set[tuple[str, int, int, str | None]] = set()
    for _, _, task_id, candidate in candidates:
        place = (candidate.citation.document_id, candidate.citation.start, candidate.citation.end, candidate.answer)
        finding = _without_shared_lines(candidate, [other for others in chosen.values() for other in others])
        cost = estimate_tokens(writer.line(finding))
        if place in seen or cost > budget_tokens:
            continue
        seen.add(place)
        budget_tokens -= cost
        chosen[task_id].append(finding)
    return chosen


def _worth_sending(findings: Sequence[Finding]) -> list[Finding]:
    """The first three, and those nearly as sure as the best: a look ranks well and filters badly
    (docs/experiments.md).
    """
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


class _Writer:
    """Writes findings as the policy allows."""

    def __init__(self, names: Mapping[str, str], policy: Policy) -> None:
        self._names = names
        self._policy = policy

    def line(self, finding: Finding) -> str:
        answer = " ".join((finding.answer or "?").split())
        parts = [part for part in (self._place(finding), self._lines(finding)) if part]
        return f"{finding.id} {answer} | {': '.join(parts)}" if parts else f"{finding.id} {answer}"

    def gist(self, finding: Finding) -> str:
        said = finding.answer or (finding.citation.quote if shows_quotes(self._policy) else "?")
        return f"{finding.id} {' '.join(said.split())[:_GIST_CHARACTERS]}"

    def _place(self, finding: Finding) -> str:
        citation = finding.citation
        name = self._names.get(citation.document_id, PurePath(citation.path).name) if len(self._names) > 1 else ""
        if not shows_names(self._policy):
            return name
        page = f"p.{citation.page}" if citation.page is not None else ""
        heading = " > ".join(finding.headings[-2:])[-_HEADING_CHARACTERS:]
        return ", ".join(part for part in (f"{name} {page}".strip(), heading) if part)

    def _lines(self, finding: Finding) -> str:
        if not shows_quotes(self._policy):
            return ""
        around = (
            _squeeze(finding.table_header or "", _QUOTE_CHARACTERS),
            _squeeze(finding.before, _NEIGHBOUR_CHARACTERS, keep_end=True),
            _squeeze(finding.citation.quote, _QUOTE_CHARACTERS),
            _squeeze(finding.after, _NEIGHBOUR_CHARACTERS),
        )
        return " / ".join(part for part in around if part)


def _squeeze(text: str, limit: int, *, keep_end: bool = False) -> str:
    """One line of at most ``limit`` characters, cut at a word; lines are divided by `` / ``."""
    flat = " / ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
    if len(flat) <= limit:
        return flat
    if keep_end:
        return "..." + flat[-limit:].partition(" ")[2]
    return flat[:limit].rpartition(" ")[0] + "..."
