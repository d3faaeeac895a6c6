"""Estimate the cost of other ways to answer. The results are labelled as estimates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from minions.values.answers import Baseline, BaselineEstimate
from minions.values.chat import Usage

PriceOf = Callable[[Usage], Decimal | None]

RAG_CHUNKS: Final = 8


def estimate_baseline(
    *,
    corpus_tokens: int,
    question_tokens: int,
    answer_output_tokens: int,
    rag_tokens: int,
    price: PriceOf,
    questions: int = 1,
) -> Baseline:
    """Estimate three other ways to answer ``questions`` questions, each in a request of its own.

    - remote only: the whole corpus and the question in the prompt, ``corpus_tokens +
      question_tokens``, at the full price, even if no model could hold that much.
    - remote cached: the same, with ``corpus_tokens`` read from the provider's prompt cache. This is
      a cache's best case: filling it costs the full price.
    - rag: the best chunks instead of the corpus, ``rag_tokens + question_tokens`` (the chunks are
      usually `RAG_CHUNKS`).

    Each reply has ``answer_output_tokens``. ``price`` returns the dollars of one request, and None
    if the price is unknown.
    """
    whole = corpus_tokens + question_tokens
    few = min(rag_tokens, corpus_tokens) + question_tokens

    def estimate(input_tokens: int, cached_input_tokens: int = 0) -> BaselineEstimate:
        usage = Usage(
            input_tokens=input_tokens,
            cached_input_tokens=cached_input_tokens,
            output_tokens=answer_output_tokens,
        )
        # The price is that of one request: providers charge more for long prompts, and many short
        # prompts are not a long one.
        cost_usd = price(usage)
        if cost_usd is not None:
            cost_usd *= questions
        return BaselineEstimate(
            input_tokens=usage.input_tokens * questions,
            cached_input_tokens=usage.cached_input_tokens * questions,
            output_tokens=usage.output_tokens * questions,
            cost_usd=cost_usd,
        )

    return Baseline(
        remote_only=estimate(whole), remote_cached=estimate(whole, corpus_tokens), rag=estimate(few)
    )
