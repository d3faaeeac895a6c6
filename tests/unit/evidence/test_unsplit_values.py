"""Findings show values that stay on the device whole, so that they are known for what they are, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.evidence.finding import find
from minions.evidence.grounding import Location
from minions.evidence.unsplit_values import with_whole_values
from minions.redaction.detector import detector
from minions.redaction.placeholders import Placeholders

if TYPE_CHECKING:
    from minions.values.findings import Finding

ACCOUNT = "DE89 3704 0044 0532 0130 00"
TEXT = f"Before it.\nThe account is {ACCOUNT} of theirs.\nAfter it."


def _again(make: Any, quote: str, *, start: int = 0, end: int = len(TEXT)) -> list[Finding]:
    job = make.job("").model_copy(update={"chunk": make.chunk(TEXT[start:end], start=start)})
    place = TEXT.index(quote) - start
    found = find(job, Location(place, place + len(quote), "exact", 1.0), answer="x", confidence=0.5)
    values = Placeholders(detector()).values_in
    again = with_whole_values([found], job, TEXT, values)
    for again_found in again:
        assert (
            TEXT[again_found.citation.start : again_found.citation.end]
            == again_found.citation.quote
        )
        assert again_found.id == again_found.citation.id == found.id
    return again


@pytest.mark.parametrize("quote", ["DE89 3704", "0532 0130", "0130 00 of", "account is DE89"])
def test_a_quote_that_cuts_a_value_is_widened(make: Any, quote: str) -> None:
    """A worker that quotes half of an account number cites all of it: then it is redacted."""
    (found,) = _again(make, quote)
    assert ACCOUNT in found.citation.quote


def test_other_quotes_stay_as_they_are(make: Any) -> None:
    """A value elsewhere in the passage changes nothing."""
    (found,) = _again(make, "After it.")
    assert found.citation.quote == "After it."


def test_what_a_chunk_ends_in_is_left_out(make: Any) -> None:
    """Half a value at the end of a passage is neither quoted nor a neighbour of what is."""
    end = TEXT.index("0532")
    (found,) = _again(make, "The account is DE89", end=end)
    assert found.citation.quote == "The account is "
    (found,) = _again(make, "Before it.", end=end)
    assert "DE89" not in found.after
    assert not _again(make, "3704", end=end)
    (found,) = _again(make, "After it.", start=end)
    assert "0532" not in found.before
