"""Arithmetic in an answer: exact, over numbers that stand in the findings, and never a reason to lose the answer."""

from __future__ import annotations

import json
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minions.errors import CalculationError
from minions.evidence.calculation import calculate, fill_in

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("-(2 - 5)", "3"),
        ("2 - -3", "5"),
        ("10 / 4", "2.5"),
        ("8 / 2 / 2", "2"),
        ("7 - 2 - 1", "4"),
        ("(12.4 - 10.1) / 10.1 * 100 | 1", "22.8"),
        ("0.1 + 0.2", "0.3"),
        ("1,200.5 + 1", "1201.5"),
        ("4.2 million / 2", "2100000"),
        ("$4.2bn - $200m", "4000000000"),
        ("5% * 200", "10"),
        ("50%", "50"),
        ("12.4% - 10.1%", "2.3"),
        ("(12% + 10%) / 2", "11"),
        ("-12% + 2%", "-10"),
        ("12% / 8%", "1.5"),
        ("(3 + 2)% * 200", "10"),
        ("200 * (1 + 5 / 100)", "210"),
        ("30m / 2", "15000000"),
        ("3 \u00d7 4 \u00f7 2 \u2212 1 \u2013 1", "4"),
        ("1 / 3", "0.333333"),
        ("10000000 / 3", "3333333.33"),
        ("1 / 30000000", "0.0000000333333"),
        ("2 / 3 | 0", "1"),
        ("2.5 | 0", "3"),
        ("-2.5 | 0", "-3"),
        ("-0.04 | 1", "0.0"),
        ("0.125 | 2", "0.13"),
        (".5 + .5", "1"),
        ("1000000000000 * 1000000000000", "1" + "0" * 24),
    ],
)
def test_it_reckons_as_people_do(expression: str, result: str) -> None:
    """Products before sums, from the left, exact until the one rounding at the end, halves up."""
    assert calculate(expression) == result


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "divides by zero"),
        ("1 / (2 - 2)", "divides by zero"),
        ("100 + 5%", "do not add up"),
        ("1%%", "out of place"),
        ("30 m / 2", "no number and no sign"),
        ("1 +", "a number is missing"),
        ("", "a number is missing"),
        ("(1 + 2", "not closed"),
        ("1 + 2)", "out of place"),
        ("1 2", "out of place"),
        ("2 ** 3", "a number is missing"),
        ("2 ^ 3", "no number and no sign"),
        ("__import__('os')", "no number and no sign"),
        ("sum(1, 2)", "no number and no sign"),
        ("1 | 11", "digits up to 10"),
        ("1 | x", "no number and no sign"),
        ("1 | 1 million", "digits up to 10"),
        ("1 | 1 | 1", "out of place"),
        ("9" * 31, "too long"),
        ("1 + " * 100 + "1", "too long"),
        ("(" * 21 + "1" + ")" * 21, "too deeply"),
        ("trillion * 1", "no number and no sign"),
        ("1000000000000 * 1000000000000 * 1000000000000", "too large"),
        ("1" + " / 9tn" * 40, "too small"),
        ("f9 + 1", "f9 is no finding"),
    ],
)
def test_what_cannot_be_worked_out_says_why(expression: str, reason: str) -> None:
    """One error, in words."""
    with pytest.raises(CalculationError, match=reason):
        calculate(expression)


_NUMBERS = st.decimals(0, 10**9, places=3).map(lambda number: f"{number:f}")


def _trees() -> Any:
    """Expressions with their values, worked out over fractions as they are built."""
    leaves = _NUMBERS.map(lambda text: (text, Fraction(text)))

    def grown(children: Any) -> Any:
        def joined(one: Any, sign: str, two: Any) -> tuple[str, Fraction]:
            reckon: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
                "+": lambda a, b: a + b,
                "-": lambda a, b: a - b,
                "*": lambda a, b: a * b,
                "/": lambda a, b: a / b if b else Fraction(0),
            }
            value = reckon[sign](one[1], two[1])
            return (f"({one[0]} {sign} {two[0]})" if sign != "/" or two[1] else "0"), value

        signed = children.map(lambda one: (f"-{one[0]}", -one[1]))
        percent = children.map(lambda one: (f"(({one[0]})% * 1)", one[1] / 100))
        return signed | percent | st.builds(joined, children, st.sampled_from("+-*/"), children)

    return st.recursive(leaves, grown, max_leaves=8)


