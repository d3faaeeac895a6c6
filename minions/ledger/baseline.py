"""What other ways to answer would have cost. Estimates, and labelled as such."""

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
    """Estimate three alternatives for ``questions`` questions of one corpus, each question a request of its own.

    - remote only: the whole corpus and the question go in, ``corpus_tokens + question_tokens``, at the full price.
      Whether a model's context holds that much is not asked.
    - remote cached: the same tokens, and the provider's prompt cache already holds the corpus, so that
      ``corpus_tokens`` are cached input: the best case of a cache, which first has to be filled at the full price.
    - rag: the best chunks instead of the corpus, ``rag_tokens + question_tokens`` (`RAG_CHUNKS` of them by custom).

    Each puts out ``answer_output_tokens``. ``price`` gives the dollars of one request, None when unknown.
    """
    whole = corpus_tokens + question_tokens
    few = min(rag_tokens, corpus_tokens) + question_tokens

    def estimate(input_tokens: int, cached_input_tokens: int = 0) -> BaselineEstimate:
        one = Usage(
            input_tokens=input_tokens,
            cached_input_tokens=cached_input_tokens,
            output_tokens=answer_output_tokens,
        )
        # Priced one by one: providers charge long prompts more, and many questions are no long prompt.
        cost_usd = price(one)
        return BaselineEstimate(
            input_tokens=one.input_tokens * questions,
            cached_input_tokens=one.cached_input_tokens * questions,
            output_tokens=one.output_tokens * questions,
            cost_usd=None if cost_usd is None else cost_usd * questions,
        )

    return Baseline(
        remote_only=estimate(whole), remote_cached=estimate(whole, corpus_tokens), rag=estimate(few)
    )
