"""Estimated usage, for servers that do not count tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.text.tokens import estimate_tokens
from minions.values.chat import Usage

if TYPE_CHECKING:
    from minions.values.chat import ChatRequest

_TOKENS_PER_TURN = 4


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
