"""Arithmetic in an answer, done on the device: ``{{(12.4 - 10.1) / 10.1 * 100 | 1}}`` becomes ``22.8``.

Models err in arithmetic, so the planner writes the working and the device works it out: + - * / and brackets over
numbers as documents write them (``1,200``, ``4.2 million``, ``5%``) and findings (``f1`` is the number of its answer,
as it is written there). ``| 1`` asks for one digit after the point. Nothing is executed; the result is exact, whatever
the working, and rounded once.
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.errors import CalculationError
from minions.text.numbers import SCALES, numbers_by_sort, numbers_in
from minions.values.answers import Calculation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.values.findings import Finding

_MOST_CHARACTERS: Final = 300
_MOST_EXPRESSIONS: Final = 50  # of an answer
_DEEPEST: Final = 20
_MOST_DIGITS: Final = 30  # of a number
_MOST_DECIMALS: Final = 10
_LARGEST: Final = 10**30
_SMALLEST: Final = Fraction(1, 10**30)
_SIGNIFICANT: Final = 6  # digits of a result that has no end, where the planner asks for none
_FEWEST_DECIMALS: Final = 2
_MARKED: Final = re.compile(r"\{\{([^{}]*)\}\}")
# Anything else in double braces is the document's: a template's field, say.
_BEGINS: Final = re.compile(r"[\s(+\u2212-]*(?:(?:[$\u20ac\u00a3]\s*)?\.?\d|f\d)")
_DIGITS: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_WORDS: Final = "|".join(
    word for word in SCALES if len(word) > 1
)  # a single letter only right after its digits: 30 m
_TOKEN: Final = re.compile(
    rf"\s*(?:(?P<finding>f\d+)\b|(?:[$\u20ac\u00a3]\s*)?(?P<number>{_DIGITS})(?:\s*(?P<scale>{_WORDS})\b|(?P<letter>[kmb])\b)?"
    r"|(?P<sign>[-+*/()%\u2212\u2013\u00d7\u00f7|]))",
    re.IGNORECASE,
)
_UNIT_AFTER: Final = re.compile(rf"\s*(?:{_WORDS})\b|[kmb]\b", re.IGNORECASE)
_SCALED: Final = re.compile(rf"\d(?:\s*(?:{_WORDS})|[kmb])\b", re.IGNORECASE)
_SIGNS: Final = {"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00f7": "/"}
# Numbers that stand in no document: parts of a whole, of a year, of an average.
_CONSTANTS: Final = {
    Fraction(number) for number in (1, 2, 3, 4, 12, 52, 365, *(10**power for power in range(1, 13)))
}
_DOUBT: Final = (
    0.5  # what an answer's confidence keeps where its arithmetic is not what it should be
)


class Calculated(NamedTuple):
    """An answer with its results filled in. ``named``: the findings that its arithmetic names. ``doubt``: what its
    confidence is to be multiplied by.
    """

    answer: str
    calculations: tuple[Calculation, ...] = ()
    warnings: tuple[str, ...] = ()
    doubt: float = 1.0
    named: tuple[str, ...] = ()


def fill_in(answer: str, cited: Sequence[Finding], known: Mapping[str, Finding]) -> Calculated:
    """Work out what stands in double braces. What cannot be worked out stays as it was written, without the braces,
    and a warning says why; so does a warning where an operand stands in none of the ``cited`` findings. What is
    reckoned in millions and said to be millions is not multiplied twice: ``{{2 million * 3}} million`` is 6 million.

    ``known`` are all findings by id, for those that an expression names.
    """
    if "{{" not in answer:
        return Calculated(answer)
    calculations: list[Calculation] = []
    named: list[str] = []
    warnings: list[str] = []
    seen: list[str] = []
    shown = {number for finding in cited for number in _numbers_of(finding)}
    shown |= _CONSTANTS | {Fraction(len(cited))}  # the mean of five findings divides by five

    def replaced(match: re.Match[str]) -> str:
        written = match[1].strip()
        working = written.partition("|")[0].strip()
        if not _BEGINS.match(written):
            return match[0]
        seen.append(written)
        if len(seen) > _MOST_EXPRESSIONS:
            return working
        unit = _UNIT_AFTER.match(answer, match.end())
        try:
            result, expression = _worked_out(written, known, unit=unit[0].strip() if unit else "")
            shown_unit = unit[0] if unit and expression.is_scaled else ""
        except CalculationError as error:
            warnings.append(f"not calculated: {written[:_MOST_CHARACTERS]} ({error.message})")
            return working
        missing = tuple(text for text, value in expression.numbers if value not in shown)
        named.extend(expression.named)
        calculations.append(
            Calculation(expression=working, result=result + shown_unit, ungrounded=missing)
        )
        if missing:
            warnings.append(
                f"{', '.join(missing)} in the calculation {written} stands in no finding that is cited"
            )
        return result

    filled = _MARKED.sub(replaced, answer)
    if len(seen) > _MOST_EXPRESSIONS:
        warnings.append(
            f"only {_MOST_EXPRESSIONS} of the answer's {len(seen)} calculations are worked out"
        )
    doubt = _DOUBT if warnings else 1.0
    return Calculated(
        filled, tuple(calculations), tuple(warnings), doubt, tuple(dict.fromkeys(named))
    )


def calculate(expression: str, known: Mapping[str, Finding] | None = None) -> str:
    """The result of an expression, as text. Raises CalculationError, and nothing else, whatever the text."""
    return _worked_out(expression, known or {})[0]


def _worked_out(
    written: str, known: Mapping[str, Finding], *, unit: str = ""
) -> tuple[str, _Expression]:
    """The result as text, and what it was made of; in a ``unit`` such as million where numbers with scales made it."""
    expression = _Expression(written, known)
    value = expression.value()
    if expression.is_scaled and unit:
        value /= 10 ** SCALES[unit.casefold()]
    if abs(value) > _LARGEST:
        raise CalculationError("the result is too large")
    if 0 < abs(value) < _SMALLEST:
        raise CalculationError("the result is too small")
    return _as_text(value, expression.decimals), expression


class _Token(NamedTuple):
    kind: str  # a sign, "finding" or "number"
    text: str
    value: Fraction = Fraction(0)
    percent: bool = False


class _Quantity(NamedTuple):
    """A number, perhaps of percent: percentages add up to percentages, and divided by a number they stay some; else
    they are hundredths.
    """

    value: Fraction
    percent: bool = False

    @property
    def plain(self) -> Fraction:
        return self.value / 100 if self.percent else self.value


class _Expression:
    """A parser by recursive descent: sums of products of signed values, each perhaps in percent."""

    def __init__(self, written: str, known: Mapping[str, Finding]) -> None:
        self.numbers: list[
            tuple[str, Fraction]
        ] = []  # as they are written in it, without the signs before them
        self.named: list[str] = []
        self.is_scaled = False
        self.decimals: int | None = None
        self._known = known
        self._tokens = self._read(written)
        self._next = 0
        self._depth = 0

    def value(self) -> Fraction:
        """Raises CalculationError."""
        value = self._sum().value
        if self._take("|"):
            self.decimals = self._rounding()
        if self._next < len(self._tokens):
            raise CalculationError(f"{self._tokens[self._next].text!r} is out of place")
        return value

    def _read(self, written: str) -> list[_Token]:
        if len(written) > _MOST_CHARACTERS:
            raise CalculationError("it is too long")
        tokens: list[_Token] = []
        place, end = 0, len(written.rstrip())
        while place < end:
            match = _TOKEN.match(written, place)
            if match is None:
                raise CalculationError(
                    f"{written[place:].split(maxsplit=1)[0][:20]!r} is no number and no sign"
                )
            tokens.append(self._token(match))
            place = match.end()
        return tokens

    def _token(self, match: re.Match[str]) -> _Token:
        text = match[0].strip()
        if match["sign"]:
            return _Token(_SIGNS.get(text, text), text)
        if match["finding"]:
            return self._named(text.casefold())
        scale = match["scale"] or match["letter"]
        self.is_scaled = self.is_scaled or scale is not None
        return _Token("number", text, _scaled(match["number"], scale))

    def _named(self, finding_id: str) -> _Token:
        finding = self._known.get(finding_id)
        numbers = numbers_by_sort(finding.answer or "") if finding else []
        if finding is None or len(numbers) != 1:
            raise CalculationError(f"{finding_id} is no finding whose answer is a number")
        ((sort, number),) = numbers
        self.named.append(finding_id)
        self.is_scaled = self.is_scaled or bool(_SCALED.search(finding.answer or ""))
        return _Token("finding", finding_id, Fraction(number), percent=sort == "share")

    def _sum(self) -> _Quantity:
        total = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            if total.percent != other.percent:
                raise CalculationError("a percentage and a number do not add up")
            value = total.value + other.value if sign == "+" else total.value - other.value
            total = total._replace(value=value)
        return total

    def _product(self) -> _Quantity:
        product = self._signed()
        while sign := self._take("*", "/"):
            other = self._signed()
            if sign == "*":
                product = _Quantity(product.plain * other.plain)
            elif not other.value:
                raise CalculationError("it divides by zero")
            elif product.percent and not other.percent:
                product = product._replace(value=product.value / other.value)
            else:
                product = _Quantity(product.plain / other.plain)
        return product

    def _signed(self) -> _Quantity:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        operand = self._operand()
        if not operand.percent and self._take("%"):
            operand = operand._replace(percent=True)
        return operand._replace(value=-operand.value) if negative else operand

    def _operand(self) -> _Quantity:
        if self._take("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise CalculationError("it is nested too deeply")
            inner = self._sum()
            self._depth -= 1
            if not self._take(")"):
                raise CalculationError("a bracket is not closed")
            return inner
        token = self._here()
        if token is None or token.kind not in {"finding", "number"}:
            raise CalculationError("a number is missing")
        self._next += 1
        if token.kind == "number":
            self.numbers.append((token.text, token.value))
        return _Quantity(token.value, token.percent)

    def _rounding(self) -> int:
        token = self._here()
        if token is None or not token.text.isdigit() or int(token.text) > _MOST_DECIMALS:
            raise CalculationError(f"after | comes a number of digits up to {_MOST_DECIMALS}")
        self._next += 1
        return int(token.text)

    def _here(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, *kinds: str) -> str:
        token = self._here()
        if token is None or token.kind not in kinds:
            return ""
        self._next += 1
        return token.kind


def _scaled(number: str, scale: str | None) -> Fraction:
    digits = number.replace(",", "")
    if len(digits) > _MOST_DIGITS:
        raise CalculationError("a number is too long")
    return Fraction(digits) * Fraction(10) ** SCALES.get((scale or "").casefold(), 0)


def _as_text(value: Fraction, decimals: int | None) -> str:
    if decimals is not None:
        return _rounded(value, decimals)
    if (value * 10**_MOST_DECIMALS).denominator == 1:
        return _without_zeros(_rounded(value, _MOST_DECIMALS))
    first = math.floor(math.log10(abs(value)))  # where its first digit stands
    return _without_zeros(_rounded(value, max(_FEWEST_DECIMALS, _SIGNIFICANT - 1 - first)))


def _rounded(value: Fraction, decimals: int) -> str:
    units = math.floor(abs(value) * 10**decimals + Fraction(1, 2))
    return f"{Context(prec=_MOST_CHARACTERS).scaleb(Decimal(-units if value < 0 else units), -decimals):f}"


def _without_zeros(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _numbers_of(finding: Finding) -> set[Fraction]:
    """The numbers of a finding's answer and lines, without their signs, with and without their scales: a planner writes
    12.4 for "12.4 million", and 35 for "(35)".
    """
    parts = (
        finding.answer,
        finding.table_header,
        finding.before,
        finding.citation.quote,
        finding.after,
    )
    texts = [part for part in parts if part]
    plain = (digits.replace(",", "") for text in texts for digits in re.findall(_DIGITS, text))
    # A document may hold a number of 5,000 digits, which no planner reckons with and Fraction does not read.
    short = (digits for digits in plain if len(digits) <= _MOST_DIGITS)
    scaled = (number for text in texts for number in numbers_in(text))
    return {abs(Fraction(number)) for number in (*short, *scaled)}