@given(_trees(), st.integers(0, 10))
def test_it_is_the_arithmetic_of_fractions(tree: tuple[str, Fraction], decimals: int) -> None:
    """Whatever is written, the result is the exact one, rounded once, half up."""
    written, exact = tree
    if len(written) > 280 or abs(exact) > 10**30:
        with pytest.raises(CalculationError):
            calculate(f"{written} + {'0' * 20} | {decimals}" if len(written) > 280 else written)
        return
    result = Fraction(calculate(f"{written} | {decimals}"))
    assert abs(result - exact) <= Fraction(1, 2 * 10**decimals)


_ALPHABET = st.sampled_from(
    [*"0123456789.,+-*/()%|{} fmk$\u2212\u00b2\u0663", "{{", "}}", "million", "f1", "/9tn"]
)


@given(st.text() | st.lists(_ALPHABET, max_size=400).map("".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_crashes_or_hangs(make: Any, text: str) -> None:
    """An expression ends in a result or in CalculationError; an answer is always given back."""
    finding = make.finding("12.4 million")
    with suppress(CalculationError):
        assert calculate(text, {"f1": finding})
    filled = fill_in(text, [finding], {"f1": finding})
    assert (filled.doubt < 1) == bool(filled.warnings)
    assert fill_in("{{" + text + "}}", [], {}).answer is not None


def test_an_answer_is_filled_in_with_its_working(make: Any) -> None:
    """The result shows in the answer, and how it came about beside it."""
    row = make.finding("12.4", quote="Net revenue 10.1 12.4")
    filled = fill_in(
        "It grew by {{(12.4 - 10.1) / 10.1 * 100 | 1}} %, {{12.4-10.1}} more.", [row], {}
    )
    assert filled.answer == "It grew by 22.8 %, 2.3 more."
    assert [
        (calculation.expression, calculation.result, calculation.ungrounded)
        for calculation in filled.calculations
    ] == [
        ("(12.4 - 10.1) / 10.1 * 100", "22.8", ()),
        ("12.4-10.1", "2.3", ()),
    ]
    assert (filled.warnings, filled.doubt) == ((), 1.0)


@pytest.mark.parametrize(
    ("quote", "expression"),
    [
        ("Revenue was $12.4 million", "12.4 * 2"),
        ("Revenue was $12.4 million", "12.4 million * 2"),
        ("Revenue was $12.4 million", "12,400,000 * 2"),
        ("Loss for the year (3,500)", "-3500 * 2"),
        ("Loss for the year (3,500)", "3500 * 2"),
        ("Founded in 1987", "2024 - 1987"),
        ("Margin 12 %", "12% - 0%"),
        ("Umsatz 1.234,5", "1234.5 + 0"),
        ("2022 | 2021 / 10 123 456", "10 + 123 + 456 + 0"),
    ],
)
def test_numbers_are_known_however_documents_write_them(
    make: Any, quote: str, expression: str
) -> None:
    """With scale or without, in brackets or with a sign, in a row of a table."""
    findings = [
        make.finding(None, quote=quote),
        make.finding(None, quote="0, 2 and 2024", id="other"),
    ]
    filled = fill_in(f"{{{{{expression}}}}}", findings, {})
    assert filled.calculations[0].ungrounded == ()
    assert not filled.warnings


def test_the_lines_around_a_quote_and_the_answer_count(make: Any) -> None:
    """The planner saw them."""
    row = make.finding("77", quote="Net revenue", before="10.1", after="12.4", table_header="5.5")
    assert not fill_in("{{77 + 10.1 + 12.4 + 5.5}}", [row], {}).warnings


@pytest.mark.parametrize("number", ["1" * 5000, "0." + "1" * 5000])
def test_a_number_without_end_in_a_document_ends_no_run(make: Any, number: str) -> None:
    """A dump of digits beside the fact: the answer is worked out all the same."""
    row = make.finding(number, quote=f"12.4 {number}")
    assert fill_in("{{12.4 * 2}}", [row], {"f1": row}).answer == "24.8"
    assert fill_in("{{f1 * 2}}", [row], {"f1": row}).answer


def test_a_number_from_nowhere_is_told_and_doubted(make: Any) -> None:
    """An operand that no cited finding holds may be invented; plain constants are not."""
    filled = fill_in("{{(12.4 - 9.9) / 12 * 1000}}", [make.finding("12.4")], {})
    assert filled.calculations[0].ungrounded == ("9.9",)
    assert filled.warnings == (
        "9.9 in the calculation (12.4 - 9.9) / 12 * 1000 stands in no finding that is cited",
    )
    assert filled.doubt < 1


def test_a_mean_divides_by_as_many_findings_as_it_cites(make: Any) -> None:
    """Their number stands in no document, and is no invention."""
    cited = [make.finding(str(number)) for number in (10, 20, 30, 40, 55)]
    assert fill_in("{{(10 + 20 + 30 + 40 + 55) / 5}}", cited, {}).warnings == ()
    assert fill_in("{{(10 + 20 + 30 + 40 + 55) / 6}}", cited, {}).calculations[0].ungrounded == (
        "6",
    )


def test_a_finding_may_be_named(make: Any) -> None:
    """Its number is the worker's answer; one without a number, or with two, cannot be reckoned with."""
    known = {
        "f1": make.finding("$12.4 million"),
        "f2": make.finding("-2.4 million"),
        "f3": make.finding("many"),
        "f4": make.finding("1 or 2"),
        "f5": make.finding(None),
    }
    filled = fill_in("{{f1 + F2}}", [], known)
    assert (filled.answer, filled.warnings, filled.named) == ("10000000", (), ("f1", "f2"))
    for name in ("f3", "f4", "f5", "f6"):
        assert fill_in(f"{{{{{name} * 2}}}}", [], known).warnings


@pytest.mark.parametrize(
    ("expression", "result"), [("f1 * 200", "10"), ("f1 - 2%", "3"), ("f1 / 2", "2.5")]
)
def test_a_finding_in_percent_is_a_percentage(make: Any, expression: str, result: str) -> None:
    """As if its answer stood there: 5 % of 200 are 10, by name as well."""
    assert calculate(expression, {"f1": make.finding("5 %")}) == result
    assert calculate(expression, {"f1": make.finding("5 percent")}) == result


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{{12.4 million - 10.1 million}} million", "2.3 million"),
        ("{{12.4 million - 10.1 million | 2}} Million dollars", "2.30 Million dollars"),
        ("${{4bn / 2}}bn", "$2bn"),
        ("{{f1 / 2}} million", "6.2 million"),
        ("{{4 million / 2 thousand}} thousand", "2 thousand"),
        ("{{12.4 - 10.1}} million", "2.3 million"),
        ("{{f2 / 2}} thousand", "6200 thousand"),
        ("{{12.4 million / 2}} dollars", "6200000 dollars"),
        ("{{12.4 million / 2}} b items", "6200000 b items"),
    ],
)
def test_what_is_said_to_be_millions_is_not_multiplied_twice(
    make: Any, written: str, shown: str
) -> None:
    """A scale behind the braces is the result's unit where the numbers within have scales of their own."""
    known = {"f1": make.finding("$12.4 million"), "f2": make.finding("12,400")}
    filled = fill_in(written, [], known)
    assert filled.answer == shown
    assert filled.calculations[0].result in shown


