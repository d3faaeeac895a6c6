"""Numbers as documents write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from minions.evidence.numbers import parse_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        ("$4.2 billion", "4200000000"),
        ("4,200 million", "4200000000"),
        ("(35)", "-35"),
        ("$(362) million", "-362000000"),
        ("-1.5", "-1.5"),
        ("\u22127 %", "-7"),
        ("696.2%", "696.2"),
        ("about 1 234 567 people", "1234567"),
        ("EUR 12k", "12000"),
        (".5", "0.5"),
        ("5 meters", "5"),
        ("30 m", "30"),
        ("12 k", "12"),
        ("30m", "30000000"),
        ("$12m", "12000000"),
        ("$12 m", "12000000"),
        ("\u20ac 3.5 b", "3500000000"),
        ("$(362)", "-362"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("- 5", "-5"),
        ("Revenue - 5 million", "5000000"),
        ("1.234,56", "1234.56"),
        ("EUR 1.234.567,8", "1234567.8"),
        ("1.234.567", "1234567"),
        ("1.234", "1.234"),
        ("1,234.56", "1234.56"),
        ("2022: 12.4 million", "12400000"),
        ("2022 - 12.4 million", "12400000"),
        ("2022 $(362) million", "-362000000"),
        ("In 2021 and 2022 it was $40", "40"),
        ("(2022) 7 %", "7"),
        ("FY 2022: 40 sites", "2022"),
        ("2022", "2022"),
        ("$2022 of 5 million", "2022"),
        ("12   345", "12"),
        (" " * 100_000 + "12", "12"),
        ("2150: 12.4 million", "2150"),
    ],
)
def test_a_number_is_read_with_its_scale_and_sign(text: str, value: str) -> None:
    """Scales, separators, brackets and signs mean what accountants mean by them."""
    assert parse_number(text) == Decimal(value)


def test_a_text_without_digits_has_no_number() -> None:
    """Words are not guessed at."""
    assert parse_number("several") is None
