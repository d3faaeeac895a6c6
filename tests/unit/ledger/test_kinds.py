"""The bytes of a request by kind: they add up, whatever the texts, and nothing is claimed that is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.ledger.kinds import count_kinds
from minions.values.chat import ChatRequest, Message

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string", "enum": ["\u00e9", "a b"]}}}
KINDS = st.sampled_from(["prompt", "question", "card", "digest", "passage", "answer"])
PARTS = st.lists(st.tuples(KINDS, st.text(max_size=20)), max_size=4)


def _body(request: ChatRequest, **options: Any) -> bytes:
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    form = {"type": "json_schema", "json_schema": {"schema": request.json_schema}}
    return json.dumps(
        {"model": "m", "messages": messages, "response_format": form}, **options
    ).encode()


@given(
    messages=st.lists(PARTS, min_size=1, max_size=3),
    ascii_only=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_the_kinds_add_up_to_the_body(
    messages: Any, separators: tuple[str, str], *, ascii_only: bool
) -> None:
    """To the byte, however the JSON is written; no kind is less than nothing, and each text counts as its UTF-8."""
    turns = tuple(Message.of("user", *parts) for parts in messages)
    request = ChatRequest(messages=turns, max_output_tokens=9, json_schema=SCHEMA)
    body = _body(request, ensure_ascii=ascii_only, separators=separators)
    kinds = count_kinds(request, body)
    assert kinds is not None
    assert sum(kinds.values()) == len(body)
    assert all(count > 0 for count in kinds.values())
    for kind in ("question", "card", "digest"):
        texts = [text for parts in messages for of, text in parts if of == kind]
        assert kinds.get(kind, 0) == sum(len(text.encode()) for text in texts)
    assert kinds["schema"] == len(
        json.dumps(SCHEMA, ensure_ascii=ascii_only, separators=separators).encode()
    )


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"{}", b'{"messages": [1]}', b'{"messages": [{"content": "x"}]}']
)
def test_a_body_that_holds_other_words_is_of_unknown_kinds(body: bytes) -> None:
    """Bytes that hold other messages than the request are not counted by its kinds."""
    request = ChatRequest(messages=(Message.of("user", ("question", "q")),), max_output_tokens=9)
    assert count_kinds(request, body) is None


def test_a_schema_that_was_not_sent_is_not_counted() -> None:
    """An endpoint that takes no schema is told its shape in words."""
    request = ChatRequest(
        messages=(Message.of("user", ("question", "q")),), max_output_tokens=9, json_schema=SCHEMA
    )
    body = b'{"messages":[{"role":"user","content":"q"}]}'
    assert count_kinds(request, body) == {"question": 1, "form": len(body) - 1}
