"""Reduce: what a task's findings amount to, computed on the device over grounded findings only."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from decimal import Context, Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.evidence.numbers import parse_number
from minions.findings import Finding
from minions.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from minions.plans import Task

_LISTED = 40
_SIGNIFICANT = 6


class Reduction(Value):
    """One task's outcome: its findings, best first, and a sentence that sums them up (empty where they speak alone).

    ``unread``: where nothing was found, what the index alone would show; never part of a summary.
    """

    task_id: str
    findings: tuple[Finding, ...]
    summary: str = ""
    unread: tuple[Finding, ...] = ()

    @property
    def shown(self) -> tuple[Finding, ...]:
        """What may go up."""
        return self.findings or self.unread


def reduce_findings(task: Task, findings: Iterable[Finding], names: dict[str, str]) -> Reduction:
    """Apply the task's ``reduce`` to its findings; ``names`` maps a document's id to how a summary writes it.

    A passage counts once, however many lines were brought up from it and however often it was sampled. With ``unit``
    document, each document first becomes its best finding.
    """
    ranked = sorted(findings, key=lambda finding: (-finding.confidence, finding.id))
    answers = _one_each(task, ranked, lambda finding: finding.passage or finding.id)
    if task.unit == "document":
        ranked = answers = _one_each(task, answers, lambda finding: finding.citation.document_id)
    summary = _summarise(task, answers, names)
    if task.reduce in {"collect", "unique", "vote"}:
        ranked = _without_overlaps(ranked)
    return Reduction(task_id=task.id, findings=tuple(ranked), summary=summary)


def _summarise(task: Task, answers: Sequence[Finding], names: dict[str, str]) -> str:
    match task.reduce:
        case "collect":
            return ""
        case "unique":
            return _tally("distinct", task, answers)
        case "vote":
            return _tally("votes", task, answers)
        case "count":
            return _count(task, answers)
        case "group":
            return _group(task, answers, names)
        case "sum" | "min" | "max" | "mean":
            return _aggregate(task, answers)


def _one_each(task: Task, ranked: Sequence[Finding], key: Callable[[Finding], str]) -> list[Finding]:
    """One finding a group: the best of those with the answer that weighs most in it, for judgements and samples."""
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in ranked:
        groups[key(finding)].append(finding)
    votes = task.output in {"yes_no", "category"}
    chosen = [_winner(group) if votes or _is_sampled(group) else group[0] for group in groups.values()]
    return sorted(chosen, key=lambda finding: (-finding.confidence, finding.id))


def _is_sampled(group: Sequence[Finding]) -> bool:
    return len({finding.sample for finding in group}) > 1


def _winner(group: Sequence[Finding]) -> Finding:
    weights: Counter[str] = Counter()
    for finding in group:
        weights[_key(finding)] += round(finding.confidence * 1000)
    winner = weights.most_common(1)[0][0]
    return next(finding for finding in group if _key(finding) == winner)


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


def _count(task: Task, answers: Sequence[Finding]) -> str:
    of = "documents" if task.unit == "document" else "passages"
    if task.output in {"yes_no", "category"}:
        return f"counted over {len(answers)} {of}: {_listed(Counter(map(_key, answers)))}"
    return f"count: {len(answers)} {of}"


def _tally(label: str, task: Task, answers: Sequence[Finding]) -> str:
    if not answers:
        return ""
    return f"{label}: {_listed(Counter(item for finding in answers for item in _items(task, finding)))}"


def _items(task: Task, finding: Finding) -> list[str]:
    """The answer, or its items where the task asks for a list."""
    if task.output != "list" or not finding.answer:
        return [_key(finding)]
    return [" ".join(item.split()).casefold() for item in re.split(r"[,;]", finding.answer) if item.strip()]


def _listed(counts: Counter[str]) -> str:
    shown = ", ".join(f"{answer} {count}" for answer, count in counts.most_common(_LISTED))
    return (shown or "none") + (f" and {len(counts) - _LISTED} more" if len(counts) > _LISTED else "")


def _group(task: Task, answers: Sequence[Finding], names: dict[str, str]) -> str:
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for finding in answers:
        document = finding.citation.document_id
        for item in _items(task, finding):
            groups[item][document] = names.get(document, PurePath(finding.citation.path).name)
    return "; ".join(
        f"{answer} ({len(members)}): {', '.join(sorted(members.values()))}" for answer, members in groups.items()
    )


def _aggregate(task: Task, answers: Sequence[Finding]) -> str:
    values = [value for finding in answers if finding.answer and (value := parse_number(finding.answer)) is not None]
    if not values:
        return f"{task.reduce}: no numbers found"
    result = {
        "sum": lambda: sum(values, Decimal(0)),
        "min": lambda: min(values),
        "max": lambda: max(values),
        "mean": lambda: _rounded(sum(values, Decimal(0)) / len(values)),
    }[task.reduce]()
    without = f", {len(answers) - len(values)} findings without a number" if len(values) < len(answers) else ""
    return f"{task.reduce} of {len(values)} numbers: {result.normalize():f}{without}"


def _rounded(value: Decimal) -> Decimal:
    return Context(prec=_SIGNIFICANT).create_decimal(value)


def _key(finding: Finding) -> str:
    return " ".join((finding.answer or "").split()).casefold() or "(no short answer)"
