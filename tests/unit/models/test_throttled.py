"""Limits of concurrency and rate hold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minions.errors import ConfigError, ServerError
from minions.models import throttled as module
from minions.models.scripted import ScriptedModel
from minions.models.throttled import throttled
from minions.values.chat import ChatRequest, Completion, Usage


class Gated:
    """A ChatModel that answers when its gate opens, and counts what is under way."""

    reference, endpoint = "scripted:gated", "in-process"

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.started = self.under_way = self.most = 0

    async def complete(self, request: ChatRequest) -> Completion:
        """Wait for the gate."""
        self.started += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.gate.wait()
        self.under_way -= 1
        return Completion(text="", finish_reason="stop", usage=Usage())

    async def aclose(self) -> None:
        """Nothing to release."""


async def test_no_more_than_concurrency_are_under_way(asking: Any) -> None:
    """A server with two slots never gets a third request at once, and all are answered."""
    model = Gated()
    wrapped = throttled(model, concurrency=2, rate_per_s=None)
    tasks = [asyncio.create_task(wrapped.complete(asking())) for _ in range(6)]
    for _ in range(5):
        await asyncio.sleep(0)
    started = model.started
    model.gate.set()
    await asyncio.gather(*tasks)
    assert (started, model.most, model.started) == (2, 2, 6)


async def test_a_slot_is_free_again_after_an_error(asking: Any) -> None:
    """Failures do not eat up the concurrency."""
    model = ScriptedModel([ServerError("down"), ServerError("down"), ServerError("down"), "ok"])
    wrapped = throttled(model, concurrency=1, rate_per_s=None)
    for _ in range(3):
        with pytest.raises(ServerError):
            await wrapped.complete(asking())
    assert (await wrapped.complete(asking())).text == "ok"


async def test_waiters_for_a_slot_do_not_poll(asking: Any) -> None:
    """The throttler sees only requests that hold a slot, so that its polling costs nothing with
    thousands waiting.
    """
    model = Gated()
    wrapped = throttled(model, concurrency=2, rate_per_s=1_000_000.0)
    tasks = [asyncio.create_task(wrapped.complete(asking())) for _ in range(50)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(wrapped._throttler._task_logs) == 2  # type: ignore[attr-defined]
    model.gate.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0, 7.0, 20.0, 333.0])
def test_the_rate_is_the_rate(rate: float) -> None:
    """Rates below one a second and uneven ones are kept on average, without long bursts."""
    throttler = module._throttler(rate)
    assert throttler.rate_limit / throttler.period == pytest.approx(rate)
    assert throttler.rate_limit <= max(1, rate * 0.1)


@pytest.mark.parametrize(("concurrency", "rate"), [(0, None), (-1, None), (1, 0.0), (1, -2.0)])
def test_limits_are_positive(concurrency: int, rate: float | None) -> None:
    """A limit that would stop everything is refused at once."""
    with pytest.raises(ConfigError):
        throttled(Gated(), concurrency=concurrency, rate_per_s=rate)
