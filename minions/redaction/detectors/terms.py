"""The user's own words and patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.errors import ConfigError
from minions.redaction.detectors.folding import fold
from minions.redaction.detectors.spans import Sensitive, lower, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minions.redaction.detectors.spans import Family, View

KIND = "TERM"
SHORTEST = 3  # characters of a word: a shorter one is a part of half of all words


def find_words(words: Sequence[str]) -> Family:
    """A family that finds ``words`` in any case, inside longer words too.

    Between the parts of a word there may be any white space. Raises ConfigError for a word of fewer
    than three characters.
    """
    wanted = [_Word(word) for word in dict.fromkeys(words)]

    def find(view: View) -> Iterator[Sensitive]:
        for word in wanted:
            for place in places(view, word.first):
                found = word.pattern.match(view.lowered, place)
                if found:
                    yield Sensitive(KIND, *found.span())

    return find


class _Word:
    """One of the user's words, ready to be looked for in lower-case text."""

    def __init__(self, word: str) -> None:
        parts = lower(fold(word).text).split()
        if len("".join(parts)) < SHORTEST:
            raise ConfigError(
                f"the word {word!r} is too short to be redacted",
                hint=(
                    f"give words of at least {SHORTEST} characters, or a pattern such as '\\bab\\b'"
                ),
            )
        self.first = parts[0]
        self.pattern = re.compile(r"\s+".join(map(re.escape, parts)))


def compile_patterns(patterns: Sequence[str]) -> list[re.Pattern[str]]:
    """The user's regular expressions.

    Raises ConfigError for one that is invalid or matches the empty string.
    """
    compiled: list[re.Pattern[str]] = []
    for pattern in dict.fromkeys(patterns):
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise ConfigError(
                f"the pattern {pattern!r} is not a regular expression: {error}",
                hint="write it as Python's re module takes it, or give plain text as a word",
            ) from error
        if expression.search(""):
            raise ConfigError(
                f"the pattern {pattern!r} matches the empty string, so it would match everywhere",
                hint="require at least one character: 'x+' instead of 'x*', say",
            )
        compiled.append(expression)
    return compiled


def find_patterns(patterns: Sequence[re.Pattern[str]], text: str) -> Iterator[Sensitive]:
    """The values in ``text`` that the user's expressions match; empty matches are left out."""
    for pattern in patterns:
        for found in pattern.finditer(text):
            if found.end() > found.start():
                yield Sensitive(KIND, *found.span())
