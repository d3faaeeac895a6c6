"""A chunk's numbered lines.

A worker points at lines by their numbers, and the quote is then taken from the text itself, not
from the worker's copy.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Characters. Longer lines are split at sentence ends, so that pointing stays precise
# (docs/experiments.md).
_LONG = 220
_SENTENCE_END = re.compile(r"(?<=[.!?;])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")


class Line(NamedTuple):
    """A numbered line, ``text[start:end]``, without surrounding white space.

    ``number`` starts at 1.
    """

    number: int
    start: int
    end: int


def split_lines(text: str) -> list[Line]:
    """Number the lines of ``text`` that are not blank.

    A line longer than 220 characters is numbered sentence by sentence, short ones joined.
    """
    spans: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\n]+", text):
        start, end = _strip(text, match.start(), match.end())
        if start == end:
            continue
        if end - start <= _LONG:
            spans.append((start, end))
            continue
        cuts = [sentence.end() for sentence in _SENTENCE_END.finditer(text, start, end)]
        piece_start = start
        piece_end = start
        for cut in (*cuts, end):
            # Short sentences are joined: a number a sentence would cost more tokens than it saves.
            if piece_end > piece_start and cut - piece_start > _LONG:
                spans.append(_strip(text, piece_start, piece_end))
                piece_start = piece_end
            piece_end = cut
        spans.append(_strip(text, piece_start, piece_end))
    return [Line(number, *span) for number, span in enumerate(spans, 1)]


def number_lines(text: str, lines: list[Line]) -> str:
    """The lines as a worker sees them: ``1: first``, one a row."""
    rows = [f"{line.number}: {text[line.start : line.end]}" for line in lines]
    return "\n".join(rows)


def point(lines: list[Line], numbers: list[int], *, gap: int = 1) -> list[tuple[int, int]]:
    """Spans of the lines with these numbers, in the order of the text.

    Lines with at most ``gap`` lines between them are one span. Numbers of no line are ignored.
    """
    spans: list[tuple[int, int]] = []
    last = None
    for number in sorted(set(numbers)):
        if not 1 <= number <= len(lines):
            continue
        line = lines[number - 1]
        if last is not None and number - last <= gap + 1:
            spans[-1] = (spans[-1][0], line.end)
        else:
            spans.append((line.start, line.end))
        last = number
    return spans


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
