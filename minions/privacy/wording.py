"""Decides which words of a worker's answer are sent.

A worker that a document or a task misleads may copy anything into its answer.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from minions.redaction.placeholders import without_placeholders
from minions.text.numbers import numbers_in
from minions.text.small_words import PLAIN_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from decimal import Decimal

KEPT_BACK: Final = "…"
_WORD: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"\S+")
# Signs that mean nothing beside words. Other signs may be a script of their own, or unseen.
_SIGNS: Final = frozenset(
    " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    "\u00a3\u00a7\u00a9\u00ab\u00ae\u00b0\u00b1\u00b7\u00bb\u20ac\u2122\u2022"
)
_SIGNS_OF_TYPE: Final = frozenset(
    "\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2026\u2212\u00d7\u2248\u2264\u2265"
)
_MOST_SIGNS: Final = 8  # of a piece
# Words of one answer that the planner knows: by guessing many, it could read a sentence with them.
_MOST_KNOWN: Final = 8
_MOST_DIGITS: Final = 15
_TELLING_DIGITS: Final = 3  # fewer digits are a part of nearly any number
_NUMBER: Final = re.compile(
    r"[-+(~≈<>=]*[$€£¥]?\d(?:[\d.,:/'\u2019\u00a0\u202f-]*\d)?"
    r"(?:%|st|nd|rd|th|[kmb]|bn|mn)?[).,;:%]*",
    re.IGNORECASE,
)


def words_of(*texts: str) -> set[str]:
    """The words of texts, in small letters."""
    words: set[str] = set()
    for text in texts:
        words.update(_WORD.findall(text.casefold()))
    return words


def _digits_of(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def is_number(piece: str) -> bool:
    """True if a piece of text without white space is a number, a date in figures or an ordinal."""
    return len(_digits_of(piece)) <= _MOST_DIGITS and _NUMBER.fullmatch(piece) is not None


class Lines:
    """The words and the numbers of lines that documents hold.

    ``values`` are the starts and ends of the withheld values in the ``text``; no part of a value is
    a word of the lines.
    """

    def __init__(self, text: str, values: Iterable[tuple[int, int]] = ()) -> None:
        shown: list[str] = []
        self._hidden: list[str] = []  # the digits of each withheld value
        end = 0
        for start, stop in values:
            shown.append(text[end:start])
            self._hidden.append(_digits_of(text[start:stop]))
            end = stop
        shown.append(text[end:])
        self._text = "\n\n".join(shown)

    @cached_property
    def words(self) -> set[str]:
        """The words, in small letters."""
        return words_of(self._text)

    @cached_property
    def signs(self) -> set[str]:
        """The characters besides letters and digits."""
        return {character for character in set(self._text) if not character.isalnum()}

    @cached_property
    def numbers(self) -> set[Decimal]:
        """The values of the numbers, scales applied."""
        return set(numbers_in(self._text))

    @cached_property
    def _shown_digits(self) -> set[str]:
        return set(map(_digits_of, _PIECE.findall(self._text)))

    def hides(self, piece: str) -> bool:
        """True if the digits of a piece of text are a part of a withheld value, or contain one.

        Numbers that also stand outside of the values are not hidden: a long value holds most short
        numbers by chance.
        """
        digits = _digits_of(piece)
        if len(digits) < _TELLING_DIGITS or digits in self._shown_digits:
            return False
        numbers = numbers_in(piece)
        if numbers and self.numbers.issuperset(numbers):
            return False
        if any(digits in value for value in self._hidden):
            return True
        return any(value in digits for value in self._hidden if len(value) > _TELLING_DIGITS)

    def without_hidden(self, text: str) -> str:
        """The text without the pieces that it ``hides``."""
        return " ".join([piece for piece in _PIECE.findall(text) if not self.hides(piece)])


def grounded_words(answer: str, lines: Lines, known: Collection[str]) -> str:
    """The answer, with dots for words that are neither in the lines nor among the ``known`` words.

    Small words and units stay, and numbers with the value of a number in the lines.
    """

    def is_grounded(piece: str) -> bool:
        piece = without_placeholders(piece)
        for word in _WORD.findall(piece.casefold()):
            if not (word in lines.words or word in known or word in PLAIN_WORDS):
                return is_number(piece) and lines.numbers.issuperset(numbers_in(piece))
        return _has_plain_signs(piece, lines.signs)

    return _kept(answer, is_grounded)


def plain_value(answer: str, known: Collection[str], lines: Lines) -> str | None:
    """The answer, if it holds only numbers, units, small words, placeholders, ``known`` words.

    None for any other answer, and where a number is a part of a withheld value of the ``lines``.
    """
    others = 0  # words that the planner must know
    for word in words_of(without_placeholders(answer)):
        if word not in PLAIN_WORDS and not word.isdigit():
            others += 1
    if others > _MOST_KNOWN:
        return None
    for piece in _PIECE.findall(answer):
        if not _is_plain(piece, known, lines):
            return None
    return answer


def plain_pieces(answer: str, known: Collection[str], lines: Lines) -> str:
    """The numbers, units, small and ``known`` words of an answer; dots stand for the others."""
    return _kept(answer, lambda piece: _is_plain(piece, known, lines))


def _is_plain(piece: str, known: Collection[str], lines: Lines) -> bool:
    piece = without_placeholders(piece)
    if is_number(piece):
        return not lines.hides(piece)
    for word in _WORD.findall(piece.casefold()):
        if word not in known and word not in PLAIN_WORDS:
            return False
    return _has_plain_signs(piece)


def _has_plain_signs(piece: str, shown: Collection[str] = ()) -> bool:
    """True if the only signs in a piece of text stand between or around words, or are ``shown``.

    False for a piece with many signs of any kind.
    """
    signs = _WORD.sub("", piece)
    if len(signs) > _MOST_SIGNS:
        return False
    return all(sign in _SIGNS or sign in _SIGNS_OF_TYPE or sign in shown for sign in signs)


def _kept(answer: str, keep: Callable[[str], bool]) -> str:
    """The pieces of an answer to ``keep``; dots stand for each run of others."""
    pieces: list[str] = []
    for piece in _PIECE.findall(answer):
        if keep(piece):
            pieces.append(piece)
        elif not pieces or pieces[-1] != KEPT_BACK:
            pieces.append(KEPT_BACK)
    return " ".join(pieces)
