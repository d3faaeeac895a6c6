"""A plain view of a text: full-width and other dressed-up letters and digits as ASCII, characters that nobody sees left
out, with the way back to the original's offsets.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

_UNSEEN = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}  # fillers and the blank Braille cell
_SPECIAL = {
    "\u0130": "I",
    "\u2212": "-",
    "\u2044": "/",
}  # the dotted I is two characters in lower case; minus; fraction slash
_BY_CATEGORY = {"Pd": "-", "Zs": " ", "Zl": "\n", "Zp": "\n"}
_LONGEST = 4  # characters one may become: a ligature is opened, a word in one character is left alone
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


class Folded(NamedTuple):
    """The plain ``text`` of an ``original``; ``origins[i]`` is the offset its character ``i`` has there, None where all are
    equal.
    """

    original: str
    text: str
    origins: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's span of ``text[start:end]``, which is not empty, with the marks on its last letter."""
        if self.origins is None:
            return start, end
        last = self.origins[end - 1] + 1
        while last < len(self.original) and unicodedata.combining(self.original[last]):
            last += 1
        return self.origins[start], last


def fold(text: str) -> Folded:
    """The plain view of ``text``. Linear; a text of plain ASCII is its own view."""
    if text.isascii() and not _CONTROLS.search(text):
        return Folded(text, text, None)
    changed = {one: plain for one in set(text) if (plain := _plain(one)) != one}
    if all(len(plain) == 1 for plain in changed.values()):
        return Folded(text, text.translate({ord(one): plain for one, plain in changed.items()}), None)
    characters: list[str] = []
    origins: list[int] = []
    for place, one in enumerate(text):
        plain = changed.get(one, one)
        if not plain and characters and unicodedata.combining(one):
            characters[-1] = _composed(characters[-1], one)
            continue
        characters += plain
        origins += [place] * len(plain)
    return Folded(text, "".join(characters), origins)


def _composed(letter: str, mark: str) -> str:
    """The letter with its mark, where that is one character in either case; else the letter alone."""
    both = unicodedata.normalize("NFC", letter + mark)
    return both if len(both) == len(both.lower()) == 1 else letter


@functools.lru_cache(maxsize=4096)
def _plain(one: str) -> str:
    """What a character is read as: itself, a plainer one, a few, or nothing."""
    if one.isascii():
        return _CONTROLS.sub("", one)
    category = unicodedata.category(one)
    if one in _UNSEEN or category in {"Cf", "Mn", "Me"}:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(one))
    plain = _SPECIAL.get(one) or _BY_CATEGORY.get(category) or unicodedata.normalize("NFKC", one)
    return plain if len(plain) <= _LONGEST else one
