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
    ],
)
def test_a_number_is_read_with_its_scale_and_sign(text: str, value: str) -> None:
    """Scales, separators, brackets and signs mean what accountants mean by them."""
    assert parse_number(text) == Decimal(value)


def test_a_text_without_digits_has_no_number() -> None:
    """Words are not guessed at."""
    assert parse_number("several") is None
