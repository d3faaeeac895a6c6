"""Numbers in replies: estimates where a server does not count, and candidates that are possible."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from minions.text.tokens import estimate_tokens
from minions.values.chat import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.values.chat import ChatRequest

_TOKENS_PER_TURN = 4
_MOST_CANDIDATES: Final = 21  # the token itself, and the most alternatives that are asked for
_ROUNDING: Final = 0.01  # a certain token's logarithm may be rounded to just above 0


def estimated_prompt_tokens(request: ChatRequest) -> int:
    """The estimated tokens of a request's messages, with the marks around each turn."""
    return sum(estimate_tokens(message.content) + _TOKENS_PER_TURN for message in request.messages)


def estimated_usage(request: ChatRequest, text: str) -> Usage:
    """The usage of a request and its reply, from the texts alone; marked as estimated."""
    return Usage(
        input_tokens=estimated_prompt_tokens(request),
        output_tokens=estimate_tokens(text),
        estimated=True,
    )


def possible_candidates(
    given: Iterable[tuple[str, float | None]],
) -> dict[str, float] | None:
    """The first candidates with a possible log probability: a finite number, 0 at most.

    None if there are none.
    """
    candidates: dict[str, float] = {}
    for token, logprob in given:
        if len(candidates) == _MOST_CANDIDATES:
            break
        if logprob is not None and math.isfinite(logprob) and logprob <= _ROUNDING:
            candidates.setdefault(token, logprob)
    return candidates or None
