"""A worker's reply, read: which lines or quote, which answer. Small models bend every shape; the table of cases is in
the tests.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from minions.text.json_reply import as_text, parse_reply
from minions_workers.schemas import LIST_CHARACTERS, QUOTE_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_RANGE = 12
_MOST_LINES = 999_999
_MOST_QUOTED = 4 * QUOTE_CHARACTERS
_MOST_NUMBERS = 100
_LINE_NUMBER = re.compile(
    r"^[^\S\n]*\d+:\s+", re.MULTILINE
)  # as passages show it; workers copy it into their quotes
_EMPTY = {
    "",
    "-",
    "n/a",
    "na",
    "nil",
    "none",
    "null",
    "unknown",
    "not available",
    "not found",
    "not given",
    "not mentioned",
    "not provided",
    "not specified",
    "not stated",
    "no answer",
    "no information",
    "answer",
    "short answer",
}
# Longer numbers are no lines, and converting thousands of digits is refused by Python.
_NUMBERS = re.compile(r"(?<!\d)(?:(\d{1,6})\s*(?:-|\u2013|to)\s*(\d{1,6})|(\d{1,6}))(?!\d)")


class Reply(NamedTuple):
    """What a worker said: line numbers as given (existing or not), a quote, and a short answer; all may be missing."""

    lines: list[int]
    quote: str | None
    answer: str | None

    @property
    def abstains(self) -> bool:
        """Whether it points at nothing."""
        return not self.lines and self.quote is None


def read_reply(text: str, *, options: Iterable[str] = ()) -> Reply:
    """Read a worker's reply. ``options``: answers that count even where they are words for none.

    Raises ReplyError, and nothing else.
    """
    value = parse_reply(text)
    quote = as_text(_without_line_numbers(value.get("quote")))
    answer = as_text(value.get("answer"))
    return Reply(
        lines=_line_numbers(value.get("lines", value.get("line"))),
        quote=None if quote is None or _is_empty(quote) else _bounded(quote, _MOST_QUOTED),
        answer=None
        if answer is None or _is_empty(answer, options)
        else _bounded(answer, LIST_CHARACTERS),
    )


def _bounded(text: str, characters: int) -> str:
    """No longer than a schema lets it be, or not much: some servers keep none, and an answer goes up whole, where the
    policy shows no lines, too.
    """
    if len(text) <= characters:
        return text
    return text[:characters].rpartition(" ")[0] or text[:characters]


def _without_line_numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_line_numbers(item) for item in value]
    return _LINE_NUMBER.sub("", value) if isinstance(value, str) else value


def _is_empty(text: str | None, options: Iterable[str] = ()) -> bool:
    if text is None:
        return True
    word = text.strip(" .\"'").casefold()
    return word in _EMPTY and word not in {option.casefold() for option in options}


def _line_numbers(value: Any) -> list[int]:
    return list(islice(dict.fromkeys(_numbers_in(value)), _MOST_NUMBERS))


def _numbers_in(value: Any) -> Iterable[int]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        if 0 <= value <= _MOST_LINES:
            yield int(value)
    elif isinstance(value, str):
        for match in _NUMBERS.finditer(value):
            if match[3] is not None:
                yield int(match[3])
            else:
                first, last = int(match[1]), int(match[2])
                yield from range(first, min(last, first + _MAX_RANGE) + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers_in(item)
