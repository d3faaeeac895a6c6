"""Which words of a worker's answer go up: a reader that a document or a task misleads may copy anything into it."""

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
# Signs say nothing beside words. Others may be a writing of their own, some of them unseen.
_SIGNS: Final = frozenset(
    " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u00a3\u00a7\u00a9\u00ab\u00ae\u00b0\u00b1\u00b7\u00bb\u20ac\u2122\u2022"
)
_SIGNS_OF_TYPE: Final = frozenset(
    "\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2026\u2212\u00d7\u2248\u2264\u2265"
)
_MOST_SIGNS: Final = 8  # of a piece
_MOST_KNOWN: Final = (
    8  # words of one answer: a planner that guesses many reads a sentence with them
)
_MOST_DIGITS: Final = 15
_TELLING_DIGITS: Final = 3  # fewer stand in any number
_NUMBER: Final = re.compile(
    r"[-+(~≈<>=]*[$€£¥]?\d(?:[\d.,:/'\u2019\u00a0\u202f-]*\d)?(?:%|st|nd|rd|th|[kmb]|bn|mn)?[).,;:%]*",
    re.IGNORECASE,
)


def words_of(*texts: str) -> set[str]:
    """The words of texts, in small letters."""
    return {word for text in texts for word in _WORD.findall(text.casefold())}


def _digits_of(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def is_number(piece: str) -> bool:
    """Whether a piece of text without white space is a number, a date in figures, an ordinal."""
    return (
        sum(character.isdigit() for character in piece) <= _MOST_DIGITS
        and _NUMBER.fullmatch(piece) is not None
    )


class Lines:
    """The words and the numbers of lines that documents hold, but for ``values`` in them, start and end, which stay
    here: a part of one is no word of the lines.
    """

    def __init__(self, text: str, values: Iterable[tuple[int, int]] = ()) -> None:
        shown, hidden, end = [], [], 0
        for start, stop in values:
            shown.append(text[end:start])
            hidden.append(text[start:stop])
            end = stop
        self._text = "\n\n".join([*shown, text[end:]])
        self._hidden = [_digits_of(value) for value in hidden]

    @cached_property
    def words(self) -> set[str]:
        """In small letters."""
        return words_of(self._text)

    @cached_property
    def signs(self) -> set[str]:
        """The characters besides letters and digits."""
        return {character for character in set(self._text) if not character.isalnum()}

    @cached_property
    def numbers(self) -> set[Decimal]:
        """By their values, scales applied."""
        return set(numbers_in(self._text))

    @cached_property
    def _shown_digits(self) -> set[str]:
        return {_digits_of(piece) for piece in _PIECE.findall(self._text)}

    def hides(self, piece: str) -> bool:
        """Whether the digits of a piece of text are a part of a value that stays here, or hold one. What stands in the
        lines beside the values is no part of them, though a long number has most short ones in it.
        """
        digits = _digits_of(piece)
        if len(digits) < _TELLING_DIGITS or digits in self._shown_digits:
            return False
        if (numbers := numbers_in(piece)) and all(number in self.numbers for number in numbers):
            return False
        return any(
            digits in value or (len(value) > _TELLING_DIGITS and value in digits)
            for value in self._hidden
        )

    def without_hidden(self, text: str) -> str:
        """The text without the pieces that it ``hides``."""
        return " ".join(piece for piece in _PIECE.findall(text) if not self.hides(piece))


def grounded_words(answer: str, lines: Lines, known: Collection[str]) -> str:
    """An answer without what stands neither in the lines nor among the ``known`` words: dots stand for it. Small words
    and units stay, and numbers that have the value of one in the lines.
    """

    def grounded(piece: str) -> bool:
        piece = without_placeholders(piece)
        words = _WORD.findall(piece.casefold())
        if all(word in lines.words or word in known or word in PLAIN_WORDS for word in words):
            return _has_plain_signs(piece, lines.signs)
        return is_number(piece) and all(number in lines.numbers for number in numbers_in(piece))

    return _kept(answer, grounded)


def plain_value(answer: str, known: Collection[str], lines: Lines) -> str | None:
    """An answer that is made of numbers, units, small words, placeholders and a few ``known`` words alone; None for any
    other, and where a number is a part of a value of the ``lines`` that stays here.
    """
    pieces = _PIECE.findall(answer)
    words = sum(
        word not in PLAIN_WORDS and not word.isdigit()
        for word in words_of(without_placeholders(answer))
    )
    whole = words <= _MOST_KNOWN and all(_is_plain(piece, known, lines) for piece in pieces)
    return answer if whole else None


def plain_pieces(answer: str, known: Collection[str], lines: Lines) -> str:
    """The numbers, units, small and ``known`` words of an answer; dots stand for the others."""
    return _kept(answer, lambda piece: _is_plain(piece, known, lines))


def _is_plain(piece: str, known: Collection[str], lines: Lines) -> bool:
    piece = without_placeholders(piece)
    if is_number(piece):
        return not lines.hides(piece)
    words = _WORD.findall(piece.casefold())
    return all(word in known or word in PLAIN_WORDS for word in words) and _has_plain_signs(piece)


def _has_plain_signs(piece: str, shown: Collection[str] = ()) -> bool:
    """Whether a piece of text has no signs but those between and around words, or ``shown`` anyway."""
    others = _WORD.sub("", piece)
    return len(others) <= _MOST_SIGNS and all(
        sign in _SIGNS or sign in _SIGNS_OF_TYPE or sign in shown for sign in others
    )


def _kept(answer: str, keep: Callable[[str], bool]) -> str:
    said: list[str] = []
    for piece in _PIECE.findall(answer):
        if keep(piece):
            said.append(piece)
        elif not said or said[-1] != KEPT_BACK:
            said.append(KEPT_BACK)
    return " ".join(said)
