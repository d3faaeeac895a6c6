"""Count the bytes of a request by kind: question, card, digest and so on."""

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
    """Count the bytes of ``body`` by kind; the counts add up to its length.

    None if ``body`` does not hold the messages of ``request``. A text counts its bytes in UTF-8,
    and the JSON schema its bytes in the body. ``form`` is the rest: names of fields, parameters,
    and the characters by which JSON escapes a text.
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
    """Return the counts above 0, in the order of ``KINDS``."""
    return {kind: counts[kind] for kind in KINDS if counts.get(kind)}


def add_up(counted: Mapping[str, int] | None, length: int, sums: defaultdict[str, int]) -> None:
    """Add the counts of a body to sums by kind; None adds its ``length`` as unknown."""
    if counted is None:
        sums[UNKNOWN] += length
        return
    for kind, count in counted.items():
        sums[kind] += count


def _messages_in(body: bytes) -> list[object] | None:
    """Return the messages' texts, which both protocols keep in the same place."""
    try:
        return [message["content"] for message in json.loads(body)["messages"]]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _schema_bytes(request: ChatRequest, body: bytes) -> int:
    """Return the bytes of the schema in the body, however its JSON is written; 0 if it has none."""
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
