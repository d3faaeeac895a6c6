"""Arithmetic in an answer, done on the device: ``{{(12.4 - 10.1) / 10.1 * 100 | 1}}`` is ``22.8``.

Models err in arithmetic, so the planner writes an expression and the device evaluates it: + - * /
and brackets over numbers as documents write them (``1,200``, ``4.2 million``, ``5%``) and findings
(``f1`` is the number of its answer, as it is written there). ``| 1`` asks for one digit after the
point. Nothing is executed; the result is exact, whatever the expression, and rounded once.
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
# Digits of a result that never ends, where the planner asks for no number of decimals.
_SIGNIFICANT: Final = 6
_FEWEST_DECIMALS: Final = 2
_MARKED: Final = re.compile(r"\{\{([^{}]*)\}\}")
# Anything else in double braces is the document's own: a field of a template, say.
_BEGINS: Final = re.compile(r"[\s(+\u2212-]*(?:(?:[$\u20ac\u00a3]\s*)?\.?\d|f\d)")
_DIGITS: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
# A single letter is a scale only right after its digits: "30 m" are metres.
_WORDS: Final = "|".join([word for word in SCALES if len(word) > 1])
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<finding>f\d+)\b"
    rf"|(?:[$\u20ac\u00a3]\s*)?(?P<number>{_DIGITS})"
    rf"(?:\s*(?P<scale>{_WORDS})\b|(?P<letter>[kmb])\b)?"
    r"|(?P<sign>[-+*/()%\u2212\u2013\u00d7\u00f7|]))",
    re.IGNORECASE,
)
_UNIT_AFTER: Final = re.compile(rf"\s*(?:{_WORDS})\b|[kmb]\b", re.IGNORECASE)
_SCALED: Final = re.compile(rf"\d(?:\s*(?:{_WORDS})|[kmb])\b", re.IGNORECASE)
_SIGNS: Final = {"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00f7": "/"}
# Numbers that need no source: parts of a whole, of a year, of an average; powers of ten.
_PARTS: Final = (1, 2, 3, 4, 12, 52, 365)
_POWERS_OF_TEN: Final = tuple(10**power for power in range(1, 13))
_CONSTANTS: Final = set(map(Fraction, (*_PARTS, *_POWERS_OF_TEN)))
# The factor of an answer's confidence where its arithmetic cannot be trusted.
_DOUBT: Final = 0.5


class Calculated(NamedTuple):
    """An answer with its results filled in.

    ``warnings`` name the errors in the calculations. ``doubt`` is a factor for the answer's
    confidence. ``named`` are the ids of the findings that the calculations name.
    """

    answer: str
    calculations: tuple[Calculation, ...] = ()
    warnings: tuple[str, ...] = ()
    doubt: float = 1.0
    named: tuple[str, ...] = ()


def fill_in(answer: str, cited: Sequence[Finding], known: Mapping[str, Finding]) -> Calculated:
    """Work out the expressions in double braces.

    An expression that cannot be worked out stays as it was written, without the braces, and a
    warning says why. A warning also names operands that stand in none of the ``cited`` findings.
    A scale is not applied twice: ``{{2 million * 3}} million`` is 6 million.

    ``known`` maps ids to findings, for the expressions that name one.
    """
    if "{{" not in answer:
        return Calculated(answer)
    filling = _Filling(answer, cited, known)
    filled = _MARKED.sub(filling.replace, answer)
    warnings = filling.warnings
    if filling.count > _MOST_EXPRESSIONS:
        warnings.append(
            f"only {_MOST_EXPRESSIONS} of the answer's {filling.count} calculations are worked out"
        )
    doubt = 1.0
    if warnings:
        doubt = _DOUBT
    named = dict.fromkeys(filling.named)
    return Calculated(filled, tuple(filling.calculations), tuple(warnings), doubt, tuple(named))


class _Filling:
    """Replaces the expressions of one answer by their results, and keeps the warnings."""

    def __init__(self, answer: str, cited: Sequence[Finding], known: Mapping[str, Finding]) -> None:
        self.calculations: list[Calculation] = []
        self.named: list[str] = []
        self.warnings: list[str] = []
        self.count = 0
        self._answer = answer
        self._known = known
        self._shown = {Fraction(len(cited))}  # the mean of five findings divides by five
        self._shown |= _CONSTANTS
        for finding in cited:
            citation = finding.citation
            around = (finding.table_header, finding.before, citation.quote, finding.after)
            for text in filter(None, (finding.answer, *around)):
                self._shown |= _numbers_of(text)

    def replace(self, match: re.Match[str]) -> str:
        """The result of one expression, or its text where there is none."""
        written = match[1].strip()
        working = written.partition("|")[0].strip()
        if not _BEGINS.match(written):
            return match[0]
        self.count += 1
        if self.count > _MOST_EXPRESSIONS:
            return working
        unit = ""
        unit_after = _UNIT_AFTER.match(self._answer, match.end())
        if unit_after:
            unit = unit_after[0]
        try:
            result, expression = _worked_out(written, self._known, unit=unit.strip())
        except CalculationError as error:
            cause = f"{written[:_MOST_CHARACTERS]} ({error.message})"
            self.warnings.append(f"not calculated: {cause}")
            return working
        if not expression.is_scaled:
            unit = ""
        missing = tuple(text for text, value in expression.numbers if value not in self._shown)
        self.named += expression.named
        self.calculations.append(
            Calculation(expression=working, result=result + unit, ungrounded=missing)
        )
        if missing:
            numbers = ", ".join(missing)
            self.warnings.append(
                f"{numbers} in the calculation {written} stands in no finding that is cited"
            )
        return result


def calculate(expression: str, known: Mapping[str, Finding] | None = None) -> str:
    """The result of an expression, as text.

    Raises CalculationError, and nothing else, whatever the text.
    """
    return _worked_out(expression, known or {})[0]


def _worked_out(
    written: str, known: Mapping[str, Finding], *, unit: str = ""
) -> tuple[str, _Expression]:
    """The result as text, and the expression it was made of.

    The result is in the ``unit``, such as million, if numbers with scales made it.
    """
    expression = _Expression(written, known)
    value = expression.value()
    if expression.is_scaled and unit:
        value /= _factor(unit)
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
    """A number, perhaps in percent.

    Percentages add up to a percentage, and one divided by a number is a percentage too. In other
    places they are hundredths.
    """

    value: Fraction
    percent: bool = False

    @property
    def plain(self) -> Fraction:
        if self.percent:
            return self.value / 100
        return self.value


class _Expression:
    """A parser by recursive descent: sums of products of signed values, each perhaps in percent.

    ``numbers`` are the operands as they are written, without the signs before them, ``named`` the
    ids of the findings used, ``is_scaled`` says whether an operand has a scale such as million.
    """

    def __init__(self, written: str, known: Mapping[str, Finding]) -> None:
        self.numbers: list[tuple[str, Fraction]] = []
        self.named: list[str] = []
        self.is_scaled = False
        self.decimals: int | None = None
        self._known = known
        self._tokens = self._read(written)
        self._next = 0
        self._depth = 0

    def value(self) -> Fraction:
        """The exact result. Raises CalculationError for text that is no expression."""
        value = self._sum().value
        if self._take("|"):
            token = self._here()
            if token is None or not token.text.isdigit() or int(token.text) > _MOST_DECIMALS:
                raise CalculationError(f"after | comes a number of digits up to {_MOST_DECIMALS}")
            self._next += 1
            self.decimals = int(token.text)
        if self._next < len(self._tokens):
            raise CalculationError(f"{self._tokens[self._next].text!r} is out of place")
        return value

    def _read(self, written: str) -> list[_Token]:
        if len(written) > _MOST_CHARACTERS:
            raise CalculationError("it is too long")
        tokens: list[_Token] = []
        place = 0
        end = len(written.rstrip())
        while place < end:
            match = _TOKEN.match(written, place)
            if match is None:
                word = written[place:].split(maxsplit=1)[0]
                raise CalculationError(f"{word[:20]!r} is no number and no sign")
            tokens.append(self._token(match))
            place = match.end()
        return tokens

    def _token(self, match: re.Match[str]) -> _Token:
        text = match[0].strip()
        if match["sign"]:
            return _Token(_SIGNS.get(text, text), text)
        if match["finding"]:
            return self._finding(text.casefold())
        digits = match["number"].replace(",", "")
        if len(digits) > _MOST_DIGITS:
            raise CalculationError("a number is too long")
        scale = match["scale"] or match["letter"]
        if scale is None:
            return _Token("number", text, Fraction(digits))
        self.is_scaled = True
        return _Token("number", text, Fraction(digits) * _factor(scale))

    def _finding(self, finding_id: str) -> _Token:
        answer = ""
        if finding_id in self._known:
            answer = self._known[finding_id].answer or ""
        numbers = numbers_by_sort(answer)
        if len(numbers) != 1:
            raise CalculationError(f"{finding_id} is no finding whose answer is a number")
        sort, number = numbers[0]
        self.named.append(finding_id)
        if _SCALED.search(answer):
            self.is_scaled = True
        return _Token("finding", finding_id, Fraction(number), percent=sort == "share")

    def _sum(self) -> _Quantity:
        total = self._product()
        while True:
            sign = self._take("+", "-")
            if not sign:
                return total
            other = self._product()
            if total.percent != other.percent:
                raise CalculationError("a percentage and a number do not add up")
            value = total.value + other.value
            if sign == "-":
                value = total.value - other.value
            total = total._replace(value=value)

    def _product(self) -> _Quantity:
        product = self._signed()
        while True:
            sign = self._take("*", "/")
            if not sign:
                return product
            other = self._signed()
            if sign == "*":
                product = _Quantity(product.plain * other.plain)
            elif not other.value:
                raise CalculationError("it divides by zero")
            elif product.percent and not other.percent:
                product = product._replace(value=product.value / other.value)
            else:
                product = _Quantity(product.plain / other.plain)

    def _signed(self) -> _Quantity:
        """Brackets, a finding or a number, with the signs before it and the percent sign after."""
        negative = False
        sign = self._take("+", "-")
        while sign:
            negative ^= sign == "-"
            sign = self._take("+", "-")
        if self._take("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise CalculationError("it is nested too deeply")
            operand = self._sum()
            self._depth -= 1
            if not self._take(")"):
                raise CalculationError("a bracket is not closed")
        else:
            token = self._here()
            if token is None or token.kind not in {"finding", "number"}:
                raise CalculationError("a number is missing")
            self._next += 1
            if token.kind == "number":
                self.numbers.append((token.text, token.value))
            operand = _Quantity(token.value, token.percent)
        if not operand.percent and self._take("%"):
            operand = operand._replace(percent=True)
        if negative:
            operand = operand._replace(value=-operand.value)
        return operand

    def _here(self) -> _Token | None:
        if self._next >= len(self._tokens):
            return None
        return self._tokens[self._next]

    def _take(self, *kinds: str) -> str:
        token = self._here()
        if token is None or token.kind not in kinds:
            return ""
        self._next += 1
        return token.kind


def _factor(scale: str) -> int:
    """1,000,000 for "million"; 1 for a scale in letters that only look like a known one's."""
    return int(10 ** SCALES.get(scale.casefold(), 0))


