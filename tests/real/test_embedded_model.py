"""The embedded model itself: what it reads, what it remembers, and that it keeps to itself."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

import pytest

from minions.errors import ContextOverflowError
from minions.models.llamacpp import open_llamacpp
from minions.network.reference import ModelRef
from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from pathlib import Path

    from minions.models.llamacpp import LlamaCppModel

pytestmark = [pytest.mark.real_model, pytest.mark.asyncio(loop_scope="module")]

PRODUCTIVITY, SPILL, SEALS = (
    "4.2 Productivity",
    "9.3 The spill at berth 7",
    "10.5 Birds, seals and herring",
)
RATE = "How many container moves per hour did the north quay reach?"
ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "maxLength": 60}},
    "required": ["answer"],
    "additionalProperties": False,
}


def _request(passage: str, task: str, **options: Any) -> ChatRequest:
    system = Message(role="system", content="You find evidence in one passage.")
    user = Message(role="user", content=f"{passage}\n\n{task}")
    return ChatRequest(messages=(system, user), **{"max_output_tokens": 1, **options})


def _address(model: LlamaCppModel) -> str:
    engine = model._engine
    assert engine is not None
    return engine.start()


async def test_it_reads_a_fact_from_a_passage(
    embedded: LlamaCppModel, sections: dict[str, str]
) -> None:
    """A number that stands in the passage comes back in the shape that was asked for."""
    task = f"Task: {RATE}\nReply with JSON. answer: the number as it stands, with its unit."
    completion = await embedded.complete(
        _request(sections[PRODUCTIVITY], task, json_schema=ANSWER, max_output_tokens=40)
    )
    assert "31.6" in json.loads(completion.text)["answer"]
    assert (completion.finish_reason, completion.usage.estimated) == ("stop", False)


async def test_its_probabilities_tell_the_right_passage(
    embedded: LlamaCppModel, sections: dict[str, str]
) -> None:
    """One token out, the passage with the answer is rated above one without."""
    task = f"Does this passage itself contain the answer to: {RATE}\nAnswer yes or no."
    ratings = []
    for heading in (PRODUCTIVITY, SEALS):
        completion = await embedded.complete(
            _request(sections[heading], task, first_token_candidates=10)
        )
        assert completion.first_token is not None
        tokens = {
            token.strip().casefold(): logprob
            for token, logprob in reversed(list(completion.first_token.items()))
        }
        ratings.append(tokens.get("yes", -20.0) - tokens.get("no", -20.0))
    assert ratings[0] > ratings[1]


async def test_a_passage_is_read_once(embedded: LlamaCppModel, sections: dict[str, str]) -> None:
    """The second task on a passage reads only the task, also after another passage was read in between."""
    await embedded.complete(_request(sections[SPILL], "Is a ship named?"))
    again = await embedded.complete(_request(sections[SPILL], "Is a date given?"))
    await embedded.complete(_request(sections[SEALS], "Is a date given?"))
    after = await embedded.complete(_request(sections[SPILL], "Is a sum of money named?"))
    for usage in (again.usage, after.usage):
        assert usage.input_tokens > 200
        assert usage.input_tokens - usage.cached_input_tokens < 30


async def test_a_passage_longer_than_the_context_is_refused(embedded: LlamaCppModel) -> None:
    """Nothing is cut silently."""
    with pytest.raises(ContextOverflowError):
        await embedded.complete(_request("quay " * 4000, "What is this?"))


async def test_a_cancelled_request_stops_generating(
    embedded: LlamaCppModel, sections: dict[str, str]
) -> None:
    """Who cancels gets the slot back at once: the next request is answered long before the old one would have ended."""
    essay = _request(sections[SEALS], "Write a long essay about this.", max_output_tokens=1500)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(embedded.complete(essay), 1.0)
    async with asyncio.timeout(30.0):
        await embedded.complete(_request(sections[SEALS], "Is a date given?"))


async def test_nobody_else_can_use_it(embedded: LlamaCppModel) -> None:
    """Another user of the machine who finds the port is refused."""
    await embedded.warm()
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}).encode()
    request = urllib.request.Request(f"{_address(embedded)}/v1/chat/completions", body)  # noqa: S310  (loopback)
    with pytest.raises(HTTPError) as caught:
        await asyncio.to_thread(urllib.request.urlopen, request)
    assert caught.value.code == 401
    caught.value.close()


async def test_closing_frees_it_and_it_says_nothing(
    model_name: str, model_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Loading and closing print nothing on stderr, and nothing listens afterwards."""
    model = await open_llamacpp(
        ModelRef.parse(f"llamacpp:{model_name}"), home=model_home, context_tokens=512
    )
    await model.warm()
    address = _address(model)
    await model.aclose()
    with pytest.raises(URLError):
        await asyncio.to_thread(urllib.request.urlopen, f"{address}/health")
    assert capfd.readouterr().err == ""
