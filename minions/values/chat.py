"""One exchange with a language model: the request to a ChatModel and its completion.

Token counts follow the OpenTelemetry gen_ai terms: input, cached input (part of input), output, and
reasoning (part of output).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from minions.values.base import Value

FinishReason = Literal["stop", "length", "content_filter", "other"]
ResponseFormat = Literal["json_schema", "json_object", "text"]
Role = Literal["system", "user", "assistant"]
Kind = Literal["prompt", "question", "card", "digest", "passage", "answer", "schema"]


class Message(Value):
    """One turn of a chat."""

    role: Role
    content: str
    kinds: tuple[tuple[Kind, int], ...] = ()
    """The kinds of text in ``content``, for the egress log: each with its number of characters.

    They follow the order of the content and add up to its length. Empty if all of it is a prompt.
    """

    @classmethod
    def of(cls, role: Role, *parts: tuple[Kind, str]) -> Self:
        """Make a message from parts, joined in order."""
        content = "".join(text for _, text in parts)
        kinds = tuple((kind, len(text)) for kind, text in parts)
        return cls(role=role, content=content, kinds=kinds)

    @property
    def parts(self) -> tuple[tuple[Kind, str], ...]:
        """The content in pieces of one kind each, in order."""
        if not self.kinds:
            return (("prompt", self.content),)
        pieces: list[tuple[Kind, str]] = []
        start = 0
        for kind, length in self.kinds:
            end = start + length
            pieces.append((kind, self.content[start:end]))
            start = end
        return tuple(pieces)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.kinds and sum(length for _, length in self.kinds) != len(self.content):
            raise ValueError("a message's kinds must add up to the length of its content")
        return self


class ChatRequest(Value):
    """One request to a ChatModel."""

    messages: tuple[Message, ...]
    max_output_tokens: int
    """The longest reply, hidden reasoning included."""
    temperature: float = 0.0
    json_schema: Mapping[str, Any] | None = None
    """The JSON schema of the reply; None for free text."""
    schema_name: str = "reply"
    """A name for the schema, matching ``[a-zA-Z0-9_-]{1,64}``."""
    response_format: ResponseFormat = "json_schema"
    """The way the schema is enforced.

    ``json_schema``: by constrained decoding. ``json_object``: by the server's JSON mode. ``text``:
    by the words of the prompt only.
    """
    first_token_candidates: int = 0
    """Candidates of the reply's first token to return with their log probabilities; 0 for none."""
    affinity: str | None = None
    """A name shared by requests with the same long prompt prefix.

    A pool sends them to the same server, whose prefix cache then reads the prefix only once.
    """


class Usage(Value):
    """The tokens of one request."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    """The part of ``input_tokens`` that the server read from its prompt cache."""
    output_tokens: int = 0
    reasoning_tokens: int = 0
    """The part of ``output_tokens`` that was hidden reasoning."""
    estimated: bool = False
    """True if the server gave no counts or impossible ones, so that these are estimates."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated=self.estimated or other.estimated,
        )


class Completion(Value):
    """A model's reply to one request."""

    text: str
    finish_reason: FinishReason
    """``stop``: the model ended its reply. ``length``: the reply was cut off at the limit."""
    usage: Usage
    model: str | None = None
    """The model's name according to the server; None if it gave none."""
    first_token: Mapping[str, float] | None = None
    """Candidates of the first token, each with its natural-log probability; None if unknown."""
