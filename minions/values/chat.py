"""One exchange with a language model: what is asked of a ChatModel, and what comes back.

Token counts use the OpenTelemetry gen_ai terms: input, cached input (inside input), output, reasoning (inside output).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Literal, Self

from pydantic import model_validator

from minions.values.base import Value

FinishReason = Literal["stop", "length", "content_filter", "other"]
ResponseFormat = Literal["json_schema", "json_object", "text"]
Role = Literal["system", "user", "assistant"]
Kind = Literal["prompt", "question", "card", "digest", "passage", "answer", "schema"]


class Message(Value):
    """One turn of a chat. ``kinds`` says what its content is made of, for the egress log: each kind with so many
    characters, in their order and adding up to the content; empty for the program's own words.
    """

    role: Role
    content: str
    kinds: tuple[tuple[Kind, int], ...] = ()

    @classmethod
    def of(cls, role: Role, *parts: tuple[Kind, str]) -> Self:
        """A message of parts, one after the other."""
        content = "".join(text for _, text in parts)
        return cls(
            role=role, content=content, kinds=tuple((kind, len(text)) for kind, text in parts)
        )

    @property
    def parts(self) -> tuple[tuple[Kind, str], ...]:
        """The content in pieces of one kind each."""
        if not self.kinds:
            return (("prompt", self.content),)
        ends = list(accumulate(length for _, length in self.kinds))
        return tuple(
            (kind, self.content[end - length : end])
            for (kind, length), end in zip(self.kinds, ends, strict=True)
        )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.kinds and sum(length for _, length in self.kinds) != len(self.content):
            raise ValueError("the kinds of a message are as long as its content")
        return self


class ChatRequest(Value):
    """What is asked of a ChatModel.

    ``json_schema`` is the wanted shape of the reply; ``response_format`` says how it is enforced (constrained
    decoding, JSON mode, or by asking in words only). ``schema_name`` matches ``[a-zA-Z0-9_-]{1,64}``.
    ``first_token_candidates`` asks for that many candidates of the first token with their log probabilities; 0 for
    none. ``affinity`` names requests that share a long prompt prefix, so that a pool can send them to the same server.
    """

    messages: tuple[Message, ...]
    max_output_tokens: int
    temperature: float = 0.0
    json_schema: Mapping[str, Any] | None = None
    schema_name: str = "reply"
    response_format: ResponseFormat = "json_schema"
    first_token_candidates: int = 0
    affinity: str | None = None


class Usage(Value):
    """Tokens of one request, as the server counted them; ``estimated`` when it did not."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated=self.estimated or other.estimated,
        )


class Completion(Value):
    """A model's reply and its facts.

    ``first_token`` maps candidates of the first token to natural-log probabilities; None where the server has none.
    ``model`` is the name the server gave itself.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    model: str | None = None
    first_token: Mapping[str, float] | None = None
