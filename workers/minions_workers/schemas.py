"""The JSON schemas that constrain a worker's reply. Lengths are bounded, so that a model that loops ends soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions_workers.reading import MAX_LINES

if TYPE_CHECKING:
    from minions.plans import Task

ANSWER_CHARACTERS = 160
QUOTE_CHARACTERS = 400
_NULL = {"type": "null"}

ANSWER_IN_WORDS = {
    "text": "short, in the words of the lines",
    "number": "the number as it stands, with its unit",
    "date": "the date as it stands",
    "yes_no": "yes or no",
    "list": "the items, separated by commas",
    "category": "one of the options",
}


def reply_schema(task: Task, *, pointing: bool, lines: int) -> dict[str, Any]:
    """Evidence first, then the answer; ``lines`` is how many lines the passage has."""
    if pointing:
        # Line numbers are bounded so that constrained decoding cannot leave the passage.
        number = {"type": "integer", "minimum": 1, "maximum": max(1, lines)}
        evidence: dict[str, Any] = {"lines": {"type": "array", "items": number, "maxItems": MAX_LINES}}
    else:
        evidence = {"quote": {"anyOf": [{"type": "string", "maxLength": QUOTE_CHARACTERS}, _NULL]}}
    properties = {**evidence, "answer": _answer(task)}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _answer(task: Task) -> dict[str, Any]:
    if task.output == "yes_no":
        return {"enum": ["yes", "no", None]}
    if task.output == "category":
        return {"enum": [*task.options, None]}
    return {"anyOf": [{"type": "string", "maxLength": ANSWER_CHARACTERS}, _NULL]}


def answer_in_words(task: Task) -> str:
    """What the prompt says about ``answer``."""
    if task.output == "category":
        return f"one of: {', '.join(task.options)}"
    return ANSWER_IN_WORDS[task.output]
