"""Estimates of the alternatives, by the documented formula."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from minions.ledger.baseline import estimate_baseline
from minions.ledger.prices import Price
from minions.values.answers import BaselineEstimate

if TYPE_CHECKING:
    from minions.values.chat import Usage

PRICE = Price.parse("m=2/10/0.5")[1]


def test_the_three_alternatives_follow_the_formula() -> None:
    """Everything in, everything in but cached, and the best chunks in; two questions are two requests."""
    baseline = estimate_baseline(
        corpus_tokens=1000,
        question_tokens=50,
        answer_output_tokens=100,
        rag_tokens=200,
        questions=2,
        price=PRICE.cost_usd,
    )
    assert baseline.estimated is True
    assert baseline.remote_only == BaselineEstimate(
        input_tokens=2100, output_tokens=200, cost_usd=Decimal("0.0062")
    )
    assert baseline.remote_cached == BaselineEstimate(
        input_tokens=2100, cached_input_tokens=2000, output_tokens=200, cost_usd=Decimal("0.0032")
    )
    assert baseline.rag == BaselineEstimate(
        input_tokens=500, output_tokens=200, cost_usd=Decimal("0.0030")
    )


def test_retrieval_never_sends_more_than_there_is() -> None:
    """On a small corpus top-k is the corpus, and an unknown price stays unknown."""

    def unknown(usage: Usage) -> None:
        assert usage.output_tokens == 1

    baseline = estimate_baseline(
        corpus_tokens=10,
        question_tokens=1,
        answer_output_tokens=1,
        rag_tokens=14_400,
        price=unknown,
    )
    assert baseline.rag.input_tokens == baseline.remote_only.input_tokens == 11
    assert baseline.rag.cost_usd is None
