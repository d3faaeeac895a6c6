"""Do two findings say the same? Numbers count by their value, however they are written; small words do not count."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.text.numbers import parse_amounts, parse_number, with_plain_numbers
from minions.text.small_words import MONTH_ABBREVIATIONS, VALUE_STOPWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.values.findings import Finding
    from minions.values.plans import Task

NEARLY = 0.75  # of the best confidence: a look ranks well, filters badly (docs/experiments.md)
_STRETCH = 2_000  # characters
_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
_DAY = r"(\d\d?)(?:st|nd|rd|th)?"
_ISO = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)")
_DATE = re.compile(
    rf"(?:{_DAY}(?: day)?(?: of)? )?\b({_MONTHS})\b\.?(?: {_DAY}\b)?,?(?: of)?(?: (\d{{4}}))?"
)
_AROUND_DATE = re.compile(
    r"(?:the|on|in|of|as|from|dated?|is|was|it|(?:mon|tues|wednes|thurs|fri|satur|sun)day|[ ,.:()])*"
)
_Stretch = tuple[str, int, str, str]
# AA+ and AA- are two ratings, C, C++ and C# three languages; a hyphen within words parts them.
_WORD = re.compile(r"-?\d[\d.]*%?|[^\W\d]+(?:[+#]+|-(?!\w))?")


def value_of(text: str, task: Task) -> str:
    """Equal for answers that say the same: "$12.4 million" and "12,400,000", "about 30 days" and "30 days"."""
    if task.output == "number" and (number := parse_number(text)) is not None:
        return f"{number.normalize():f}"
    if task.output == "date" and (date := _date_of(" ".join(text.casefold().split()))):
        return date
    if task.output == "category":
        return " ".join(text.split()).casefold()
    words = [word.rstrip(".") for word in _WORD.findall(with_plain_numbers(text).casefold())]
    said = [word for word in words[:-1] if word not in VALUE_STOPWORDS]
    said += [
        word for word in words[-1:] if word == "a" or word not in VALUE_STOPWORDS
    ]  # "type A" has no article
    return " ".join(said) or " ".join(text.split()).casefold()


def _date_of(text: str) -> str:
    """``2022-12-31`` for a date, with a month in letters or the year first, or for as much of one as there is; empty
    where more is said, or less. Which of 3/4/2022 is the month, nobody knows.
    """
    found = _ISO.search(text) or _DATE.search(text)
    if not found or not _AROUND_DATE.fullmatch(text[: found.start()] + text[found.end() :]):
        return ""
    if found.re is _ISO:
        return "-".join(str(int(part)) for part in found.groups())
    before, name, after, year = found.groups()
    parts = [year, str(MONTH_ABBREVIATIONS.index(name[:3]) + 1), str(int(before or after or 0))]
    return "-".join(parts) if year else ""


def merged(ranked: Sequence[Finding], task: Task) -> list[Finding]:
    """The findings, best first, without those whose lines another one shows: the same lines, read twice, are one fact.

    Chunks that overlap may be read differently: then both answers stay.
    """
    kept: list[Finding] = []
    near: dict[
        _Stretch, list[Finding]
    ] = {}  # what was kept, by what could make one of two findings
    for finding in ranked:
        here = _stretches(finding, task)
        # Without an answer it adds nothing to any other finding on its lines; nor does another reading of one passage.
        alike = [stretch for stretch in here if (stretch[2] == "lines") == (not finding.answer)]
        if not any(
            _overlap(finding, other) for stretch in alike for other in near.get(stretch, ())
        ):
            kept.append(finding)
            for stretch in here:
                near.setdefault(stretch, []).append(finding)
    return kept


def rivals(findings: Iterable[Finding], task: Task) -> list[list[Finding]]:
    """Findings by the value they give, where a task that asks for one fact got several and none is much surer; the best
    first. Fewer than two: nothing is in dispute.

    Judgements and lists differ by nature, and so do sentences: of these only single amounts are compared.
    """
    if task.unit == "document" or task.reduce != "collect" or task.output == "list":
        return []
    values = [
        (value, finding) for finding in findings if (value := _comparable(finding.answer, task))
    ]
    best = max((finding.confidence for _, finding in values), default=0.0)
    groups: dict[str, list[Finding]] = {}
    for value, finding in values:
        if finding.confidence >= NEARLY * best:
            groups.setdefault(value, []).append(finding)
    return list(groups.values())


def disputed(findings: Sequence[Finding], task: Task) -> bool:
    """Whether one document is said to give different values: of two documents, both may be right."""
    documents: dict[str, list[Finding]] = {}
    for group in rivals(findings, task):
        for document in {finding.citation.document_id for finding in group}:
            documents.setdefault(document, []).append(group[0])
    return any(len(values) > 1 for values in documents.values())


def _comparable(answer: str | None, task: Task) -> str | None:
    if not answer:
        return None
    if task.output != "text":
        return value_of(answer, task)
    amounts = set(parse_amounts(answer))
    return f"{amounts.pop().normalize():f}" if len(amounts) == 1 else None


def _stretches(finding: Finding, task: Task) -> list[_Stretch]:
    """Where it is looked for: by its lines, its passage and its value, so that ten thousand findings are not compared
    each with each.
    """
    citation = finding.citation
    marks = [
        ("lines", ""),
        ("passage", finding.passage),
        ("value", value_of(finding.answer or "", task)),
    ]
    ends = range(citation.start // _STRETCH, citation.end // _STRETCH + 1)
    return [(citation.document_id, n, *mark) for n in ends for mark in marks]


def _overlap(one: Finding, two: Finding) -> bool:
    return one.citation.start < two.citation.end and two.citation.start < one.citation.end
