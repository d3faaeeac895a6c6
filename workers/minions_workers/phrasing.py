"""Prompts filled in: their words, and the kind of each piece, for the egress log."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.values.chat import Kind
    from minions.values.plans import Task

    Part = tuple[Kind, str]


def filled(template: str, **values: Part) -> tuple[Part, ...]:
    """The pieces of ``template.format(...)``: the template's words are of the kind ``prompt``.

    Each value keeps its own kind. Fields have names only, no formats. Raises KeyError if a value is
    missing.
    """
    parts: list[Part] = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(("prompt", literal))
        if name is not None:
            parts.append(values[name])
    return tuple(part for part in parts if part[1])


def worded(task: Task, words: str) -> Part:
    """A prompt's words about a task's answer: the program's own, unless they name its options."""
    if task.output == "category":
        return "question", words
    return "prompt", words
