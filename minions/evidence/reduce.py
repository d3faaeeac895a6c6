"""Reduce: what a task's findings amount to, computed on the device over grounded findings only."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.evidence.numbers import parse_number
from minions.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.plans import Task

from minions.findings import Finding

_NO = {"no", "false", "n"}


class Reduction(Value):
    """One task's outcome: its findings, best first, and a sentence that sums them up (empty where the findings speak
    alone).

    ``names`` maps a document's id to how the summary writes it.
    """

    task_id: str
    findings: tuple[Finding, ...]
    summary: str = ""


def reduce_findings(task: Task, findings: Iterable[Finding], names: dict[str, str]) -> Reduction:
    """Apply the task's ``reduce`` to its findings. With ``unit`` document, each document first becomes its best
    finding.
    """
    ranked = sorted(findings, key=lambda finding: (-finding.confidence, finding.id))
    if task.unit == "document":
        ranked = _one_a_document(task, ranked)
    summary = _summarise(task, ranked, names)
    if task.reduce in {"collect", "unique", "vote"}:
        ranked = _without_overlaps(ranked)
    return Reduction(task_id=task.id, findings=tuple(ranked), summary=summary)


def _summarise(task: Task, ranked: Sequence[Finding], names: dict[str, str]) -> str:
    match task.reduce:
        case "collect":
            return ""
        case "unique":
            return _tally("distinct", ranked)
        case "vote":
            return _tally("votes", ranked)
        case "count":
            return _count(task, ranked)
        case "group":
            return _group(ranked, names)
        case "sum" | "min" | "max" | "mean":
            return _aggregate(task, ranked)


def _one_a_document(task: Task, ranked: Sequence[Finding]) -> list[Finding]:
    """The best finding of each document; for judgements, the best of those with the answer that weighs most in it."""
    by_document: dict[str, list[Finding]] = defaultdict(list)
    for finding in ranked:
        by_document[finding.citation.document_id].append(finding)
    chosen: list[Finding] = []
    for group in by_document.values():
        if task.output in {"yes_no", "category"}:
            weights: Counter[str] = Counter()
            for finding in group:
                weights[_key(finding)] += round(finding.confidence * 1000)
            winner = weights.most_common(1)[0][0]
            chosen.append(next(finding for finding in group if _key(finding) == winner))
        else:
            chosen.append(group[0])
    return sorted(chosen, key=lambda finding: (-finding.confidence, finding.id))


def _without_overlaps(ranked: Sequence[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    for finding in ranked:
        place = finding.citation
        if not any(
            place.document_id == other.citation.document_id
            and place.start < other.citation.end
            and other.citation.start < place.end
            for other in kept
        ):
            kept.append(finding)
    return kept


def _count(task: Task, ranked: Sequence[Finding]) -> str:
    of = "documents" if task.unit == "document" else "passages"
    if task.output in {"yes_no", "category"}:
        return f"counted over {len(ranked)} {of}: {_listed(Counter(map(_key, ranked)))}"
    return f"count: {len(ranked)} {of}"


def _tally(label: str, ranked: Sequence[Finding]) -> str:
    return f"{label}: {_listed(Counter(map(_key, ranked)))}" if ranked else ""


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{answer} {count}" for answer, count in counts.most_common()) or "none"


def _group(ranked: Sequence[Finding], names: dict[str, str]) -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for finding in ranked:
        name = names.get(finding.citation.document_id, PurePath(finding.citation.path).name)
        if name not in groups[_key(finding)]:
            groups[_key(finding)].append(name)
    return "; ".join(f"{answer} ({len(members)}): {', '.join(sorted(members))}" for answer, members in groups.items())


def _aggregate(task: Task, ranked: Sequence[Finding]) -> str:
    values = [
        value for finding in ranked if (value := parse_number(finding.answer or finding.citation.quote)) is not None
    ]
    if not values:
        return f"{task.reduce}: no numbers found"
    result = {
        "sum": lambda: sum(values, Decimal(0)),
        "min": lambda: min(values),
        "max": lambda: max(values),
        "mean": lambda: sum(values, Decimal(0)) / len(values),
    }[task.reduce]()
    return f"{task.reduce} of {len(values)} numbers: {result.normalize():f}"


def _key(finding: Finding) -> str:
    return " ".join((finding.answer or "").split()).casefold() or "(no short answer)"
