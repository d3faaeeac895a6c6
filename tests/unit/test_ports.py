"""The ports: their documentation is true."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import pytest

from minions.errors import RequestRefusedError
from minions.ports import ChatModel
from minions.values.chat import ChatRequest, Message


def _documented_model() -> Any:
    documentation = inspect.getdoc(ChatModel) or ""
    _, _, example = documentation.partition("::\n")
    names: dict[str, Any] = {}
    exec(textwrap.dedent(example), names)  # noqa: S102 - the example is our own
    return names["ShoutingModel"]()


def _asking(text: str) -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content=text),), max_output_tokens=5)


async def test_the_documented_example_is_a_chat_model() -> None:
    """Whoever copies the example from ChatModel's docstring has an adapter that works."""
    model = _documented_model()
    assert isinstance(model, ChatModel)
    completion = await model.complete(_asking("hello there"))
    await model.aclose()
    assert completion.text == "HELLO THERE"
    assert completion.usage.input_tokens == 2


async def test_the_documented_example_fails_with_a_model_error() -> None:
    """The example also shows how a failure is reported: as an error of the ModelError family."""
    with pytest.raises(RequestRefusedError, match="is empty"):
        await _documented_model().complete(_asking(""))
