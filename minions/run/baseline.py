"""Cost estimates of the alternatives to a run: sending all documents, or retrieved chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from minions.ledger.baseline import RAG_CHUNKS, estimate_baseline
from minions.text.tokens import estimate_tokens

if TYPE_CHECKING:
    from decimal import Decimal

    from minions.corpus.port import Corpus
    from minions.ledger.prices import PriceBook
    from minions.run.terms import Terms
    from minions.values.answers import Baseline
    from minions.values.chat import Usage

ANSWER_OUTPUT_TOKENS: Final = 150


def baseline_of(question: str, corpus: Corpus, terms: Terms, prices: PriceBook) -> Baseline:
    """Estimates at the price of the cloud planner, or of the default planner if none is used."""
    reference, endpoint = terms.priced

    def price(usage: Usage) -> Decimal | None:
        cost = prices.cost(reference, endpoint, usage)
        return None if cost is None else cost.usd

    baseline = estimate_baseline(
        corpus_tokens=corpus.contents.tokens,
        question_tokens=estimate_tokens(question),
        answer_output_tokens=ANSWER_OUTPUT_TOKENS,
        rag_tokens=RAG_CHUNKS * terms.chunk_tokens,
        price=price,
    )
    return baseline.model_copy(update={"model": reference})
