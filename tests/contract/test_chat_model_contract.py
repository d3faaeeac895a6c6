"""The promises of the ChatModel port, the same for every adapter and fake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest

from minions.errors import (
    AuthenticationError,
    ContextOverflowError,
    DeadlineError,
    FormatUnsupportedError,
    MalformedReplyError,
    ModelError,
    ModelNotFoundError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)
from minions.ports import ChatModel
from minions.values.chat import ChatRequest, Completion, Message, Usage

Build = Callable[[Any], Awaitable[Any]]

ERRORS: list[type[ModelError]] = [
    AuthenticationError,
    ContextOverflowError,
    DeadlineError,
    FormatUnsupportedError,
    MalformedReplyError,
    ModelNotFoundError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
]


def asking(text: str = "q", **changes: Any) -> ChatRequest:
    """A request of one message."""
    return ChatRequest(
        messages=(Message(role="user", content=text),), max_output_tokens=50, **changes
    )


def replying(text: str, finish: Literal["stop", "length"] = "stop", **changes: Any) -> Completion:
    """A reply with a usage of its own."""
    usage = changes.pop("usage", Usage(input_tokens=12, output_tokens=3))
    return Completion(text=text, finish_reason=finish, usage=usage, **changes)


async def test_a_model_is_a_chat_model(build: Build) -> None:
    """It satisfies the port, and has a name."""
    model = (await build(["hi"])).model
    assert isinstance(model, ChatModel)
    assert model.reference.count(":") == 1
    assert model.endpoint


@pytest.mark.parametrize("text", ["hello", '{"a": "ü\\n"}', "", "line\nline\u2028 end "])
async def test_the_text_comes_back_unchanged(build: Build, text: str) -> None:
    """A reply is the model's own text, to the character."""
    bench = await build([replying(text)])
    assert (await bench.model.complete(asking())).text == text


async def test_usage_is_what_the_other_end_counted(build: Build) -> None:
    """Tokens are counted by the model's side, not by ours."""
    bench = await build([replying("x", usage=Usage(input_tokens=123, output_tokens=45))])
    usage = (await bench.model.complete(asking())).usage
    assert (usage.input_tokens, usage.output_tokens, usage.estimated) == (123, 45, False)


@pytest.mark.parametrize("finish", ["stop", "length"])
async def test_a_cut_reply_says_length(build: Build, finish: Literal["stop", "length"]) -> None:
    """A reply that ran into the limit of output tokens is not taken for a whole one."""
    bench = await build([replying("x", finish)])
    assert (await bench.model.complete(asking())).finish_reason == finish


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
async def test_each_trouble_is_its_own_error(build: Build, kind: type[ModelError]) -> None:
    """The kind of error decides what happens next, so each adapter raises the same class for it."""
    bench = await build([kind("trouble")])
    with pytest.raises(ModelError) as caught:
        await bench.model.complete(asking(json_schema={"type": "object"}))
    assert type(caught.value) is kind
    assert bench.seen() == 1


async def test_the_wait_that_was_asked_for_is_known(build: Build) -> None:
    """A server's Retry-After reaches the retries, in seconds."""
    bench = await build([RateLimitedError("slow down", retry_after_s=7)])
    with pytest.raises(RateLimitedError) as caught:
        await bench.model.complete(asking())
    assert caught.value.retry_after_s == 7


async def test_one_complete_is_one_request(build: Build) -> None:
    """The ledger counts attempts; a hidden retry would be a cost that is not in it."""
    bench = await build(["a", ServerError("down"), "b"])
    await bench.model.complete(asking())
    with pytest.raises(ServerError):
        await bench.model.complete(asking())
    await bench.model.complete(asking())
    assert bench.seen() == 3


async def test_candidates_of_the_first_token_come_when_asked_for(build: Build) -> None:
    """A one-token look reads the probabilities of its candidates."""
    bench = await build([replying("yes", first_token={"yes": -0.1, "no": -2.5})])
    completion = await bench.model.complete(asking(first_token_candidates=5))
    assert completion.first_token == {"yes": -0.1, "no": -2.5}


async def test_no_candidates_is_none(build: Build) -> None:
    """A server without probabilities can be told from one that has them, and does not fail."""
    bench = await build([replying("yes")])
    assert (await bench.model.complete(asking(first_token_candidates=5))).first_token is None


async def test_closing_twice_is_closing_once(build: Build) -> None:
    """A shared model may be closed by each user of it, used or not."""
    bench = await build(["a"])
    await bench.model.complete(asking())
    await bench.model.aclose()
    await bench.model.aclose()
