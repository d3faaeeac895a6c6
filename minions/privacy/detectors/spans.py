"""What detectors share: the value they report, the view of a text they read, and rules anchored at words."""

from __future__ import annotations

import re  # noqa: TC003 - named tuples say what they hold at run time
from collections.abc import Callable, Iterator
from typing import NamedTuple

BREAK = r"(?:[ \t]*\n[ \t]*)"  # a line break inside a value; a digest's " / " is one too, as ``View`` shows it
GAP = rf"(?:[ \-]|{BREAK})"  # what may stand between the groups of a number


class Sensitive(NamedTuple):
    """A value that must stay on the device: ``text[start:end]``, of a kind such as EMAIL or CARD."""

    kind: str
    start: int
    end: int


Detector = Callable[[str], list[Sensitive]]


class View(NamedTuple):
    """A text as detectors read it: plain letters and digits, a line break for `` / ``, and the same in lower case.

    Both strings have the same length, and spans found by a family index them.
    """

    text: str
    lowered: str

    def begins_word(self, place: int) -> bool:
        """Whether no letter or digit stands before ``place``."""
        return not place or not self.text[place - 1].isalnum()


Family = Callable[[View], Iterator[Sensitive]]


class Rule(NamedTuple):
    """Finds values that stand after a word: ``pattern`` is tried only where one of ``words`` begins, so that a text
    without them costs next to nothing. The value is the pattern's group ``value``, or, without one, the whole match.
    """

    kind: str
    words: tuple[str, ...]  # in lower case
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] = bool
    inside_words: bool = False  # whether a letter or digit may stand before the word


def lower(text: str) -> str:
    """``text`` in lower case, as long as it was: the two forms of the Greek sigma are one."""
    return text.lower().replace("\u03c2", "\u03c3")


def places(view: View, word: str) -> Iterator[int]:
    """Where ``word``, in lower case, stands."""
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
                found = rule.pattern.match(view.text, place)
                if found and rule.accepts(found[group]):
                    yield Sensitive(rule.kind, *found.span(group))


def near(view: View, start: int, end: int, words: tuple[str, ...], reach: int = 60) -> bool:
    """Whether one of ``words`` stands within ``reach`` characters of a value."""
    around = view.lowered[max(0, start - reach) : end + reach]
    return any(word in around for word in words)


def digits_of(value: str) -> str:
    """The ASCII digits of ``value``."""
    return "".join(character for character in value if "0" <= character <= "9")
