"""Finds a worker's quote in the text it claims to come from.

The match is exact, else normalised (white space, case, quotation marks, dashes), else approximate.
Approximate matching is bounded in both lengths, so that no document can make it slow.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from minions.values.findings import CitationStatus

MIN_SCORE = 0.85
_MAX_QUOTE = 600  # characters
_MAX_TEXT = 20_000  # characters
_MIN_FUZZY = 12  # characters; shorter quotes match by chance
_FOLDED = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u00ad": None,
    }
)


class Location(NamedTuple):
    """The place of a quote, ``text[start:end]``.

    ``status`` is the kind of match, ``score`` its quality in [0, 1]: 1.0 for all but ``fuzzy``.
    """

    start: int
    end: int
    status: CitationStatus
    score: float


def locate(quote: str, text: str) -> Location | None:
    """Find ``quote`` in ``text``; None when it does not stand there."""
    quote = quote.strip()
    if not quote:
        return None
    start = text.find(quote)
    if start >= 0:
        return Location(start, start + len(quote), "exact", 1.0)
    folded, offsets = _fold(text)
    needle = _fold(quote)[0].strip()
    start = folded.find(needle)
    if needle and start >= 0:
        last = offsets[start + len(needle) - 1]
        return Location(offsets[start], last + 1, "normalised", 1.0)
    return _fuzzy(quote, text)


def _fold(text: str) -> tuple[str, list[int]]:
    """The text case-folded, with runs of white space as one blank.

    With it comes, for each of its characters, the offset in ``text`` that it was made from.
    """
    folded: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if character.isspace():
            if folded and folded[-1] == " ":
                continue
            folded.append(" ")
            offsets.append(offset)
            continue
        for piece in unicodedata.normalize("NFKC", character).translate(_FOLDED).casefold():
            folded.append(piece)
            offsets.append(offset)
    return "".join(folded), offsets


def _fuzzy(quote: str, text: str) -> Location | None:
    from rapidfuzz import fuzz

    if not _MIN_FUZZY <= len(quote) <= _MAX_QUOTE or len(text) > _MAX_TEXT:
        return None
    folded = text.casefold()
    if len(folded) != len(text):  # its offsets are not the text's own
        return None
    alignment = fuzz.partial_ratio_alignment(quote.casefold(), folded, score_cutoff=MIN_SCORE * 100)
    if alignment is None:
        return None
    start, end = _whole_words(text, alignment.dest_start, alignment.dest_end)
    if start >= end:
        return None
    return Location(start, end, "fuzzy", round(alignment.score / 100, 3))


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
