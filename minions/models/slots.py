"""How many requests at a time an endpoint takes: what it says itself, else what its kind does by default."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlsplit

from minions.models.reference import ModelRef, is_loopback_url
from minions.probes import TIMEOUT_S, llama_slots

_DEFAULTS = {"llamacpp": 1, "ollama": 1, "openai": 4, "scripted": 4}
_OPENAI_HOST = "api.openai.com"


def default_slots(ref: ModelRef) -> int:
    """What a provider takes when nobody says."""
    return _DEFAULTS[ref.provider]


async def slots_of(ref: ModelRef, *, endpoint: str, api_key: str = "") -> int:
    """Requests at a time of the model at one endpoint; the default where it does not say. Takes at most 3 s.

    llama.cpp's server tells it (``/props``). Ollama does not, but its OLLAMA_NUM_PARALLEL is most likely ours where it
    runs on this machine.
    """
    if ref.provider == "ollama":
        return _ollama_slots(endpoint) or default_slots(ref)
    if ref.provider != "openai" or urlsplit(endpoint).hostname == _OPENAI_HOST:
        return default_slots(ref)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            # Two requests, in a thread that nobody waits for longer.
            told = await asyncio.to_thread(llama_slots, endpoint, api_key=api_key, timeout_s=TIMEOUT_S / 2)
    except TimeoutError:
        told = None
    return (told.slots if told else None) or default_slots(ref)


def _ollama_slots(endpoint: str) -> int | None:
    stated = os.environ.get("OLLAMA_NUM_PARALLEL", "")
    return int(stated) if is_loopback_url(endpoint) and stated.isdecimal() and stated.isascii() else None
