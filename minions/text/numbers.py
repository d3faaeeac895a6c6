"""Numbers as documents write them: signs, brackets for negatives, thousands separators, scales, percentages."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Sort = Literal["money", "share", "scaled", "point", "whole"]
SCALES = {  # by their powers of ten
    "thousand": 3,
    "k": 3,
    "million": 6,
    "mn": 6,
    "m": 6,
    "billion": 9,
    "bn": 9,
    "b": 9,
    "trillion": 12,
    "tn": 12,
}
_CURRENCY = r"(?:[$\u20ac\u00a3\u00a5]|USD|EUR|GBP)\s*"
# A dash is a sign right before its number or at the start of the text; elsewhere it separates. Points group thousands
# only where nothing else can be meant: before a decimal comma, or more than once.
_NUMBER = re.compile(
    rf"(?P<before>{_CURRENCY})?(?P<bracket>\(\s*)?(?P<sign>(?<![\w.)])[-\u2212+](?=\S)|\A\s*[-\u2212+])?\s*"
    rf"(?P<currency>{_CURRENCY})?"
    r"(?P<digits>(?P<european>\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,}(?![.,]?\d)))"
    r"|\d(?:\.\d+)?e[-+]?\d{1,2}\b"
    r"|\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<close>\s*\))?"
    r"(?:\s*(?P<scale>%|(?:per\s?cent|thousand|million|billion|trillion|mn|bn|tn)\b)|(?P<gap>\s*)(?P<letter>[kmb])\b)?",
    re.IGNORECASE,
)
_WIDE = re.compile(
    r"\s{3,}"
)  # would be tried from every blank; two blanks still keep the columns of a table apart
_MOST_DIGITS: Final = (
    1_000  # a longer number is none that anyone reckons with, and more than decimals can hold
)
_YEAR = re.compile(r"19\d\d|20\d\d|2100")
_CURRENCY_AFTER: Final = re.compile(
    r"\s*(?:[$\u20ac\u00a3\u00a5]|(?:(?:US )?dollars?|euros?|pounds|yen|USD|EUR|GBP)\b)",
    re.IGNORECASE,
)


def parse_number(text: str) -> Decimal | None:
    """The first number in ``text`` with its scale applied ("$4.2 billion" is 4200000000, "(35)" is -35, "7 %" is 7),
    or None.

    A year that comes first gives way to an amount: "2022: 12.4 million" is 12400000. A single letter is a scale right
    after the digits or in an amount of money: "12k" and "$12 m", while "30 m" are metres.
    """
    matches = _matches(_WIDE.sub("  ", text))
    first = next(matches, None)
    if first is None:
        return None
    if _YEAR.fullmatch(first["digits"]) and not _is_amount(first):
        return _value(_first_amount(matches) or first)
    return _value(first)


def parse_amounts(text: str) -> list[Decimal]:
    """All numbers of ``text`` that are amounts, scales applied: money, percentages, with a scale, a point or thousands
    separators. Years, days and other bare whole numbers are none.
    """
    found = _matches(_WIDE.sub("  ", text))
    return [_value(match) for match in found if _is_amount(match) or not match["digits"].isdigit()]


def numbers_in(text: str) -> list[Decimal]:
    """All numbers of ``text``, scales applied, in their order."""
    return [_value(match) for match in _matches(_WIDE.sub("  ", text))]


def numbers_by_sort(text: str) -> list[tuple[Sort, Decimal]]:
    """All numbers of ``text`` in their order, scales applied, with what each is: money, its currency before or after
    it; a share in percent; with a scale; with a decimal point; or whole.
    """
    narrow = _WIDE.sub("  ", text)
    return [(_sort(match, narrow), _value(match)) for match in _matches(narrow)]


def with_plain_numbers(text: str) -> str:
    """``text`` with each number written out: "$4.2 billion in 2022" is "$4200000000 in 2022", "(35) %" is "-35%"; white
    space may change.
    """
    return _NUMBER.sub(_plain, _WIDE.sub("  ", text))


def _matches(text: str) -> Iterator[re.Match[str]]:
    return (match for match in _NUMBER.finditer(text) if len(match["digits"]) <= _MOST_DIGITS)


def _plain(match: re.Match[str]) -> str:
    if len(match["digits"]) > _MOST_DIGITS:
        return match[0]
    before, scale = match["before"] or match["currency"] or "", _scale(match)
    percent = "%" if scale and scale not in SCALES else ""
    unit = f" {match['letter']}" if match["letter"] and not scale else ""  # 30 m are metres
    opened = "(" if match["bracket"] and not match["close"] else ""
    closed = ")" if match["close"] and not match["bracket"] else ""
    return f" {opened}{before.strip()}{_value(match).normalize():f}{percent}{unit}{closed}"


def _first_amount(matches: Iterator[re.Match[str]]) -> re.Match[str] | None:
    return next((match for match in matches if _is_amount(match)), None)


def _is_amount(match: re.Match[str]) -> bool:
    return _is_money(match) or bool(_scale(match))


def _is_money(match: re.Match[str]) -> bool:
    return match["before"] is not None or match["currency"] is not None


def _sort(match: re.Match[str], text: str) -> Sort:
    if _is_money(match) or _CURRENCY_AFTER.match(text, match.end()):
        return "money"
    if scale := _scale(match):
        return "scaled" if scale in SCALES else "share"
    return "whole" if "." not in match["digits"] else "point"


def _scale(match: re.Match[str]) -> str:
    letter = match["letter"] if _is_money(match) or not match["gap"] else None
    return (match["scale"] or letter or "").casefold()


def _value(match: re.Match[str]) -> Decimal:
    digits = match["digits"]
    if match["european"] is not None:
        digits = digits.replace(".", "").replace(",", ".")
    value = Decimal(re.sub(r"[,\u00a0\u202f' ]", "", digits)).scaleb(SCALES.get(_scale(match), 0))
    in_brackets = match["bracket"] is not None and match["close"] is not None
    return -value if in_brackets or (match["sign"] or "").strip() in {"-", "\u2212"} else value
