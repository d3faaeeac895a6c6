"""The parts that detectors share.

They are the value that a detector reports, the view of a text that it reads, and rules anchored at
words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

# A line break inside a value; a digest's " / " is one too, as ``View`` shows it.
BREAK = r"(?:[ \t]{0,4}\n[ \t]{0,4})"
# Follows the first character of a number that continues no other number, word or amount.
FRESH = r"(?<![0-9A-Za-z.\-/$\u20ac\u00a3].)(?<![0-9][,+].)"
# Text between the word that names a number and the number: "no.", "n\u00b0", "number is", ":".
LABEL = (
    r"(?i:[ ]{0,2}(?:numbers?|num[e\u00e9]ro|n\u00famero|nummer|num|nos?|nr|n\u00b0|id|code|card"
    r"|nbr)(?![^\W\d_]))?"
    r"[.\"')]{0,2}(?i:[ ]{1,2}(?:is|was|lautet|est|es))?\s{0,3}[:=#\u00b0]{0,2}\s{0,3}[\"']?"
)


_DIGIT = re.compile("[0-9]")
_SOON = 60  # characters


class Sensitive(NamedTuple):
    """A value that must not be sent: ``text[start:end]``, of a kind such as EMAIL or CARD."""

    kind: str
    start: int
    end: int


Detector = Callable[[str], list[Sensitive]]


class View(NamedTuple):
    """A text as detectors read it, with plain letters and digits and a line break for `` / ``.

    ``lowered`` is the same in lower case. Both have one length, and the spans found by a family
    index them.
    """

    text: str
    lowered: str

    def begins_word(self, place: int) -> bool:
        """True if no letter or digit stands before ``place``."""
        return not place or not self.text[place - 1].isalnum()


Family = Callable[[View], Iterator[Sensitive]]


class Rule(NamedTuple):
    """Finds values that stand beside a word.

    ``pattern`` is tried only where one of ``words`` (in lower case) begins, so that a text without
    them costs next to nothing. The value is the pattern's group ``value``, or, without one, the
    whole match; ``accepts`` checks it. With ``inside_words`` a letter or digit may stand before the
    word. With ``numeric`` a digit must follow soon.
    """

    kind: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] = bool
    inside_words: bool = False
    numeric: bool = False


def lower(text: str) -> str:
    """``text`` in lower case, with its length; the two small forms of the Greek sigma are one."""
    return text.lower().replace("\u03c2", "\u03c3")


def places(view: View, word: str) -> Iterator[int]:
    """The places of ``word``, which is in lower case."""
    place = view.lowered.find(word)
    while place >= 0:
        yield place
        place = view.lowered.find(word, place + 1)


def anchored(view: View, rules: tuple[Rule, ...]) -> Iterator[Sensitive]:
    """The values that ``rules`` find."""
    for rule in rules:
        group: str | int = "value" if "value" in rule.pattern.groupindex else 0
        for word in rule.words:
            for place in places(view, word):
                if not rule.inside_words and not view.begins_word(place):
                    continue
                if rule.numeric and not _DIGIT.search(view.text, place, place + _SOON):
                    continue
                found = rule.pattern.match(view.text, place)
                if found and rule.accepts(found[group]):
                    yield Sensitive(rule.kind, *found.span(group))


def shape(picture: str) -> str:
    """The regular expression for a picture of a number.

    ``9`` is a digit, ``A`` a capital, ``_`` a space or nothing, ``~`` a space, a hyphen or nothing.
    Other characters stand for themselves.
    """
    known = {"9": "[0-9]", "A": "[A-Z]", "_": "[ ]?", "~": r"[ \-]?"}
    parts = [known.get(sign) or re.escape(sign) for sign in picture]
    return "".join(parts)


def near(view: View, start: int, end: int, words: tuple[str, ...], reach: int = 60) -> bool:
    """True if one of ``words`` stands within ``reach`` characters of a value."""
    around = view.lowered[max(0, start - reach) : end + reach]
    return any(word in around for word in words)


def digits_of(value: str) -> str:
    """The ASCII digits of ``value``."""
    return "".join(character for character in value if "0" <= character <= "9")
