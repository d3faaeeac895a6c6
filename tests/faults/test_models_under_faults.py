"""Real servers that fail in every way, behind the wrappers as they are wired."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
import stamina

from minions.errors import (
    AuthenticationError,
    DeadlineError,
    MalformedReplyError,
    ModelError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnreachableError,
)
from minions.models.falling_back import falling_back
from minions.models.ollama import OllamaModel
from minions.models.openai import OpenAIModel
from minions.models.retrying import retrying
from minions.models.throttled import throttled
from minions.network.reference import ModelRef
from minions.network.timeouts import Timeouts
from minions.network.wire import capturing
from minions.testing import Fault, LoopbackServer, faults
from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from minions.ports import ChatModel

    Connect = Callable[..., ChatModel]

SHORT = Timeouts(connect_s=5, first_token_s=0.15, total_s=5)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries without waits."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture(params=["openai", "ollama"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Connect either adapter to a server, or to any address."""
    made: list[ChatModel] = []

    def make(url: str, timeouts: Timeouts = SHORT, **settings: Any) -> ChatModel:
        model: ChatModel
        if request.param == "openai":
            ref, address = ModelRef.parse("openai:m"), f"{url}/v1"
            model = OpenAIModel(ref, base_url=address, api_key="k", timeout=timeouts, **settings)
        else:
            model = OllamaModel(ModelRef.parse("ollama:m"), host=url, timeouts=timeouts, **settings)
        made.append(model)
        return model

    yield make
    for model in made:
        await model.aclose()


def wired(model: ChatModel, attempts: int = 3) -> ChatModel:
    """The wrappers in their order, without the meter."""
    limited = throttled(model, concurrency=4, rate_per_s=None)
    return falling_back(retrying(limited, attempts=attempts), memory={})


def asking(text: str = "q", **changes: Any) -> ChatRequest:
    """A request of one message."""
    return ChatRequest(
        messages=(Message(role="user", content=text),), max_output_tokens=50, **changes
    )


PASSING: list[tuple[Fault, type[ModelError]]] = [
    (faults.rate_limited(), RateLimitedError),
    (faults.rate_limited("2"), RateLimitedError),
    (faults.server_error(500), ServerError),
    (faults.loading(), ServerError),
    (faults.reset(), ServerError),
    (faults.cut_off(), ServerError),
    (faults.stall(30), DeadlineError),
    (faults.garbage(), MalformedReplyError),
    (faults.garbage(b'{"choices": []}'), MalformedReplyError),
]


@pytest.mark.parametrize(("fault", "kind"), PASSING, ids=str)
async def test_a_passing_fault_is_survived(
    connect: Connect, fault: Fault, kind: type[ModelError]
) -> None:
    """A server that stumbles once still answers, with one request more."""
    with LoopbackServer(default="fine") as server:
        server.fail_next(fault)
        completion = await wired(connect(server.url)).complete(asking())
    assert completion.text == "fine"
    assert len(server.requests) == 2


@pytest.mark.parametrize(("fault", "kind"), PASSING, ids=str)
async def test_a_lasting_fault_ends_in_its_error(
    connect: Connect, fault: Fault, kind: type[ModelError]
) -> None:
    """A server that stays broken is given up after the stated attempts, with the error that says why."""
    with LoopbackServer(default="fine") as server:
        server.fail_next(fault, fault)
        with pytest.raises(ModelError) as caught:
            await wired(connect(server.url), attempts=2).complete(asking())
    assert type(caught.value) is kind
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.wrong_key(), AuthenticationError),
        (faults.refused(), RequestRefusedError),
        (faults.moved("http://192.0.2.1/"), RequestRefusedError),
    ],
    ids=str,
)
async def test_refusals_are_not_repeated(
    connect: Connect, fault: Fault, kind: type[ModelError]
) -> None:
    """A wrong key is told at once, not after three tries."""
    with LoopbackServer(default="fine") as server:
        server.fail_next(fault)
        with pytest.raises(kind):
            await wired(connect(server.url)).complete(asking())
    assert len(server.requests) == 1


