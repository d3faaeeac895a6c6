"""The JSON schemas that constrain a worker's reply.

Lengths are bounded, so that a model that repeats itself comes to an end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from minions.values.plans import Task

Reasoning = Literal["none", "draft", "cot"]


class Room(NamedTuple):
    """The field for a worker's reasoning: name, longest text, and tokens for that text."""

    field: str
    characters: int
    tokens: int


REASONING: dict[str, Room] = {
    "none": Room("", 0, 0),
    "draft": Room("draft", 240, 80),
    "cot": Room("reasoning", 700, 200),
}
MAX_LINES = 3
MAX_LIST_LINES = 8
ANSWER_CHARACTERS = 160
LIST_CHARACTERS = 400
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


def reply_schema(
    task: Task, *, pointing: bool, lines: int, reasoning: Reasoning = "none"
) -> dict[str, Any]:
    """The schema of a reply: reasoning if any, then evidence, then the answer.

    ``pointing``: the evidence is line numbers, else a quote. ``lines``: the number of lines in
    the chunk.
    """
    evidence: dict[str, Any]
    if pointing:
        # Line numbers are bounded so that constrained decoding cannot leave the chunk.
        number = {"type": "integer", "minimum": 1, "maximum": max(1, lines)}
        evidence = {"lines": {"type": "array", "items": number, "maxItems": max_lines(task)}}
    else:
        evidence = {"quote": {"anyOf": [{"type": "string", "maxLength": QUOTE_CHARACTERS}, _NULL]}}
    return _object({**_thought(reasoning), **evidence, "answer": _answer(task)})


def judgement_schema(task: Task, *, reasoning: Reasoning = "none") -> dict[str, Any]:
    """The schema of a judgement: reasoning if any, then the verdict; no line could prove it."""
    return _object({**_thought(reasoning), "answer": _answer(task)})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _thought(reasoning: Reasoning) -> dict[str, Any]:
    if reasoning == "none":
        return {}
    room = REASONING[reasoning]
    return {room.field: {"type": "string", "maxLength": room.characters}}


def _answer(task: Task) -> dict[str, Any]:
    if task.output == "yes_no":
        return {"enum": ["yes", "no", None]}
    if task.output == "category":
        return {"enum": [*task.options, None]}
    characters = LIST_CHARACTERS if task.output == "list" else ANSWER_CHARACTERS
    return {"anyOf": [{"type": "string", "maxLength": characters}, _NULL]}


def max_lines(task: Task) -> int:
    """The most lines that a worker may point at: more for a list, whose items stand in many."""
    if task.output == "list":
        return MAX_LIST_LINES
    return MAX_LINES


def answer_in_words(task: Task) -> str:
    """The prompt's words about the field ``answer``."""
    if task.output == "category":
        return f"one of: {', '.join(task.options)}"
    return ANSWER_IN_WORDS[task.output]
