"""The JSON schemas that are sent with the planner's two calls.

They are for strict mode: every property is required, and no other is allowed. Every token of them
is paid for twice per question, so there are no titles and no descriptions: the prompts explain the
fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from minions.values.plans import Output, Reduce, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def _one_of(literal: Any) -> dict[str, Any]:
    return {"type": "string", "enum": list(get_args(literal))}


def _strict(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TASKS: dict[str, Any] = {
    "type": "array",
    "items": _strict(
        {
            "instruction": _TEXT,
            "output": _one_of(Output),
            "options": _TEXTS,
            "documents": _TEXTS,
            "search": _TEXTS,
            "unit": _one_of(Unit),
            "reduce": _one_of(Reduce),
        }
    ),
}
PLAN: dict[str, Any] = _strict({"tasks": TASKS})
LAST_DECISION: dict[str, Any] = _strict(
    {"answer": {"type": ["string", "null"]}, "findings": _TEXTS, "confidence": {"type": "number"}}
)
FOLLOW_UPS: dict[str, Any] = {
    "type": "array",
    "items": _strict({"instruction": _TEXT, "documents": _TEXTS, "search": _TEXTS}),
}
DECISION: dict[str, Any] = _strict({**LAST_DECISION["properties"], "tasks": FOLLOW_UPS})
MESSAGE: dict[str, Any] = _strict({"message": _TEXT})
LOCAL_PLAN: dict[str, Any] = _strict(
    {"search": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 4}}
)


def local_decision(
    finding_ids: list[str], answer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The schema of a small model's decision.

    It may only cite findings that exist, and cites before it answers. ``answer``: the schema of the
    answer; None for text.
    """
    findings = {"type": "array", "items": {"enum": finding_ids}, "maxItems": 3}
    return _strict({"findings": findings, "answer": _answer(answer)})


def decision(*, last: bool, answer: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The schema of a decision: an answer or, unless it is the ``last``, tasks for another round.

    ``answer``: the schema of the answer; None for text.
    """
    schema = LAST_DECISION if last else DECISION
    if answer is None:
        return schema
    return _strict({**schema["properties"], "answer": _answer(answer)})


def reply(*, last: bool, answer: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The schema of a chat planner's reply to its reader: a decision or, unless it is the ``last``,
    the next message.
    """
    schema = decision(last=True, answer=answer)
    if last:
        return schema
    return _strict({**schema["properties"], "message": {"type": ["string", "null"]}})


def _answer(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        return {"type": ["string", "null"]}
    return {"anyOf": [dict(schema), {"type": "null"}]}
