"""The workers' prompts: one text file each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_REPLY = "Reply with JSON."


@cache
def load(name: str) -> str:
    """The prompt ``NAME.txt`` of this folder, without its trailing newline."""
    return files(__package__).joinpath(f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def load_thinking(name: str, reasoning: str) -> str:
    """A prompt that asks for JSON, with reasoning as its first field unless that is ``none``."""
    prompt = load(name)
    if reasoning == "none":
        return prompt
    return prompt.replace(_REPLY, f"{_REPLY} {load(reasoning)}", 1)
