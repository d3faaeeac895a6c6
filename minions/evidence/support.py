"""Does the evidence support the answer? A weak reader often knows the answer but miscounts the lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.evidence.lines import split_lines
from minions.text.small_words import SUPPORT_STOPWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.evidence.lines import Line
    from minions.values.findings import Citation, Finding

MIN_SUPPORT = 0.6
_WORD = re.compile(r"\d[\d.,]*\d|\w+")
_NUMBER_WEIGHT = 3.0  # a number says more about where an answer stands than a word


def supporting_line(
    answer: str | None, text: str, lines: Sequence[Line], pointed: Sequence[int]
) -> int | None:
    """The number of the line that holds the answer, where the lines pointed at do not; None when there is no better
    one.

    A line's support is the share of the answer's words that stand in it, numbers counting three times.
    """
    words = _words(answer or "")
    if not words:
        return None
    by_number = {line.number: _words(text[line.start : line.end]) for line in lines}
    together = set().union(*(by_number[number] for number in pointed))
    best = max(by_number, key=lambda number: _support(words, by_number[number]))
    support = _support(words, by_number[best])
    if best in pointed or support < MIN_SUPPORT or support <= _support(words, together):
        return None
    return best


def supports(finding: Finding, answer: str) -> bool:
    """Whether most of the answer's words stand in the lines a finding shows."""
    shown = f"{finding.before} {finding.citation.quote} {finding.after}"
    return (support_in(answer, shown) or 0.0) >= MIN_SUPPORT


def support_in(answer: str, text: str) -> float | None:
    """The share of the answer's words that stand in a text, numbers counting three times; None where the answer has no
    words of its own.
    """
    words = _words(answer)
    return _support(words, _words(text)) if words else None


def widen(finding: Finding, answer: str, text: str) -> Citation:
    """The citation with as many of the lines around it as the answer rests on, fewest first; ``text`` is the
    document's.

    A worker points at a row, and the planner reads the total two rows below: the citation then spans both.
    """
    citation, words = finding.citation, _words(answer)
    if not words or finding.context_end <= finding.context_start:
        return citation
    context = text[finding.context_start : finding.context_end]
    lines = [
        (finding.context_start + line.start, finding.context_start + line.end)
        for line in split_lines(context)
    ]
    starts = [citation.start, *(start for start, _ in reversed(lines) if start < citation.start)]
    ends = [citation.end, *(end for _, end in lines if end > citation.end)]
    spans = sorted(
        ((start, end) for start in starts for end in ends), key=lambda span: span[1] - span[0]
    )
    start, end = max(
        spans, key=lambda span: _support(words, _words(text[span[0] : span[1]]))
    )  # the first, so shortest
    return citation.model_copy(update={"start": start, "end": end, "quote": text[start:end]})


def _support(words: Iterable[str], line: set[str]) -> float:
    weights = {word: _NUMBER_WEIGHT if word[0].isdigit() else 1.0 for word in words}
    return sum(weight for word, weight in weights.items() if word in line) / sum(weights.values())


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in SUPPORT_STOPWORDS}
