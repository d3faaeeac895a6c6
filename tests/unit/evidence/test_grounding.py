"""Grounding: a quote is the document's own text, or it is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.evidence.grounding import locate

TEXT = "The agreement\nterminates on  31 December 2024, unless \u201crenewed\u201d in writing \u2014 by both parties."


def test_a_verbatim_quote_is_exact() -> None:
    """Copied words are found where they stand."""
    found = locate("terminates on", TEXT)
    assert found is not None
    assert (found.status, TEXT[found.start : found.end]) == ("exact", "terminates on")


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("The agreement terminates on 31 December", "The agreement\nterminates on  31 December"),
        ('"renewed" in writing - by both', "\u201crenewed\u201d in writing \u2014 by both"),
        ("UNLESS", "unless"),
    ],
)
def test_white_space_case_and_punctuation_do_not_matter(quote: str, stands: str) -> None:
    """A normalised quote still gives the document's own characters."""
    found = locate(quote, TEXT)
    assert found is not None
    assert (found.status, TEXT[found.start : found.end]) == ("normalised", stands)


def test_a_quote_with_a_slip_is_fuzzy_and_gives_whole_words() -> None:
    """One wrong letter is forgiven; what is cited is what the document says."""
    found = locate("agreement terminates on 31 Decemver 2024", TEXT)
    assert found is not None
    assert found.status == "fuzzy"
    assert TEXT[found.start : found.end].startswith("agreement")
    assert found.score < 1


@pytest.mark.parametrize("quote", ["", "   ", "The price of gold is 1,900 dollars an ounce", "xyz"])
def test_what_does_not_stand_there_is_not_found(quote: str) -> None:
    """An invented quote is refused."""
    assert locate(quote, TEXT) is None


@given(st.text(max_size=200), st.integers(0, 200), st.integers(1, 60))
def test_every_slice_of_a_text_is_located_at_its_own_words(
    text: str, start: int, length: int
) -> None:
    """Any piece of any text grounds in it, and the span slices back to the same words."""
    piece = text[start : start + length].strip()
    found = locate(piece, text)
    assert (found is not None) == bool(piece)
    if found is not None:
        assert text[found.start : found.end] == piece


def test_a_very_long_text_is_not_searched_approximately() -> None:
    """Approximate matching is bounded: a huge text costs a substring search, not minutes."""
    assert locate("thjs is not there at all, not even nearly", "word " * 100_000) is None
