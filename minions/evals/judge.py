"""Judge free text: a model compares the meaning of an answer with the known ones, not the words."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from minions.errors import ReplyError
from minions.text.json_reply import parse_reply
from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.evals.dataset import Example
    from minions.ports import ChatModel

Verdict = Literal["right", "partly", "wrong"]
MARKS: Final[Mapping[Verdict, float]] = {"right": 1.0, "partly": 0.5, "wrong": 0.0}
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": list(get_args(Verdict))}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_KEY_CHARACTERS = 16


def is_judged(example: Example) -> bool:
    """True where the answers of a question are free text: words alone compare them badly."""
    return example.kind == "abstractive" and not example.unanswerable


async def judge(
    model: ChatModel, example: Example, answer: str, *, max_output_tokens: int
) -> Verdict:
    """Ask a model for its verdict on an answer.

    Raises ReplyError for a reply without a verdict, and whatever ``model`` raises.
    """
    request = ChatRequest(
        messages=(Message.of("system", ("prompt", _prompt())), _asked(example, answer)),
        json_schema=_SCHEMA,
        schema_name="judgement",
        max_output_tokens=max_output_tokens,
    )
    verdict = parse_reply((await model.complete(request)).text).get("verdict")
    if not isinstance(verdict, str) or verdict not in MARKS:
        raise ReplyError("the reply holds no verdict")
    return cast("Verdict", verdict)


def judgement_key(judge: str, example: Example, answer: str) -> str:
    """A hash of all that a verdict depends on: the judge's name and all text that is sent to it."""
    words = json.dumps([judge, _prompt(), _asked(example, answer).content])
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:_KEY_CHARACTERS]


def _asked(example: Example, answer: str) -> Message:
    known = "\n".join(f"- {form}" for form in example.answers)
    return Message.of(
        "user",
        ("prompt", "Question: "),
        ("question", example.question),
        ("prompt", "\nKnown answers:\n"),
        ("answer", known),
        ("prompt", "\nGiven answer: "),
        ("answer", answer),
    )


@cache
def _prompt() -> str:
    return files("minions.evals").joinpath("prompts", "judge.txt").read_text("utf-8").rstrip("\n")
