"""Reduce: what a task's findings amount to, computed on the device over grounded findings only."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.evidence.equality import merged, value_of
from minions.text.numbers import parse_number
from minions.values.base import Value
from minions.values.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from minions.values.plans import Task

_LISTED = 40
_SIGNIFICANT = 6
_FEWEST_DECIMALS = 2
_EXAMPLES = 6  # findings beside a table of values, over all values
_EXAMPLES_EACH = 3
_SUREST = 0.999  # that a judgement may be: one alone outweighs no more than a few others
_FEEBLEST = 0.01  # the weight of a judgement that is a guess: where all are, they are counted


class Group(Value):
    """A value and the documents that have it, by name."""

    value: str
    members: tuple[str, ...]


class Reduction(Value):
    """One task's outcome: its findings, best first, and a sentence that sums them up (empty where they speak alone).

    ``groups``: instead of a sentence, for reduce group. ``extreme``: the id of the finding with the smallest or largest
    number. ``exemplary``: how many findings of each value show what a summary of documents rests on; None: the findings
    are what counts. ``unread``: where they do not suffice, what the index alone would show; never part of a summary.
    """

    task_id: str
    findings: tuple[Finding, ...]
    summary: str = ""
    groups: tuple[Group, ...] = ()
    extreme: str | None = None
    exemplary: int | None = None
    unread: tuple[Finding, ...] = ()

    @property
    def shown(self) -> tuple[Finding, ...]:
        """What may go up first."""
        return self.findings or self.unread


def reduce_findings(task: Task, findings: Iterable[Finding], names: dict[str, str]) -> Reduction:
    """Apply the task's ``reduce`` to its findings; ``names`` maps a document's id to how a summary writes it.

    A passage counts once, however many lines were brought up from it and however often it was sampled, and so do lines
    that two passages share. With ``unit`` document, each document first becomes its best finding.
    """
    ranked = sorted(findings, key=lambda finding: (-finding.confidence, finding.id))
    answers = _one_each(task, ranked, lambda finding: finding.passage or finding.id)
    if not task.judges:  # the line that a judgement cites is not what it rests on
        answers = merged(answers, task)
    if task.unit == "document":
        ranked = answers = _one_each(task, answers, lambda finding: finding.citation.document_id)
    extreme = _extreme(task, answers)
    ranked.sort(key=lambda finding: extreme is None or finding.id != extreme.id)
    return Reduction(
        task_id=task.id,
        findings=tuple(merged(ranked, task)),
        summary=_summarise(task, answers, extreme),
        groups=_groups(task, answers, names) if task.reduce == "group" else (),
        extreme=extreme.id if extreme else None,
        exemplary=_exemplary(task, answers),
    )


def _summarise(task: Task, answers: Sequence[Finding], extreme: Finding | None) -> str:
    match task.reduce:
        case "collect" | "group":
            return ""
        case "unique":
            return _tally("distinct", task, answers)
        case "vote":
            return _tally("votes", task, answers)
        case "count":
            return _count(task, answers)
        case "sum" | "min" | "max" | "mean":
            return _aggregate(task, answers, extreme)


def _exemplary(task: Task, answers: Sequence[Finding]) -> int | None:
    if task.unit != "document" or task.reduce in {"collect", "unique", "vote"}:
        return None
    values = (
        {value_of(finding.answer or "", task) for finding in answers}
        if task.reduce in {"count", "group"}
        else {""}
    )
    return min(_EXAMPLES_EACH, max(1, _EXAMPLES // max(1, len(values))))


def _one_each(
    task: Task, ranked: Sequence[Finding], key: Callable[[Finding], str]
) -> list[Finding]:
    """One finding a group: the best of those with the answer that weighs most in it, for judgements and samples."""
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in ranked:
        groups[key(finding)].append(finding)
    votes = task.output in {"yes_no", "category"}
    chosen = [
        _winner(task, group) if votes or _is_sampled(group) else group[0]
        for group in groups.values()
    ]
    return sorted(chosen, key=lambda finding: (-finding.confidence, finding.id))


def _is_sampled(group: Sequence[Finding]) -> bool:
    return len({finding.sample for finding in group}) > 1


def _winner(task: Task, group: Sequence[Finding]) -> Finding:
    weights: Counter[str] = Counter()
    for finding in group:
        weights[_key(finding)] += round(_weight(task, finding) * 1000)
    winner = weights.most_common(1)[0][0]
    return next(finding for finding in group if _key(finding) == winner)


def _weight(task: Task, finding: Finding) -> float:
    """What a finding's vote weighs: its confidence; of a judgement, the logarithm of how much likelier its verdict is
    than by chance, so that two which are hardly better than a guess do not outvote a sure one.
    """
    if not task.judges:
        return finding.confidence
    probability = min(max(finding.confidence, 1 - _SUREST), _SUREST)
    others = max(1, len(task.options) - 1) if task.output == "category" else 1
    return max(_FEEBLEST, math.log(probability / (1 - probability) * others))


def _count(task: Task, answers: Sequence[Finding]) -> str:
    of = "documents" if task.unit == "document" else "passages"
    if task.output in {"yes_no", "category"}:
        return f"counted over {len(answers)} {of}: {_listed(_counted(task, answers))}"
    return f"count: {len(answers)} {of}"


def _tally(label: str, task: Task, answers: Sequence[Finding]) -> str:
    return f"{label}: {_listed(_counted(task, answers))}" if answers else ""


def _counted(task: Task, answers: Sequence[Finding]) -> Counter[str]:
    """How often each item was given, under the words that the surest finding has for it."""
    words: dict[str, str] = {}
    return Counter(
        words.setdefault(value_of(item, task), item)
        for finding in answers
        for item in _items(task, finding)
    )


def _items(task: Task, finding: Finding) -> list[str]:
    """The answer, or its items where the task asks for a list."""
    if task.output != "list" or not finding.answer:
        return [_key(finding)]
    return [
        " ".join(item.split()).casefold()
        for item in re.split(r"[,;]", finding.answer)
        if item.strip()
    ]


def _listed(counts: Counter[str]) -> str:
    shown = ", ".join(f"{answer} {count}" for answer, count in counts.most_common(_LISTED))
    return (shown or "none") + (
        f" and {len(counts) - _LISTED} more" if len(counts) > _LISTED else ""
    )


def _groups(task: Task, answers: Sequence[Finding], names: dict[str, str]) -> tuple[Group, ...]:
    words: dict[str, str] = {}
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for finding in answers:
        document = finding.citation.document_id
        for item in _items(task, finding):
            word = words.setdefault(value_of(item, task), item)
            groups[word][document] = names.get(document, PurePath(finding.citation.path).name)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(
        Group(value=value, members=tuple(sorted(members.values()))) for value, members in ordered
    )


def _extreme(task: Task, answers: Sequence[Finding]) -> Finding | None:
    """The finding with the smallest or largest number; of several the surest."""
    if task.reduce not in {"min", "max"}:
        return None
    numbered = [
        (number, finding) for finding in answers if (number := _number(finding)) is not None
    ]
    pick = min if task.reduce == "min" else max
    return pick(numbered, key=lambda pair: pair[0])[1] if numbered else None


def _aggregate(task: Task, answers: Sequence[Finding], extreme: Finding | None) -> str:
    values = [value for finding in answers if (value := _number(finding)) is not None]
    if not values:
        return f"{task.reduce}: no numbers found"
    result = _number(extreme) if extreme else None
    if result is None:
        total = sum(values, Decimal(0))
        result = total if task.reduce == "sum" else _rounded(total / len(values))
    without = (
        f", {len(answers) - len(values)} findings without a number"
        if len(values) < len(answers)
        else ""
    )
    return f"{task.reduce} of {len(values)} numbers: {result.normalize():f}{without}"


def _number(finding: Finding) -> Decimal | None:
    return parse_number(finding.answer) if finding.answer else None


def _rounded(value: Decimal) -> Decimal:
    """To six digits, and never before the second after the point: a mean of millions keeps its units."""
    digits = max(_SIGNIFICANT, value.adjusted() + 1 + _FEWEST_DECIMALS)
    return Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(value)


def _key(finding: Finding) -> str:
    return " ".join((finding.answer or "").split()).casefold() or "(no short answer)"