def _as_text(value: Fraction, decimals: int | None) -> str:
    if decimals is not None:
        return _rounded(value, decimals)
    if (value * 10**_MOST_DECIMALS).denominator == 1:
        return _without_zeros(_rounded(value, _MOST_DECIMALS))
    first = math.floor(math.log10(abs(value)))  # the place of its first digit
    decimals = max(_FEWEST_DECIMALS, _SIGNIFICANT - 1 - first)
    return _without_zeros(_rounded(value, decimals))


def _rounded(value: Fraction, decimals: int) -> str:
    """The value with so many digits after the point, halves away from zero."""
    units = math.floor(abs(value) * 10**decimals + Fraction(1, 2))
    if value < 0:
        units = -units
    return f"{Context(prec=_MOST_CHARACTERS).scaleb(Decimal(units), -decimals):f}"


def _without_zeros(number: str) -> str:
    if "." not in number:
        return number
    return number.rstrip("0").rstrip(".")


def _numbers_of(text: str) -> set[Fraction]:
    """The numbers of a text, without signs, with and without their scales.

    A planner writes 12.4 for "12.4 million", and 35 for "(35)".
    """
    found = {abs(Fraction(number)) for number in numbers_in(text)}
    for number in re.findall(_DIGITS, text):
        digits = number.replace(",", "")
        # A document may hold a number of 5,000 digits, which no planner calculates with and
        # Fraction does not read.
        if len(digits) <= _MOST_DIGITS:
            found.add(Fraction(digits))
    return found
