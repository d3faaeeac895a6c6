"""Folds a text to plain letters and digits, with the way back to its own offsets.

Full-width and other decorated letters and digits become ASCII, and invisible characters are left
out.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

_UNSEEN = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}  # fillers and the blank Braille cell
# The dotted I, which is two characters in lower case, the minus sign and the fraction slash.
_SPECIAL = {"\u0130": "I", "\u2212": "-", "\u2044": "/"}
_BY_CATEGORY = {"Pd": "-", "Zs": " ", "Zl": "\n", "Zp": "\n"}
# Characters that a single one may become: a ligature is opened, a word in one character is not.
_LONGEST = 4
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


class Folded(NamedTuple):
    """The plain ``text`` of an ``original``.

    ``origins`` holds, for each character of ``text``, its offset in the original; it is None where
    all offsets are equal.
    """

    original: str
    text: str
    origins: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's span of ``text[start:end]``, with the combining marks on its last letter.

        The span must not be empty.
        """
        if self.origins is None:
            return start, end
        last = self.origins[end - 1] + 1
        while last < len(self.original) and unicodedata.combining(self.original[last]):
            last += 1
        return self.origins[start], last


def fold(text: str) -> Folded:
    """The plain view of ``text``, in linear time; a text of plain ASCII is its own view."""
    if text.isascii() and not _CONTROLS.search(text):
        return Folded(text, text, None)
    table: dict[int, str] = {}  # characters that become a single one
    resized: dict[str, str] = {}  # characters that become none or several
    for character in set(text):
        plain = _plain(character)
        if len(plain) != 1:
            resized[character] = plain
        elif plain != character:
            table[ord(character)] = plain
    if not resized:
        return Folded(text, text.translate(table), None)
    parts: list[str] = []
    origins: list[int] = []
    place = 0
    for found in re.finditer(f"[{re.escape(''.join(resized))}]", text):
        if found.start() > place:
            parts.append(text[place : found.start()])
            origins += range(place, found.start())
        place = found.end()
        plain = resized[found[0]]
        if plain:
            parts.append(plain)
            origins += [found.start()] * len(plain)
        elif parts and unicodedata.combining(found[0]):
            parts[-1] = _with_mark(parts[-1], found[0])
    parts.append(text[place:])
    origins += range(place, len(text))
    return Folded(text, "".join(parts).translate(table), origins)


def _with_mark(part: str, mark: str) -> str:
    """Join a mark to the last letter of a part, if both make one character in either case."""
    both = unicodedata.normalize("NFC", part[-1] + mark)
    if len(both) == len(both.lower()) == 1:
        return part[:-1] + both
    return part


@functools.lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """The plain characters that a character is read as: another, several, none, or itself."""
    if character.isascii():
        return _CONTROLS.sub("", character)
    category = unicodedata.category(character)
    if character in _UNSEEN or category in {"Cf", "Mn", "Me"}:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    plain = _SPECIAL.get(character) or _BY_CATEGORY.get(category)
    if not plain:
        plain = unicodedata.normalize("NFKC", character)
    if len(plain) > _LONGEST:
        return character
    return plain
