"""The names that go up for documents: a file's name, and of its folders only what tells it from another."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Final

from minions.text.paths import distinct_names, stem_of
from minions.text.visible import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.redaction.detector import Detector

NAME_CHARACTERS: Final = 100
SHOWN_TITLE_CHARACTERS: Final = 70
_TAIL_CHARACTERS: Final = 20
_CUT: Final = "..."
_LOOKED_AT: Final = 4  # times the limit: a value that the cut goes through may go on
_STRIPPED: Final = 8  # characters that a heading may be shorter than where it was cut
_MAY_BE_CUT: Final = re.compile(r"(?:\S*\d\S*\s+)*\S*\Z")
_SEPARATORS: Final = str.maketrans({";": "_", "|": "_", '"': "'", "`": "'"})
# A name that goes up as it is; most do, and all others are looked at.
_PLAIN: Final = re.compile(rf"[\w.,()&+@#$%=~/! -]{{1,{NAME_CHARACTERS}}}", re.ASCII)


def shown_names(paths: Sequence[str]) -> list[str]:
    """`distinct_names` as they go up: one line of at most `NAME_CHARACTERS`, without control characters, and without
    the signs that separate names and lines there, so that no name can pass for two, or for something else. Still
    distinct, and the suffix stays.
    """
    names = distinct_names(paths)
    if all(map(_PLAIN.fullmatch, names)):
        return names
    taken: Counter[str] = Counter()
    return [_apart(_shown(name), taken) for name in names]


def plain(text: str, limit: int) -> str:
    """Text of a document (a title, a heading) fit for a list in a prompt: see `shown_names`. It is cut between words,
    and through no value: a part of one would not be known for what it is.
    """
    flat = clean_line(text, _LOOKED_AT * limit)
    return (
        flat if len(flat) <= limit else f"{_beginning(flat, limit - len(_CUT))}{_CUT}"
    ).translate(_SEPARATORS)


def uncut(text: str, limit: int) -> str:
    """A heading that was cut at about ``limit`` characters when it was indexed, without the words at its end that may
    be the beginning of a value.
    """
    return text if len(text) < limit - _STRIPPED else f"{_MAY_BE_CUT.sub('', text).rstrip()}{_CUT}"


def _shown(name: str) -> str:
    if len(name) > NAME_CHARACTERS:
        tail = _end(name, _TAIL_CHARACTERS)
        name = f"{_beginning(name, NAME_CHARACTERS - len(tail) - len(_CUT))}{_CUT}{tail}"
    return plain(name, NAME_CHARACTERS) or "_"


def _beginning(text: str, limit: int) -> str:
    return text[: next(reversed(_breaks(text, 0, limit)), 0)].rstrip()


def _end(text: str, limit: int) -> str:
    suffix = text[len(stem_of(text)) :]
    return text[
        next(
            iter(_breaks(text, len(text) - limit, len(text) - 1)), len(text) - len(suffix[:limit])
        ) :
    ]


def _breaks(text: str, start: int, end: int) -> list[int]:
    """Where from ``start`` to ``end`` a text may be cut: between words, and within no value."""
    values = _detector()(text)
    places = (place for place in range(start, end + 1) if not text[place - 1 : place + 1].isalnum())
    return [
        place for place in places if not any(value.start < place < value.end for value in values)
    ]


@cache
def _detector() -> Detector:
    from minions.redaction.detector import detector

    return detector()


def _apart(name: str, taken: Counter[str]) -> str:
    """The name, with a number before its suffix where it is taken."""
    taken[name] += 1
    stem = stem_of(name)
    return name if taken[name] == 1 else _apart(f"{stem}~{taken[name]}{name[len(stem) :]}", taken)
