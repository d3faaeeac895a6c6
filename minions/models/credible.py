"""Usage that a server reports is believed only if it is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from minions.ledger.meter import bound_input_tokens
from minions.models.usage import estimated_usage
from minions.text.tokens import bound_tokens

if TYPE_CHECKING:
    from minions.values.chat import ChatRequest, Usage

# No tokenizer packs more bytes of prose into a token on average; only runs of blanks come near.
BYTES_PER_TOKEN: Final = 64


def credible_usage(usage: Usage, request: ChatRequest, text: str | None) -> Usage:
    """Return the usage as it is if it is possible, else an estimate that is marked as one.

    ``text``: the reply; None if it is unknown. Possible is an input between a 64th of the bytes
    sent and all of them, an output between a 64th of the bytes of the reply and the greater of the
    requested maximum and those bytes, cached input within the input, and reasoning within the
    output. A server that reports one impossible number is not believed in the others.
    """
    if usage.estimated or _is_possible(usage, request, text or ""):
        return usage
    return estimated_usage(request, text or "")


def _is_possible(usage: Usage, request: ChatRequest, text: str) -> bool:
    sent = sum(bound_tokens(message.content) for message in request.messages)
    written = bound_tokens(text)
    most_output = max(request.max_output_tokens, written)
    return (
        _least(sent) <= usage.input_tokens <= bound_input_tokens(request)
        and _least(written) <= usage.output_tokens <= most_output
        and 0 <= usage.cached_input_tokens <= usage.input_tokens
        and 0 <= usage.reasoning_tokens <= usage.output_tokens
    )


def _least(size_bytes: int) -> int:
    """Return the fewest tokens for so many bytes, rounded up: some text is at least one token."""
    return -(-size_bytes // BYTES_PER_TOKEN)
