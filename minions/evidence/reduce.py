"""Reduces a task's findings to an outcome: a count, a sum, a vote, a table of values.

It is computed on the device, over grounded findings only.
"""

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
# The highest probability that a judgement counts with: a single one outweighs only a few others.
_SUREST = 0.999
# The weight of a judgement that is a guess: where all are guesses, they are counted.
_FEEBLEST = 0.01


class Group(Value):
    """A value, and the names of the documents that have it."""

    value: str
    members: tuple[str, ...]


class Reduction(Value):
    """One task's outcome: its findings, best first, and a sentence that sums them up.

    ``summary`` is empty where the findings speak for themselves. ``groups`` stand in its place for
    reduce group. ``extreme`` is the id of the finding with the smallest or largest number.
    ``exemplary`` is the number of findings per value that illustrate a summary of documents; None
    where the findings themselves are the outcome. ``unread`` are the lines that the index alone
    would show where findings do not suffice; they are never part of a summary.
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
        """The findings that may be sent first."""
        return self.findings or self.unread


def reduce_findings(task: Task, findings: Iterable[Finding], names: dict[str, str]) -> Reduction:
    """Apply the task's ``reduce`` to its findings.

    ``names`` maps a document's id to its name in a summary. A chunk counts once, however many of
    its lines were found and however often it was sampled, and so do lines that two chunks share.
    With ``unit`` document, each document first becomes its best finding.
    """
    ranked = sorted(findings, key=_by_confidence)
    answers = _one_each(task, ranked, lambda finding: finding.passage or finding.id)
    if not task.judges:  # a judgement rests on more than the line that it cites
        answers = merged(answers, task)
    if task.unit == "document":
        answers = _one_each(task, answers, lambda finding: finding.citation.document_id)
        ranked = answers
    outcome = _Outcome(task, answers)
    extreme_id = None
    if outcome.extreme is not None:
        extreme_id = outcome.extreme.id
        ranked = sorted(ranked, key=lambda finding: finding.id != extreme_id)  # the extreme first
    return Reduction(
        task_id=task.id,
        findings=tuple(merged(ranked, task)),
        summary=outcome.summary(),
        groups=outcome.groups(names),
        extreme=extreme_id,
        exemplary=outcome.exemplary(),
    )


def _by_confidence(finding: Finding) -> tuple[float, str]:
    return -finding.confidence, finding.id


def _one_each(
    task: Task, ranked: Sequence[Finding], key: Callable[[Finding], str]
) -> list[Finding]:
    """Choose one finding of each group: the first.

    In a group of judgements or samples, it is the first with the answer of the greatest weight.
    """
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in ranked:
        groups[key(finding)].append(finding)
    chosen: list[Finding] = []
    for group in groups.values():
        winner = group[0]
        samples = {finding.sample for finding in group}
        if task.output in {"yes_no", "category"} or len(samples) > 1:
            weights: Counter[str] = Counter()
            for finding in group:
                weights[_key(finding)] += round(_weight(task, finding) * 1000)
            heaviest = weights.most_common(1)[0][0]
            winner = next(finding for finding in group if _key(finding) == heaviest)
        chosen.append(winner)
    return sorted(chosen, key=_by_confidence)


def _weight(task: Task, finding: Finding) -> float:
    """The weight of a finding's vote: its confidence, or the log-odds of a judgement.

    The log-odds say how much likelier a verdict is than by chance, so that two verdicts hardly
    better than a guess do not outvote a sure one.
    """
    if not task.judges:
        return finding.confidence
    probability = min(max(finding.confidence, 1 - _SUREST), _SUREST)
    others = 1
    if task.output == "category":
        others = max(1, len(task.options) - 1)
    return max(_FEEBLEST, math.log(probability / (1 - probability) * others))


class _Outcome:
    """The outcome of a task's answers, each part computed where it is asked for.

    ``answers`` count once each and are in order of confidence. ``extreme`` is the answer with the
    smallest or largest number, the surest of several, where the task asks for one.
    """

    def __init__(self, task: Task, answers: Sequence[Finding]) -> None:
        self._task = task
        self._answers = answers
        self._numbers: list[Decimal] = []
        self.extreme: Finding | None = None
        if task.reduce not in {"sum", "min", "max", "mean"}:
            return
        numbered: list[tuple[Decimal, Finding]] = []
        for finding in answers:
            number = parse_number(finding.answer or "")
            if number is not None:
                numbered.append((number, finding))
        self._numbers = [number for number, _ in numbered]
        if numbered and task.reduce == "min":
            self.extreme = min(numbered, key=lambda pair: pair[0])[1]
        if numbered and task.reduce == "max":
            self.extreme = max(numbered, key=lambda pair: pair[0])[1]

    def summary(self) -> str:
        """The outcome in a sentence; empty for collect, group, and where nothing was found."""
        task = self._task
        speaks_alone = task.reduce in {"collect", "group"}
        if speaks_alone or (task.reduce in {"unique", "vote"} and not self._answers):
            return ""
        if task.reduce == "unique":
            return f"distinct: {self._listed()}"
        if task.reduce == "vote":
            return f"votes: {self._listed()}"
        if task.reduce == "count":
            return self._count()
        if not self._numbers:
            return f"{task.reduce}: no numbers found"
        if task.reduce == "min":
            result = min(self._numbers)
        elif task.reduce == "max":
            result = max(self._numbers)
        else:
            result = sum(self._numbers, Decimal(0))
            if task.reduce == "mean":
                result = _rounded(result / len(self._numbers))
        text = f"{task.reduce} of {len(self._numbers)} numbers: {result.normalize():f}"
        without = len(self._answers) - len(self._numbers)
        if without:
            text += f", {without} findings without a number"
        return text

    def groups(self, names: dict[str, str]) -> tuple[Group, ...]:
        """For reduce group, each value with the documents that have it, the largest group first."""
        if self._task.reduce != "group":
            return ()
        wordings: dict[str, str] = {}
        groups: dict[str, dict[str, str]] = defaultdict(dict)
        for finding in self._answers:
            document = finding.citation.document_id
            name = names.get(document, PurePath(finding.citation.path).name)
            for item in _items(self._task, finding):
                wording = wordings.setdefault(value_of(item, self._task), item)
                groups[wording][document] = name
        by_size = sorted(groups.items(), key=lambda group: -len(group[1]))
        result: list[Group] = []
        for value, members in by_size:
            result.append(Group(value=value, members=tuple(sorted(members.values()))))
        return tuple(result)

    def exemplary(self) -> int | None:
        """See `Reduction`."""
        if self._task.unit != "document" or self._task.reduce in {"collect", "unique", "vote"}:
            return None
        values = 1
        if self._task.reduce in {"count", "group"}:
            values = len({value_of(finding.answer or "", self._task) for finding in self._answers})
        return min(_EXAMPLES_EACH, max(1, _EXAMPLES // max(1, values)))

    def _count(self) -> str:
        counted = "passages"
        if self._task.unit == "document":
            counted = "documents"
        if self._task.output in {"yes_no", "category"}:
            return f"counted over {len(self._answers)} {counted}: {self._listed()}"
        return f"count: {len(self._answers)} {counted}"

    def _listed(self) -> str:
        """Each item with its count, in the wording of the surest finding: ``yes 12, no 3``."""
        wordings: dict[str, str] = {}
        counts: Counter[str] = Counter()
        for finding in self._answers:
            for item in _items(self._task, finding):
                wording = wordings.setdefault(value_of(item, self._task), item)
                counts[wording] += 1
        shown = [f"{wording} {count}" for wording, count in counts.most_common(_LISTED)]
        text = ", ".join(shown) or "none"
        if len(counts) > _LISTED:
            text += f" and {len(counts) - _LISTED} more"
        return text


def _items(task: Task, finding: Finding) -> list[str]:
    """The answer, or its items where the task asks for a list."""
    if task.output != "list" or not finding.answer:
        return [_key(finding)]
    items = [" ".join(item.split()).casefold() for item in re.split(r"[,;]", finding.answer)]
    return [item for item in items if item]


def _key(finding: Finding) -> str:
    return " ".join((finding.answer or "").split()).casefold() or "(no short answer)"


def _rounded(value: Decimal) -> Decimal:
    """Round to six digits, but never before the second decimal, so that millions keep units."""
    digits = max(_SIGNIFICANT, value.adjusted() + 1 + _FEWEST_DECIMALS)
    return Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(value)
