"""Servers that lie: about what was used, about how much they send, and about themselves."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from contextlib import asynccontextmanager, chdir
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import MalformedReplyError
from minions.models.ollama import OllamaModel
from minions.models.openai import OpenAIModel
from minions.network.reference import ModelRef
from minions.network.replies import LONGEST_REPLY_BYTES
from minions.testing import LoopbackServer
from minions.testing.faults import Fault
from minions.values.chat import ChatRequest, Message
from tests.command import run_command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    World = Any

REQUEST = ChatRequest(messages=(Message(role="user", content="question"),), max_output_tokens=50)
CLIENTS = ["openai", "ollama"]


@asynccontextmanager
async def client_of(name: str, server: LoopbackServer) -> AsyncIterator[OpenAIModel | OllamaModel]:
    """An adapter at a server."""
    model: OpenAIModel | OllamaModel
    if name == "openai":
        ref = ModelRef.parse("openai:m")
        model = OpenAIModel(ref, base_url=server.openai_url, api_key="k")
    else:
        model = OllamaModel(ModelRef.parse("ollama:m"), host=server.url)
    try:
        yield model
    finally:
        await model.aclose()


async def failure(name: str, fault: Fault) -> tuple[MalformedReplyError, int]:
    """The error of a reply, and the most memory that was taken to read it."""
    with LoopbackServer(default="hi") as server:
        async with client_of(name, server) as model:
            await model.complete(REQUEST)  # what is imported and connected does not count
            server.fail_next(fault)
            tracemalloc.start()
            try:
                with pytest.raises(MalformedReplyError) as caught:
                    await model.complete(REQUEST)
                return caught.value, tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("status", [200, 500])
async def test_a_compressed_reply_is_refused_unread(name: str, status: int) -> None:
    """None is asked for, and 100 kB in two layers would become 64 MB and more."""
    bomb = gzip.compress(gzip.compress(b" " * 2**26))
    headers = (("Content-Encoding", "gzip, gzip"),)
    error, most = await failure(name, Fault(status=status, body=bomb, headers=headers))
    assert "compressed" in str(error)
    assert most < 2**22


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_reply_is_asked_for_without_compression(name: str) -> None:
    """The bytes that are counted are the bytes that are kept."""
    with LoopbackServer(default="hi") as server:
        async with client_of(name, server) as model:
            await model.complete(REQUEST)
        assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("status", [200, 500])
async def test_a_reply_is_bounded(name: str, status: int) -> None:
    """Reading stops at 16 MiB, whatever the server goes on to send."""
    endless = b" " * (LONGEST_REPLY_BYTES + 2**20)
    error, _ = await failure(name, Fault(status=status, body=endless))
    assert "16,777,216 bytes" in str(error)


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_deep_reply_is_malformed(name: str) -> None:
    """Brackets without an end are not a crash."""
    error, _ = await failure(name, Fault(body=b"[" * 200_000))
    assert isinstance(error, MalformedReplyError)


@pytest.mark.parametrize("count", [True, 3.5, "9", None, [1], 1e18])
async def test_a_count_that_is_no_integer_is_none(count: Any) -> None:
    """The reply was paid for and is kept; its usage is an estimate."""
    reply = {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": count, "completion_tokens": 1},
    }
    with LoopbackServer() as server:
        server.fail_next(Fault(body=json.dumps(reply).encode()))
        async with client_of("openai", server) as model:
            completion = await model.complete(REQUEST)
    assert completion.text == "hi"
    assert completion.usage.estimated


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("lie", ["NaN", "Infinity", "1e308", "5"])
async def test_an_impossible_probability_is_no_candidate(name: str, lie: str) -> None:
    """A log probability is a finite number, 0 at most; the possible ones beside it are kept."""
    logprobs = [{"token": "no", "logprob": -0.5}, {"token": "yes", "logprob": "LIE"}]
    first = {"token": "yes", "logprob": "LIE", "top_logprobs": logprobs}
    reply: dict[str, Any]
    if name == "openai":
        choice = {"message": {"content": "no"}, "finish_reason": "stop"}
        reply = {"choices": [{**choice, "logprobs": {"content": [first]}}]}
    else:
        message = {"role": "assistant", "content": "no"}
        reply = {"message": message, "done_reason": "stop", "logprobs": [first]}
    body = json.dumps(reply).replace('"LIE"', lie).encode()
    with LoopbackServer() as server:
        server.fail_next(Fault(body=body))
        async with client_of(name, server) as model:
            asked = REQUEST.model_copy(update={"first_token_candidates": 5})
            completion = await model.complete(asked)
    assert completion.first_token == {"no": -0.5}


def report(world: World, monkeypatch: pytest.MonkeyPatch, usage: object) -> None:
    """Make the planner report this usage with each reply."""
    honest = world.planner.chat

    def lying(*request: Any) -> Any:
        reply = honest(*request)
        if isinstance(reply, dict):
            reply["usage"] = usage
        return reply

    monkeypatch.setattr(world.planner, "chat", lying)


@pytest.mark.parametrize("count", [-1_000_000, 0, 10**18, 2**63, 10**30])
def test_a_lie_lifts_no_limit_and_hangs_no_batch(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Each call counts as all that it could take, the batch ends at its limit, and the bill adds up."""
    world.write(documents=8, questions=8)
    usage = {"prompt_tokens": count, "completion_tokens": count}
    report(world, monkeypatch, usage)
    limit = 40_000
    code, said = world.run("--window", "8", "--max-cloud-tokens", str(limit), "-q")
    assert code == 4, said
    calls = len(world.planner.requests)
    asked = sum(received.json["max_tokens"] for received in world.planner.requests)
    assert 0 < asked < limit
    with chdir(world.folder):
        monkeypatch.setenv("MINIONS_HOME", str(world.home))
        ledger = run_command("ledger", "--json")
    assert ledger.code == 0, ledger.err
    (row,) = [row for row in json.loads(ledger.out) if "planner" in row["key"]]
    assert row["calls"] == calls
    assert 0 < row["input_tokens"] + row["output_tokens"] <= limit
    assert not re.search(r"\d{16}", said)
