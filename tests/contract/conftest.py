"""Every adapter and fake, each made to answer from the same script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from minions.models.ollama import OllamaModel
from minions.models.openai import OpenAIModel
from minions.models.pool_seat import Member
from minions.models.pooled import pooled
from minions.models.scripted import ScriptedModel
from minions.network.reference import ModelRef
from minions.network.timeouts import Timeouts
from minions.testing import FakeClock, LoopbackServer

if TYPE_CHECKING:
    from minions.ports import ChatModel

SHORT = Timeouts(connect_s=5, first_token_s=0.2, total_s=5)


@dataclass
class Bench:
    """A model and the number of requests that its other end has seen."""

    model: ChatModel
    seen: Callable[[], int]


Build = Callable[..., Bench]
Builder = Callable[[AsyncExitStack, Any], Awaitable[Bench]]


async def _openai(stack: AsyncExitStack, replies: Any) -> Bench:
    server = stack.enter_context(LoopbackServer(replies))
    model = OpenAIModel(
        ModelRef.parse("openai:m"), base_url=server.openai_url, api_key="k", timeout=SHORT
    )
    stack.push_async_callback(model.aclose)
    return Bench(model, lambda: len(server.requests))


async def _ollama(stack: AsyncExitStack, replies: Any) -> Bench:
    server = stack.enter_context(LoopbackServer(replies))
    model = OllamaModel(ModelRef.parse("ollama:m"), host=server.url, timeouts=SHORT)
    stack.push_async_callback(model.aclose)
    return Bench(model, lambda: len(server.requests))


async def _scripted(stack: AsyncExitStack, replies: Any) -> Bench:
    model = ScriptedModel(replies)
    stack.push_async_callback(model.aclose)
    return Bench(model, lambda: len(model.requests))


async def _pooled(stack: AsyncExitStack, replies: Any) -> Bench:
    bench = await _openai(stack, replies)
    model = pooled([Member(bench.model, slots=2)], clock=FakeClock(), patience_s=0)
    stack.push_async_callback(model.aclose)
    return Bench(model, bench.seen)


BUILDERS: dict[str, Builder] = {
    "openai": _openai,
    "ollama": _ollama,
    "scripted": _scripted,
    "pooled": _pooled,
}


@pytest.fixture(params=sorted(BUILDERS))
async def build(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[Any], Awaitable[Bench]]]:
    """Make the model under test from a script, and close it afterwards."""
    async with AsyncExitStack() as stack:

        async def make(replies: Any) -> Bench:
            return await BUILDERS[request.param](stack, replies)

        yield make
