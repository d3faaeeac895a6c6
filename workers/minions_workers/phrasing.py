"""Prompts filled in: the words they come to, and what each piece of them is."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.values.chat import Kind
    from minions.values.plans import Task

    Part = tuple[Kind, str]


def filled(template: str, **values: Part) -> tuple[Part, ...]:
    """What ``template.format(...)`` gives, in pieces: its own words are the prompt, each value is of the kind it has.

    Fields have names only, no formats. Raises KeyError where a value is missing.
    """
    parts: list[Part] = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(("prompt", literal))
        if name is not None:
            parts.append(values[name])
    return tuple(part for part in parts if part[1])


def worded(task: Task, words: str) -> Part:
    """What a prompt says about the answer of a task: the program's own words, unless they name the task's options."""
    return ("question" if task.output == "category" else "prompt"), words
