"""What the bytes of a request are: how many are the question, the card, the digest, and so on. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.values.chat import ChatRequest

    Kinds = Mapping[str, int]

FORM: Final = "form"
UNKNOWN: Final = "unknown"
KINDS: Final = (
    "prompt",
    "question",
    "card",
    "digest",
    "passage",
    "answer",
    "schema",
    FORM,
    UNKNOWN,
)


def count_kinds(request: ChatRequest, body: bytes) -> dict[str, int] | None:
    """The bytes of ``body`` by kind, adding up to its length; None where it does not hold the request's messages.

    Texts count as they are in UTF-8, the JSON schema as it stands in the body. ``form`` is what is left: names of
    fields, parameters, and what JSON adds to a text to escape it.
    """
    messages = _messages_in(body)
    if messages != [message.content for message in request.messages]:
        return None
    counts = defaultdict[str, int](int)
    for message in request.messages:
        for kind, text in message.parts:
            counts[kind] += len(text.encode("utf-8", "surrogatepass"))
    counts["schema"] += _schema_bytes(request, body)
    counts[FORM] = len(body) - sum(counts.values())
    return in_order(counts)


def in_order(counts: Kinds) -> dict[str, int]:
    """The kinds that there are any bytes of, always in the same order."""
    return {kind: counts[kind] for kind in KINDS if counts.get(kind)}


def add_up(counted: Mapping[str, int] | None, length: int, sums: defaultdict[str, int]) -> None:
    """Add a body of ``length`` bytes to sums by kind; what nobody counted is unknown."""
    for kind, count in ({UNKNOWN: length} if counted is None else counted).items():
        sums[kind] += count


def _messages_in(body: bytes) -> list[object] | None:
    """The texts of the messages, where both protocols keep them."""
    try:
        return [message["content"] for message in json.loads(body)["messages"]]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _schema_bytes(request: ChatRequest, body: bytes) -> int:
    """The bytes of the schema in the body, in either of the ways JSON is written; 0 where it was not sent."""
    if request.json_schema is None:
        return 0
    for separators in ((",", ":"), (", ", ": ")):
        for ascii_only in (False, True):
            written = json.dumps(
                request.json_schema, ensure_ascii=ascii_only, separators=separators, default=dict
            )
            as_bytes = written.encode("utf-8", "surrogatepass")
            if as_bytes in body:
                return len(as_bytes)
    return 0
