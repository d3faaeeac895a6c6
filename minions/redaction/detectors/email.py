"""Finds e-mail addresses.

The forms are ``name@host.org``, also international, ``name [at] host [dot] org``, and ``jane dot
doe at host dot org``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.redaction.detectors.spans import Sensitive, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.redaction.detectors.spans import View

KIND = "EMAIL"
_LONGEST_NAME = 64  # RFC 5321
_NAME = re.compile(r"[\w.+%'&~=-]{0,63}\w")  # tried on the reversed text before the sign
_LONGEST_LIST = 200
_NAMES = re.compile(r"\}[\w.,; |\-]{1,200}\{")  # {ana,tom}@host, as papers write it
_HOST = re.compile(
    r"(?:\w(?:[\w-]{0,61}\w)?\.){1,8}(?P<last>xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})(?![\w@])"
)
_SPELT = re.compile(
    r"(?P<open>[\[({])\s?at\s?[\])}]\s{0,2}(?:\w[\w-]{0,62}\s?(?:\.|[\[({]\s?dot\s?[\])}])\s?)"
    r"{1,6}[a-z]{2,24}\b",
    re.IGNORECASE,
)
_SPOKEN_NAME = re.compile(r"\w{1,30}(?: tod \w{1,30}){1,3}")  # reversed
_SPOKEN_HOST = re.compile(r" at (?:[\w-]{1,40} dot ){1,4}[a-z]{2,12}\b")
# The last part of a file's name, as of "icon@2x.png"; no domain.
_FILES = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "js",
        "css",
        "ts",
        "tsx",
        "jsx",
        "py",
        "json",
        "html",
    ]
)
_BRACKETED_AT = ("[at]", "(at)", "{at}", "[ at ]", "( at )")


def find(view: View) -> Iterator[Sensitive]:
    """The e-mail addresses of a text."""
    for place in places(view, "@"):
        host = _HOST.match(view.text, place + 1)
        if not host:
            continue
        name = _NAME.match(_backwards(view, place, _LONGEST_NAME))
        # "git@host" is the address of a repository.
        if name and host["last"] not in _FILES and name[0] != "tig":
            yield Sensitive(KIND, place - _name_length(name[0]), host.end())
            continue
        names = _NAMES.match(_backwards(view, place, _LONGEST_LIST))
        if names:
            yield Sensitive(KIND, place - len(names[0]), host.end())
    yield from _spoken(view)
    for sign in _BRACKETED_AT:
        for place in places(view, sign):
            before = _backwards(view, place, _LONGEST_NAME)
            gap = len(before) - len(before.lstrip())
            name = _NAME.match(before, gap)
            host = _SPELT.match(view.text, place)
            if name and host:
                yield Sensitive(KIND, place - gap - _name_length(name[0]), host.end())


def _spoken(view: View) -> Iterator[Sensitive]:
    """Addresses in words: ``jane dot doe at example dot org``; the name needs a dot, too."""
    if " dot " not in view.lowered:
        return
    for place in places(view, " at "):
        name = _SPOKEN_NAME.match(_backwards(view, place, _LONGEST_NAME))
        host = _SPOKEN_HOST.match(view.text, place)
        if name and host:
            yield Sensitive(KIND, place - name.end(), host.end())


def _backwards(view: View, place: int, length: int) -> str:
    """The characters before ``place``, the nearest first."""
    return view.text[max(0, place - length) : place][::-1]


def _name_length(backwards: str) -> int:
    """The length of a reversed name, without the quotes and dots that stand before the name."""
    return len(backwards.rstrip(".'&=~"))
