"""Compares the answers of findings.

Numbers are equal by their value, however they are written, and small words do not count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from minions.text.numbers import parse_amounts, parse_number, with_plain_numbers
from minions.text.small_words import MONTH_ABBREVIATIONS, VALUE_STOPWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.values.findings import Citation, Finding
    from minions.values.plans import Task

# A share of the best confidence: a model's confidence ranks answers well, and filters them badly
# (docs/experiments.md).
NEARLY = 0.75
_STRETCH = 2_000  # characters
_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_DAY = r"(\d\d?)(?:st|nd|rd|th)?"
_ISO = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)")
_DATE = re.compile(
    rf"(?:{_DAY}(?: day)?(?: of)? )?\b({_MONTHS})\b\.?(?: {_DAY}\b)?,?(?: of)?(?: (\d{{4}}))?"
)
_AROUND_DATE = re.compile(
    r"(?:the|on|in|of|as|from|dated?|is|was|it|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|[ ,.:()])*"
)
_Stretch = tuple[str, int, str, str]
# AA+ and AA- are two ratings, C, C++ and C# three languages; a hyphen within words parts them.
_WORD = re.compile(r"-?\d[\d.]*%?|[^\W\d]+(?:[+#]+|-(?!\w))?")


def value_of(text: str, task: Task) -> str:
    """A key that is equal for answers of equal value.

    "$12.4 million" and "12,400,000" have one key, as have "about 30 days" and "30 days".
    """
    flat = " ".join(text.split()).casefold()
    if task.output == "number":
        number = parse_number(text)
        if number is not None:
            return f"{number.normalize():f}"
    if task.output == "date":
        date = _date_of(" ".join(text.casefold().split()))
        if date:
            return date
    if task.output == "category":
        return flat
    words = [word.rstrip(".") for word in _WORD.findall(with_plain_numbers(text).casefold())]
    telling = [word for word in words if word not in VALUE_STOPWORDS]
    if words and words[-1] == "a":
        telling.append("a")  # an "a" at the end is no article: "type A"
    return " ".join(telling) or flat


def _date_of(text: str) -> str:
    """The date in a text that is a date and nothing else: ``2022-12-31``; empty for any other.

    The month is in letters, or the year first: which part of 3/4/2022 is the month is unknown. A
    date without its day has the day 0; one without its year is empty.
    """
    found = _ISO.search(text) or _DATE.search(text)
    if not found:
        return ""
    around = text[: found.start()] + text[found.end() :]
    if not _AROUND_DATE.fullmatch(around):
        return ""
    if found.re is _ISO:
        year, month, day = found.groups()
        return f"{int(year)}-{int(month)}-{int(day)}"
    day_before, name, day_after, year = found.groups()
    if not year:
        return ""
    month_number = MONTH_ABBREVIATIONS.index(name[:3]) + 1
    day_number = int(day_before or day_after or 0)
    return f"{year}-{month_number}-{day_number}"


def merged(ranked: Sequence[Finding], task: Task) -> list[Finding]:
    """The findings, best first, without findings whose lines a better finding shows.

    The same lines, read twice, are one fact. Overlapping chunks may be read differently: then both
    answers stay.
    """
    kept: list[Finding] = []
    # Kept findings by a stretch of the document with their lines, chunk and value, so that ten
    # thousand findings need not be compared each with each.
    near: dict[_Stretch, list[Finding]] = defaultdict(list)
    for finding in ranked:
        here = finding.citation
        value = value_of(finding.answer or "", task)
        on_lines: list[_Stretch] = []
        alike: list[_Stretch] = []
        for number in range(here.start // _STRETCH, here.end // _STRETCH + 1):
            on_lines.append((here.document_id, number, "lines", ""))
            alike.append((here.document_id, number, "chunk", finding.passage))
            alike.append((here.document_id, number, "value", value))
        # A finding without an answer adds nothing to any finding on its lines; one with an answer
        # adds nothing to a finding of the same chunk or of the same value.
        compared = alike
        if not finding.answer:
            compared = on_lines
        if any(_overlaps(here, near.get(stretch, ())) for stretch in compared):
            continue
        kept.append(finding)
        for stretch in (*on_lines, *alike):
            near[stretch].append(finding)
    return kept


def rivals(findings: Iterable[Finding], task: Task) -> list[list[Finding]]:
    """Findings grouped by value, for a task that asks for one fact and got several; best first.

    Findings much less sure than the best are left out. Fewer than two groups: nothing is in
    dispute. Judgements and lists differ by nature, and so do sentences: of these only single
    amounts are compared.
    """
    if task.unit == "document" or task.reduce != "collect" or task.output == "list":
        return []
    values: list[tuple[str, Finding]] = []
    for finding in findings:
        value = ""
        if task.output == "text":
            amounts = set(parse_amounts(finding.answer or ""))
            if len(amounts) == 1:
                value = f"{amounts.pop().normalize():f}"
        elif finding.answer:
            value = value_of(finding.answer, task)
        if value:
            values.append((value, finding))
    best = max((finding.confidence for _, finding in values), default=0.0)
    groups: dict[str, list[Finding]] = {}
    for value, finding in values:
        if finding.confidence >= NEARLY * best:
            groups.setdefault(value, []).append(finding)
    return list(groups.values())


def disputed(findings: Sequence[Finding], task: Task) -> bool:
    """True if the findings give one document different values.

    Different values of two documents may both be right.
    """
    documents: set[str] = set()
    for group in rivals(findings, task):
        of_group = {finding.citation.document_id for finding in group}
        if documents & of_group:
            return True
        documents |= of_group
    return False


def _overlaps(citation: Citation, findings: Iterable[Finding]) -> bool:
    """True if one of the findings shows a part of the cited lines."""
    for finding in findings:
        other = finding.citation
        if citation.start < other.end and other.start < citation.end:
            return True
    return False
