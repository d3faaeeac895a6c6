"""Measures how much of an answer its evidence supports.

A weak reader often knows the answer but miscounts the lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.evidence.lines import split_lines
from minions.text.small_words import SUPPORT_STOPWORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.evidence.lines import Line
    from minions.values.findings import Citation, Finding

MIN_SUPPORT = 0.6
_WORD = re.compile(r"\d[\d.,]*\d|\w+")
_NUMBER_WEIGHT = 3.0  # a number says more about where an answer stands than a word


def supporting_line(
    answer: str | None, text: str, lines: Sequence[Line], pointed: Sequence[int]
) -> int | None:
    """The number of the line that holds the answer, where the lines pointed at do not hold it.

    None when there is no better line. A line's support is the share of the answer's words that
    stand in it, numbers counting three times.
    """
    words = _words(answer or "")
    if not words:
        return None
    by_number: dict[int, set[str]] = {}
    for line in lines:
        by_number[line.number] = _words(text[line.start : line.end])
    pointed_words: set[str] = set()
    for number in pointed:
        pointed_words |= by_number[number]
    best = max(by_number, key=lambda number: _support(words, by_number[number]))
    support = _support(words, by_number[best])
    if best in pointed or support < MIN_SUPPORT or support <= _support(words, pointed_words):
        return None
    return best


def supports(finding: Finding, answer: str) -> bool:
    """True if most of the answer's words stand in the lines that a finding shows."""
    shown = f"{finding.before} {finding.citation.quote} {finding.after}"
    return (support_in(answer, shown) or 0.0) >= MIN_SUPPORT


def support_in(answer: str, text: str) -> float | None:
    """The share of the answer's words that stand in a text, numbers counting three times.

    None where the answer has no words but stopwords.
    """
    words = _words(answer)
    if not words:
        return None
    return _support(words, _words(text))


def widen(finding: Finding, answer: str, text: str) -> Citation:
    """The citation with as many of the lines around it as support the answer best, and no more.

    ``text`` is the document's. A worker may point at a row while the planner reads the total two
    rows below: the citation then spans both.
    """
    citation = finding.citation
    words = _words(answer)
    if not words or finding.context_end <= finding.context_start:
        return citation
    starts = [citation.start]
    ends = [citation.end]
    for line in split_lines(text[finding.context_start : finding.context_end]):
        line_start = finding.context_start + line.start
        line_end = finding.context_start + line.end
        if line_start < citation.start:
            starts.insert(1, line_start)  # the nearest line first
        if line_end > citation.end:
            ends.append(line_end)
    spans = [(start, end) for start in starts for end in ends]
    spans.sort(key=lambda span: span[1] - span[0])
    # Of spans with equal support, max() returns the first, which is the shortest.
    start, end = max(spans, key=lambda span: _support(words, _words(text[span[0] : span[1]])))
    return citation.model_copy(update={"start": start, "end": end, "quote": text[start:end]})


def _support(words: set[str], line: set[str]) -> float:
    found = 0.0
    total = 0.0
    for word in words:
        weight = 1.0
        if word[0].isdigit():
            weight = _NUMBER_WEIGHT
        total += weight
        if word in line:
            found += weight
    return found / total


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in SUPPORT_STOPWORDS}
