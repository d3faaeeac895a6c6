"""Fixtures for tests of models and their wrappers."""

from __future__ import annotations

from typing import Any

import pytest

from minions.values.chat import ChatRequest, Message
from tests.small_model import content, entry, home, install

__all__ = ["content", "entry", "home", "install"]


def _asking(*texts: str, **changes: Any) -> ChatRequest:
    messages = tuple(Message(role="user", content=text) for text in texts or ("q",))
    return ChatRequest(messages=messages, **{"max_output_tokens": 50, **changes})


@pytest.fixture
def asking() -> Any:
    """Make a request of user messages."""
    return _asking
