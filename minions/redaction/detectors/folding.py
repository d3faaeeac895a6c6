"""A plain view of a text: full-width and other dressed-up letters and digits as ASCII, characters that nobody sees left
out, with the way back to the original's offsets.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSEEN = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}  # fillers and the blank Braille cell
_SPECIAL = {
    "\u0130": "I",
    "\u2212": "-",
    "\u2044": "/",
}  # the dotted I is two characters in lower case; minus; fraction slash
_BY_CATEGORY = {"Pd": "-", "Zs": " ", "Zl": "\n", "Zp": "\n"}
_LONGEST = (
    4  # characters one may become: a ligature is opened, a word in one character is left alone
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


class Folded(NamedTuple):
    """The plain ``text`` of an ``original``, and in ``origins`` the offset that each of its characters has there; None
    where all are equal.
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
    table = {ord(one): plain for one, plain in changed.items() if len(plain) == 1}
    if len(table) == len(changed):
        return Folded(text, text.translate(table), None)
    return _remapped(text, changed, table)


def _remapped(text: str, changed: Mapping[str, str], table: Mapping[int, str]) -> Folded:
    """The view of a text of which some characters become none or several."""
    odd = re.compile(
        f"[{re.escape(''.join(one for one, plain in changed.items() if len(plain) != 1))}]"
    )
    parts: list[str] = []
    origins: list[int] = []
    place = 0
    for found in odd.finditer(text):
        if found.start() > place:
            parts.append(text[place : found.start()])
            origins += range(place, found.start())
        place = found.end()
        plain = changed[found[0]]
        if plain:
            parts.append(plain)
            origins += [found.start()] * len(plain)
        elif parts and unicodedata.combining(found[0]):
            last = parts.pop()
            parts += [last[:-1], _composed(last[-1], found[0])]
    parts.append(text[place:])
    origins += range(place, len(text))
    return Folded(text, "".join(parts).translate(table), origins)


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
