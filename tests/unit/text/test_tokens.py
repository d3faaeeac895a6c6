"""Token counts without a tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.text.tokens import bound_tokens, estimate_tokens

# Counted with the Qwen 2.5 vocabulary.
COUNTED = {
    "The supplier shall deliver the goods within thirty days after the order was confirmed in writing.": 17,
    "Net revenue 11,715 18,353\nCost of sales 7,707 9,109\nGross margin 4,008 9,244\n": 46,
    "def add(first, second):\n    return first + second\n": 12,
}


@pytest.mark.parametrize(("text", "tokens"), COUNTED.items())
def test_the_estimate_is_near_the_count_and_not_far_below(text: str, tokens: int) -> None:
    """Packing by the estimate does not overfill a prompt: it is at most a tenth too low, at most 60 % too high."""
    assert tokens * 0.9 <= estimate_tokens(text) <= tokens * 1.6


@given(st.text(st.characters()))
def test_every_text_has_an_estimate_within_the_bound_of_its_bytes(text: str) -> None:
    """Only the empty text has no tokens; nothing a user has in a file makes the estimate fail or negative."""
    tokens = estimate_tokens(text)
    assert (tokens > 0) == bool(text)
    assert tokens <= 2 * bound_tokens(text)


@given(st.text(), st.text())
def test_the_estimate_of_joined_texts_is_the_sum_but_for_the_seam(first: str, second: str) -> None:
    """Chunks' estimates add up to their document's, so that totals can be trusted."""
    apart = estimate_tokens(first) + estimate_tokens(second)
    assert abs(estimate_tokens(first + second) - apart) <= 3


@given(st.text(st.characters(codec="utf-8")))
def test_the_bound_is_the_number_of_bytes(text: str) -> None:
    """A budget reserves what no byte-level vocabulary exceeds."""
    assert bound_tokens(text) == len(text.encode())
