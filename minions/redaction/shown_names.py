"""The names of documents, as they stand in text that is sent.

A name is the file's own, with its folders only where another file has the same name.
"""

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
_LOOKED_AT: Final = 4  # times the limit: a value may begin before it and end after it
_STRIPPED: Final = 8  # characters by which a cut heading may be shorter than its limit
_MAY_BE_CUT: Final = re.compile(r"(?:\S*\d\S*\s+)*\S*\Z")
_SEPARATORS: Final = str.maketrans({";": "_", "|": "_", '"': "'", "`": "'"})
# A name that is sent as it is; most are, and all others are looked at.
_PLAIN: Final = re.compile(rf"[\w.,()&+@#$%=~/! -]{{1,{NAME_CHARACTERS}}}", re.ASCII)


def shown_names(paths: Sequence[str]) -> list[str]:
    """The names of `distinct_names` as they are sent: still distinct, and with their suffixes.

    Each is one line of at most `NAME_CHARACTERS`, without control characters and without the signs
    that separate names and lines in a prompt, so that no name can pass for two, or for something
    else.
    """
    names = distinct_names(paths)
    if all(map(_PLAIN.fullmatch, names)):
        return names
    taken: Counter[str] = Counter()
    shown: list[str] = []
    for name in names:
        short = name
        if len(name) > NAME_CHARACTERS:
            end = _end(name, _TAIL_CHARACTERS)
            beginning = _beginning(name, NAME_CHARACTERS - len(end) - len(_CUT))
            short = f"{beginning}{_CUT}{end}"
        shown.append(_apart(plain(short, NAME_CHARACTERS) or "_", taken))
    return shown


def plain(text: str, limit: int) -> str:
    """A title or heading of a document, made fit for a list in a prompt: see `shown_names`.

    It is cut between words, and never inside a value: a part of a value would not be recognised.
    """
    flat = clean_line(text, _LOOKED_AT * limit)
    if len(flat) > limit:
        flat = f"{_beginning(flat, limit - len(_CUT))}{_CUT}"
    return flat.translate(_SEPARATORS)


def uncut(text: str, limit: int) -> str:
    """A heading without the words at its end that may be the beginning of a value.

    Only a heading that was cut at about ``limit`` characters when it was indexed loses words.
    """
    if len(text) < limit - _STRIPPED:
        return text
    return f"{_MAY_BE_CUT.sub('', text).rstrip()}{_CUT}"


def _beginning(text: str, limit: int) -> str:
    """The beginning of a text, as long as it may be and not longer than ``limit``."""
    breaks = _breaks(text, 0, limit)
    if not breaks:
        return ""
    return text[: breaks[-1]].rstrip()


def _end(text: str, limit: int) -> str:
    """The end of a name, at most ``limit`` characters long; its suffix where it cannot be cut."""
    breaks = _breaks(text, len(text) - limit, len(text) - 1)
    if breaks:
        return text[breaks[0] :]
    suffix = text[len(stem_of(text)) :]
    return text[len(text) - len(suffix[:limit]) :]


def _breaks(text: str, start: int, end: int) -> list[int]:
    """The places in ``start`` to ``end`` where a text may be cut: between words, outside values."""
    values = _detector()(text)
    breaks: list[int] = []
    for place in range(start, end + 1):
        in_word = text[place - 1 : place + 1].isalnum()
        if in_word or any(value.start < place < value.end for value in values):
            continue
        breaks.append(place)
    return breaks


@cache
def _detector() -> Detector:
    from minions.redaction.detector import detector

    return detector()


def _apart(name: str, taken: Counter[str]) -> str:
    """The name; if it is taken already, with a number before its suffix."""
    taken[name] += 1
    if taken[name] == 1:
        return name
    stem = stem_of(name)
    return _apart(f"{stem}~{taken[name]}{name[len(stem) :]}", taken)
