"""The room of an endpoint: how many requests it takes at a time, and how long they may be.

A server that states its room is believed; for any other, a default of its provider holds.
"""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

from minions.network.probes import TIMEOUT_S, llama_slots
from minions.network.reference import ModelRef, is_loopback_url

_DEFAULTS = {"llamacpp": 1, "ollama": 1, "openai": 4, "scripted": 4}


def default_slots(ref: ModelRef) -> int:
    """The number of requests at a time that a provider takes by default."""
    return _DEFAULTS[ref.provider]


class Room(NamedTuple):
    """Requests at a time, and the context tokens of each; None if they are unknown."""

    slots: int
    context_tokens: int | None = None


async def room_of(ref: ModelRef, *, endpoint: str, api_key: str = "") -> Room:
    """The room of the model at one endpoint; the default if it does not say. Takes at most 3 s.

    llama.cpp's server states it (``/props``). Ollama does not; but if it runs on this machine, its
    OLLAMA_NUM_PARALLEL is most likely the value in our environment, and its context is the size
    that we ask for. Only servers on this machine are asked: any request that is sent elsewhere has
    to be in the egress log, and this one would not be.
    """
    if ref.provider == "ollama":
        parallel = os.environ.get("OLLAMA_NUM_PARALLEL", "")
        if is_loopback_url(endpoint) and parallel.isdecimal() and parallel.isascii():
            return Room(int(parallel) or default_slots(ref))
        return Room(default_slots(ref))
    if ref.provider != "openai" or not is_loopback_url(endpoint):
        return Room(default_slots(ref))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            # Two requests, in a thread that is not waited for any longer than this.
            stated = await asyncio.to_thread(
                llama_slots, endpoint, api_key=api_key, timeout_s=TIMEOUT_S / 2
            )
    except TimeoutError:
        stated = None
    if stated is None:
        return Room(default_slots(ref))
    return Room(stated.slots or default_slots(ref), stated.context_tokens)
