"""Read numbers as documents write them.

A number may have a sign, brackets for a negative value, thousands separators, a scale ("million"),
a currency or a percent sign.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Sort = Literal["money", "share", "scaled", "point", "whole"]
SCALES = {  # powers of ten
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
# A dash is a sign right before its number or at the start of the text; elsewhere it separates.
# Points group thousands only where they cannot be decimal points: before a decimal comma, or
# several of them.
_NUMBER = re.compile(
    rf"(?P<before>{_CURRENCY})?(?P<bracket>\(\s*)?"
    r"(?P<sign>(?<![\w.)])[-\u2212+](?=\S)|\A\s*[-\u2212+])?\s*"
    rf"(?P<currency>{_CURRENCY})?"
    r"(?P<digits>(?P<european>\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,}(?![.,]?\d)))"
    r"|\d(?:\.\d+)?e[-+]?\d{1,2}\b"
    r"|\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<close>\s*\))?"
    r"(?:\s*(?P<scale>%|(?:per\s?cent|thousand|million|billion|trillion|mn|bn|tn)\b)"
    r"|(?P<gap>\s*)(?P<letter>[kmb])\b)?",
    re.IGNORECASE,
)
# _NUMBER would be tried at each blank of a long run. Two blanks still keep the columns of a table
# apart.
_WIDE = re.compile(r"\s{3,}")
_MOST_DIGITS: Final = 1_000  # nobody calculates with a longer number, and Decimal could not hold it
_YEAR = re.compile(r"19\d\d|20\d\d|2100")
_CURRENCY_AFTER: Final = re.compile(
    r"\s*(?:[$\u20ac\u00a3\u00a5]|(?:(?:US )?dollars?|euros?|pounds|yen|USD|EUR|GBP)\b)",
    re.IGNORECASE,
)


def parse_number(text: str) -> Decimal | None:
    """Return the first number in ``text`` with its scale applied, or None.

    "$4.2 billion" is 4200000000, "(35)" is -35, and "7 %" is 7. If the first number is a year, the
    first amount after it counts instead: "2022: 12.4 million" is 12400000. A single letter is a
    scale only right after the digits or in an amount of money: "12k" and "$12 m", while "30 m" are
    metres.
    """
    matches = _matches(_narrow(text))
    first = next(matches, None)
    if first is None:
        return None
    if _YEAR.fullmatch(first["digits"]) and not _is_amount(first):
        for match in matches:
            if _is_amount(match):
                return _value(match)
    return _value(first)


def parse_amounts(text: str) -> list[Decimal]:
    """Return all amounts in ``text``, scales applied.

    An amount is money, a percentage, or a number with a scale, a decimal point or thousands
    separators. Bare whole numbers, such as years and days, are not amounts.
    """
    amounts: list[Decimal] = []
    for match in _matches(_narrow(text)):
        is_bare = match["digits"].isdigit()
        if not is_bare or _is_amount(match):
            amounts.append(_value(match))
    return amounts


def numbers_in(text: str) -> list[Decimal]:
    """Return all numbers of ``text`` in order, scales applied."""
    return [_value(match) for match in _matches(_narrow(text))]


def numbers_by_sort(text: str) -> list[tuple[Sort, Decimal]]:
    """Return all numbers of ``text`` in order, scales applied, each with its sort.

    money: with a currency before or after it. scaled: with a scale. share: a percentage. point:
    with a decimal point. whole: none of these.
    """
    narrow = _narrow(text)
    found: list[tuple[Sort, Decimal]] = []
    for match in _matches(narrow):
        scale = _scale(match)
        sort: Sort
        if _is_money(match) or _CURRENCY_AFTER.match(narrow, match.end()):
            sort = "money"
        elif scale in SCALES:
            sort = "scaled"
        elif scale:
            sort = "share"
        elif "." in match["digits"]:
            sort = "point"
        else:
            sort = "whole"
        found.append((sort, _value(match)))
    return found


def with_plain_numbers(text: str) -> str:
    """Return ``text`` with each number written out; white space may change.

    "$4.2 billion in 2022" becomes "$4200000000 in 2022", and "(35) %" becomes "-35%".
    """
    return _NUMBER.sub(_plain, _narrow(text))


def _narrow(text: str) -> str:
    return _WIDE.sub("  ", text)


def _matches(text: str) -> Iterator[re.Match[str]]:
    for match in _NUMBER.finditer(text):
        if len(match["digits"]) <= _MOST_DIGITS:
            yield match


def _plain(match: re.Match[str]) -> str:
    """Write one number out, with its currency, percent sign and any unpaired bracket."""
    if len(match["digits"]) > _MOST_DIGITS:
        return match[0]
    currency = match["before"] or match["currency"] or ""
    scale = _scale(match)
    written = " "
    if match["bracket"] and not match["close"]:
        written += "("
    written += f"{currency.strip()}{_value(match).normalize():f}"
    if scale and scale not in SCALES:
        written += "%"
    if match["letter"] and not scale:  # a unit: "30 m" are metres
        written += f" {match['letter']}"
    if match["close"] and not match["bracket"]:
        written += ")"
    return written


def _is_amount(match: re.Match[str]) -> bool:
    return _is_money(match) or bool(_scale(match))


def _is_money(match: re.Match[str]) -> bool:
    return match["before"] is not None or match["currency"] is not None


def _scale(match: re.Match[str]) -> str:
    """Return the number's scale in lower case, a percent sign included; empty if it has none."""
    scale = match["scale"]
    if not scale and (_is_money(match) or not match["gap"]):
        scale = match["letter"]
    return (scale or "").casefold()


def _value(match: re.Match[str]) -> Decimal:
    digits = match["digits"]
    if match["european"] is not None:
        digits = digits.replace(".", "").replace(",", ".")
    digits = re.sub(r"[,\u00a0\u202f' ]", "", digits)
    value = Decimal(digits).scaleb(SCALES.get(_scale(match), 0))
    in_brackets = match["bracket"] is not None and match["close"] is not None
    sign = (match["sign"] or "").strip()
    if in_brackets or sign in {"-", "\u2212"}:
        return -value
    return value
