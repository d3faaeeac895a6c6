"""A chunk's numbered lines: what a worker points at, and the spans the device takes from the text instead of the
worker's copy.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LONG = 220  # characters; longer lines are split at sentence ends, so that pointing stays precise (docs/experiments.md)
_SENTENCE_END = re.compile(r"(?<=[.!?;])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")


class Line(NamedTuple):
    """A numbered line: ``text[start:end]``, without surrounding white space; ``number`` starts at 1."""

    number: int
    start: int
    end: int


def split_lines(text: str) -> list[Line]:
    """Number the lines of ``text`` that hold anything; a line longer than 220 characters counts as its sentences."""
    spans: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\n]+", text):
        start, end = _strip(text, match.start(), match.end())
        if start < end:
            spans.extend(_sentences(text, start, end))
    return [Line(number, start, end) for number, (start, end) in enumerate(spans, 1)]


def number_lines(text: str, lines: list[Line]) -> str:
    """The lines as a worker sees them: ``1: first``, one a row."""
    return "\n".join(f"{line.number}: {text[line.start : line.end]}" for line in lines)


def point(lines: list[Line], numbers: list[int], *, gap: int = 1) -> list[tuple[int, int]]:
    """Spans of the lines with these numbers, in the order of the text; runs with at most ``gap`` lines between are one
    span.
    """
    spans: list[tuple[int, int]] = []
    last = None
    for number in sorted({number for number in numbers if 1 <= number <= len(lines)}):
        line = lines[number - 1]
        if last is not None and number - last <= gap + 1:
            spans[-1] = (spans[-1][0], line.end)
        else:
            spans.append((line.start, line.end))
        last = number
    return spans


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    if end - start <= _LONG:
        return [(start, end)]
    pieces: list[tuple[int, int]] = []
    for cut in [*(match.end() for match in _SENTENCE_END.finditer(text, start, end)), end]:
        piece_start = pieces[-1][1] if pieces else start
        # Short sentences are joined: a number a sentence would cost more tokens than it saves.
        if pieces and cut - pieces[-1][0] <= _LONG:
            pieces[-1] = (pieces[-1][0], cut)
        else:
            pieces.append((piece_start, cut))
    return [_strip(text, piece_start, piece_end) for piece_start, piece_end in pieces]


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
