"""What an endpoint has room for: what it says itself, else what its kind does by default."""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

from minions.network.probes import TIMEOUT_S, llama_slots
from minions.network.reference import ModelRef, is_loopback_url

_DEFAULTS = {"llamacpp": 1, "ollama": 1, "openai": 4, "scripted": 4}


def default_slots(ref: ModelRef) -> int:
    """What a provider takes when nobody says."""
    return _DEFAULTS[ref.provider]


class Room(NamedTuple):
    """Requests at a time, and the context tokens of each; None where nobody says."""

    slots: int
    context_tokens: int | None = None


async def room_of(ref: ModelRef, *, endpoint: str, api_key: str = "") -> Room:
    """What the model at one endpoint has room for; the default where it does not say. Takes at most 3 s.

    llama.cpp's server tells it (``/props``). Ollama does not, but its OLLAMA_NUM_PARALLEL is most likely ours where it
    runs on this machine; its context is what we ask for. Only servers on this machine are asked: what goes elsewhere is
    in the egress log, and this would not be.
    """
    if ref.provider == "ollama":
        return Room(_ollama_slots(endpoint) or default_slots(ref))
    if ref.provider != "openai" or not is_loopback_url(endpoint):
        return Room(default_slots(ref))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            # Two requests, in a thread that nobody waits for longer.
            told = await asyncio.to_thread(
                llama_slots, endpoint, api_key=api_key, timeout_s=TIMEOUT_S / 2
            )
    except TimeoutError:
        told = None
    return Room(
        (told.slots if told else None) or default_slots(ref), told.context_tokens if told else None
    )


def _ollama_slots(endpoint: str) -> int | None:
    stated = os.environ.get("OLLAMA_NUM_PARALLEL", "")
    return (
        int(stated)
        if is_loopback_url(endpoint) and stated.isdecimal() and stated.isascii()
        else None
    )
