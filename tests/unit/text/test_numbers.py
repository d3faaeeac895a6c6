"""Numbers as documents write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from minions.text.numbers import numbers_by_sort, parse_amounts, parse_number, with_plain_numbers


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
        ("4.2e9", "4200000000"),
        ("-1.5E-3 units", "-0.0015"),
        ("2e5", "200000"),
        ("12e5", "12"),
        ("3eggs", "3"),
        ("2022: 7 percent", "7"),
        ("642.0 per cent", "642"),
    ],
)
def test_a_number_is_read_with_its_scale_and_sign(text: str, value: str) -> None:
    """Scales, separators, brackets and signs mean what accountants mean by them."""
    assert parse_number(text) == Decimal(value)


def test_a_text_without_digits_has_no_number() -> None:
    """Words are not guessed at."""
    assert parse_number("several") is None


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        (
            "$10,776 million as of December 25, 2021, to $12,831 million",
            ["10776000000", "12831000000"],
        ),
        ("696.2% and 7 percent", ["696.2", "7"]),
        ("F1 of 85.99; $(362) million; 4.2e9", ["85.99", "-362000000", "4200000000"]),
        ("7934 messages in 2022, 9 of them late, of 12 k", []),
        ("no number at all", []),
    ],
)
def test_amounts_are_told_from_years_days_and_counts(text: str, amounts: list[str]) -> None:
    """Money, percentages, scales and decimals are amounts; bare whole numbers may be anything and are none."""
    assert parse_amounts(text) == list(map(Decimal, amounts))


def test_numbers_are_told_by_their_sort() -> None:
    """Money, by a sign before or a word after it, a share, a scale, a point, or whole: each as it is written."""
    text = "12 sites, 1,234 people, 7.5 points; 5 %, 3 per cent; 12.4 million; $4.2 billion and 3 million euros"
    found = numbers_by_sort(text)
    assert [sort for sort, _ in found] == [
        "whole",
        "whole",
        "point",
        "share",
        "share",
        "scaled",
        "money",
        "money",
    ]
    assert found[-1] == ("money", Decimal(3_000_000))


def test_a_number_without_end_is_none() -> None:
    """A line of a million digits is passed by, and what stands besides is read."""
    text = "9" * 1_100_000 + " and 41 metres"
    assert parse_number(text) == 41
    assert [number for _, number in numbers_by_sort(text)] == [41]
    assert "41" in with_plain_numbers(text)