async def test_nothing_at_the_address_says_how_to_start_it(connect: Connect) -> None:
    """A server that does not run is called unreachable, and the message says what to type."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        model = connect(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(UnreachableError) as caught:
            await model.complete(asking())
    assert any(word in str(caught.value.hint) for word in ("ollama serve", "OPENAI_BASE_URL"))


async def test_a_server_that_trickles_meets_the_total_limit(connect: Connect) -> None:
    """A stall longer than the whole attempt may last ends in time, whatever the read limit, and the hint is one that
    helps: ``--timeout`` only shortens a run.
    """
    with LoopbackServer(default="fine") as server:
        server.fail_next(faults.stall(30))
        model = connect(server.url, Timeouts(connect_s=5, first_token_s=60, total_s=0.15))
        with pytest.raises(DeadlineError) as caught:
            await model.complete(asking())
    assert "--timeout" not in (caught.value.hint or "")
    assert "smaller model" in (caught.value.hint or "")


async def test_a_server_without_schemas_still_answers(connect: Connect) -> None:
    """Each rung of the ladder is one request, and the shape goes along in words."""
    with LoopbackServer(default={"a": "x"}, refuses={"json_schema", "json_object"}) as server:
        model = wired(connect(server.url))
        for _ in range(2):
            completion = await model.complete(asking(json_schema=SCHEMA))
    assert completion.text == '{"a": "x"}'
    assert len(server.requests) == 4
    assert '{"a": string}' in server.requests[-1].json["messages"][-1]["content"]


async def test_a_server_without_probabilities_still_answers() -> None:
    """Where log probabilities are refused, the reply comes without them, and the refusal is remembered."""
    with LoopbackServer(default="yes", refuses={"logprobs"}) as server:
        adapter = OpenAIModel(
            ModelRef.parse("openai:m"), base_url=server.openai_url, api_key="k", timeout=SHORT
        )
        model = wired(adapter)
        looks = [await model.complete(asking(first_token_candidates=5)) for _ in range(2)]
        await adapter.aclose()
    assert [look.first_token for look in looks] == [None, None]
    assert len(server.requests) == 3


async def test_a_server_with_the_other_limit_still_answers() -> None:
    """A server that knows only max_completion_tokens costs one refused request in all."""
    with LoopbackServer(default="fine", refuses={"max_tokens", "temperature"}) as server:
        adapter = OpenAIModel(
            ModelRef.parse("openai:m"), base_url=server.openai_url, api_key="k", timeout=SHORT
        )
        model = wired(adapter)
        for _ in range(2):
            await model.complete(asking())
        await adapter.aclose()
    assert len(server.requests) == 4
    assert "temperature" not in server.requests[-1].json


async def test_a_prompt_that_ollama_would_cut_is_an_error() -> None:
    """The server's own context is smaller than the one asked for; the loss is seen all the same."""
    with LoopbackServer(default="fine", context_tokens=2048) as server:
        adapter = OllamaModel(ModelRef.parse("ollama:m"), host=server.url, timeouts=SHORT)
        with pytest.raises(ModelError, match="cut to fit"):
            await adapter.complete(asking("word " * 6000))
        await adapter.aclose()


async def test_many_at_once_are_each_counted(connect: Connect) -> None:
    """Under concurrency and faults, every request of the server is an attempt that was seen here, byte for byte."""
    with LoopbackServer(default="fine") as server:
        server.fail_next(*[faults.server_error(), faults.rate_limited()] * 3)
        model = wired(connect(server.url, Timeouts()), attempts=8)
        with capturing() as exchange:
            replies = await asyncio.gather(
                *(model.complete(asking(f"q{number}")) for number in range(20))
            )
    assert [reply.text for reply in replies] == ["fine"] * 20
    assert len(server.requests) == 26
    assert sorted(exchange.bodies) == sorted(request.body for request in server.requests)
    assert sum(reply.usage.output_tokens for reply in replies) == sum(
        usage.output_tokens for usage in server.usages
    )
