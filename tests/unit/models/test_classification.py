"""Refusals of servers become errors of the tree."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ModelError
from minions.models.classification import Refusal, Target, classify, retry_after_s, scrub

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
TARGET = Target(endpoint="http://e", key_hint="k", model_hint="m")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Fri, 01 May 2026 12:00:30 GMT", 30.0),
        ("Fri, 01 May 2026 11:00:00 GMT", 0.0),
        ("1e18", 3600.0),
        ("Fri, 01 May 9999 11:00:00 GMT", 3600.0),
        ("-3", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """Both spellings of the header are honoured, up to an hour, and nonsense is no wait at all."""
    assert retry_after_s(header, now=NOW) == seconds


@given(st.integers(300, 599), st.binary(max_size=200))
def test_any_refusal_is_some_model_error(status: int, body: bytes) -> None:
    """However strange the reply, it becomes a ModelError that names the endpoint."""
    error = classify(Refusal.read(status, body), TARGET)
    assert isinstance(error, ModelError)
    assert "http://e" in error.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "a", "code": 1}}', "a"),
        (b'{"error": "b"}', "b"),
        (b'{"message": "c"}', "c"),
        (b'{"detail": "d"}', "d"),
        (b"plain", "plain"),
        (b"[1]", "[1]"),
    ],
)
def test_every_dialect_of_error_bodies_is_read(body: bytes, message: str) -> None:
    """OpenAI, Ollama, vLLM and plain gateways wrap their words differently; the words reach the
    user.
    """
    assert Refusal.read(400, body).message == message


@pytest.mark.parametrize("key", ["sk-proj-abcdefgh1234", "sk-ab***********wxyz", "Bearer abc.def"])
def test_keys_are_scrubbed(key: str) -> None:
    """A server that repeats the key does not put it into our messages."""
    assert scrub(f"bad key {key}") == "bad key ***"


def test_long_messages_are_cut_to_a_line() -> None:
    """A page of HTML becomes one line."""
    line = scrub("word\n" * 500)
    assert "\n" not in line
    assert len(line) <= 300


@pytest.mark.parametrize("location", ["https://a.example/$(id)", "https://a.example/; id", "x"])
def test_only_a_plain_address_is_quoted_in_what_to_type(location: str) -> None:
    """A hint is pasted into a shell: of a new address, only a plain one is shown."""
    error = classify(Refusal(307, location=location), Target("http://e", "k", "m"))
    assert location not in (error.hint or "")
    assert "has moved" in (error.hint or "")
