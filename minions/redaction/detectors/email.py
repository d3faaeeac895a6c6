"""E-mail addresses: ``name@host.org``, international ones, and ``name [at] host [dot] org``."""

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
    r"(?P<open>[\[({])\s?at\s?[\])}]\s{0,2}(?:\w[\w-]{0,62}\s?(?:\.|[\[({]\s?dot\s?[\])}])\s?){1,6}[a-z]{2,24}\b",
    re.IGNORECASE,
)
_SPOKEN_NAME = re.compile(r"\w{1,30}(?: tod \w{1,30}){1,3}")  # reversed
_SPOKEN_HOST = re.compile(r" at (?:[\w-]{1,40} dot ){1,4}[a-z]{2,12}\b")
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


def find(view: View) -> Iterator[Sensitive]:
    """The e-mail addresses of a text."""
    for place in places(view, "@"):
        name = _NAME.match(view.text[max(0, place - _LONGEST_NAME) : place][::-1])
        host = _HOST.match(view.text, place + 1)
        if name and host and host["last"] not in _FILES and name[0] != "tig":
            yield Sensitive(KIND, place - _name_length(name[0]), host.end())
        elif host and (
            names := _NAMES.match(view.text[max(0, place - _LONGEST_LIST) : place][::-1])
        ):
            yield Sensitive(KIND, place - len(names[0]), host.end())
    yield from _spoken(view)
    for sign in ("[at]", "(at)", "{at}", "[ at ]", "( at )"):
        for place in places(view, sign):
            before = view.text[max(0, place - _LONGEST_NAME) : place]
            name = _NAME.match(before.rstrip()[::-1])
            host = _SPELT.match(view.text, place)
            if name and host:
                gap = len(before) - len(before.rstrip())
                yield Sensitive(KIND, place - gap - _name_length(name[0]), host.end())


def _spoken(view: View) -> Iterator[Sensitive]:
    """``jane dot doe at example dot org``, where the name has its dot too."""
    for place in places(view, " at ") if " dot " in view.lowered else ():
        before = _SPOKEN_NAME.match(view.text[max(0, place - _LONGEST_NAME) : place][::-1])
        host = _SPOKEN_HOST.match(view.text, place)
        if before and host:
            yield Sensitive(KIND, place - before.end(), host.end())


def _name_length(backwards: str) -> int:
    """Characters of the name, without quotes and dots that only stand before it."""
    return len(backwards.rstrip(".'&=~"))
