"""Read a worker's reply: the lines or the quote that it cites, and its answer.

Small models bend every format; the cases are a table in the tests.
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
# A line number as chunks are shown with it; workers copy it into their quotes.
_LINE_NUMBER = re.compile(r"^[^\S\n]*\d+:\s+", re.MULTILINE)
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
# Longer numbers are not line numbers, and Python refuses to convert thousands of digits.
_NUMBERS = re.compile(r"(?<!\d)(?:(\d{1,6})\s*(?:-|\u2013|to)\s*(\d{1,6})|(\d{1,6}))(?!\d)")


class Reply(NamedTuple):
    """The content of a worker's reply; each part may be missing.

    ``lines``: line numbers as the worker gave them; such lines may not exist. ``quote``: its quote.
    ``answer``: its short answer.
    """

    lines: list[int]
    quote: str | None
    answer: str | None

    @property
    def abstains(self) -> bool:
        """True if the reply cites nothing."""
        return not self.lines and self.quote is None


def read_reply(text: str, *, options: Iterable[str] = ()) -> Reply:
    """Read a worker's reply. ``options``: answers that count even if they are words for no answer.

    Raises ReplyError, and nothing else.
    """
    value = parse_reply(text)
    quote = as_text(_without_line_numbers(value.get("quote")))
    if quote is not None:
        quote = None if _is_empty(quote) else _bounded(quote, _MOST_QUOTED)
    answer = as_text(value.get("answer"))
    if answer is not None:
        answer = None if _is_empty(answer, options) else _bounded(answer, LIST_CHARACTERS)
    numbers = _numbers_in(value.get("lines", value.get("line")))
    lines = list(islice(dict.fromkeys(numbers), _MOST_NUMBERS))
    return Reply(lines, quote, answer)


def _bounded(text: str, characters: int) -> str:
    """The text, cut at a space if it is longer than its schema allows.

    Some servers do not enforce a schema, and an answer is sent whole, even if the policy sends no
    lines.
    """
    if len(text) <= characters:
        return text
    return text[:characters].rpartition(" ")[0] or text[:characters]


def _without_line_numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_line_numbers(item) for item in value]
    if isinstance(value, str):
        return _LINE_NUMBER.sub("", value)
    return value


def _is_empty(text: str, options: Iterable[str] = ()) -> bool:
    """True if a text is one of the words for no answer, and none of the options."""
    word = text.strip(" .\"'").casefold()
    if word not in _EMPTY:
        return False
    return word not in {option.casefold() for option in options}


def _numbers_in(value: Any) -> Iterable[int]:
    """The line numbers in a JSON value: numbers, ranges as text ("2-4"), or lists of them."""
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
                first = int(match[1])
                last = min(int(match[2]), first + _MAX_RANGE)
                yield from range(first, last + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers_in(item)