def test_a_unit_in_odd_letters_ends_no_run(make: Any) -> None:
    """An i without its dot matches one with a dot where case is ignored, and is no scale all the same."""
    filled = fill_in("It is {{2 million * 3}} m\u0131llion.", [make.finding("2 million, 3")], {})
    assert filled.answer == "It is 6000000 m\u0131llion."
    assert filled.warnings == ()


def test_what_fails_stays_legible(make: Any) -> None:
    """The answer keeps the working, the rest of it is worked out."""
    filled = fill_in(
        "Margin {{12.4 / 0 | 1}}, half is {{12.4 / 2}}.", [make.finding("12.4, 0")], {}
    )
    assert filled.answer == "Margin 12.4 / 0, half is 6.2."
    assert filled.warnings == ("not calculated: 12.4 / 0 | 1 (it divides by zero)",)
    assert filled.doubt < 1


@pytest.mark.parametrize(
    "answer", ["{{ user.name }}", "{{}}", "{ {1} }", "{{#if 3}}", '{"a": {"b": {}}}', "none", ""]
)
def test_braces_of_the_documents_are_left_alone(answer: str) -> None:
    """A template's field is no calculation."""
    assert fill_in(answer, [], {}) == (answer, (), (), 1.0, ())


def test_an_answer_in_json_stays_json(make: Any) -> None:
    """Double braces stand in its texts only."""
    answer = json.dumps({"growth": "{{1 + 2}} %", "of": {"what": {"a": 1}}})
    assert json.loads(fill_in(answer, [make.finding("1 2")], {}).answer)["growth"] == "3 %"


def test_an_answer_full_of_arithmetic_is_bounded() -> None:
    """A planner that writes a hundred thousand expressions gets fifty results and one warning, and keeps its words."""
    filled = fill_in("{{1+1}} " * 100_000, (), {})
    assert filled.answer.startswith("2 " * 50 + "1+1 ")
    assert len(filled.calculations) == 50
    assert filled.warnings == ("only 50 of the answer's 100000 calculations are worked out",)
