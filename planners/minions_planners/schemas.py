"""The JSON schemas that go up with the planner's two calls. Strict mode: every property required, none besides.

Every token here is paid twice a question, so there are no titles and descriptions: the prompts explain the fields.
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
    """The decision of a small model: it may only cite findings that exist, and cites before it answers."""
    findings = {"type": "array", "items": {"enum": finding_ids}, "maxItems": 3}
    return _strict({"findings": findings, "answer": _answer(answer)})


def decision(*, last: bool, answer: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The decision's schema; ``answer`` is the schema of the answer where it is to be more than text."""
    whole = LAST_DECISION if last else DECISION
    return whole if answer is None else _strict({**whole["properties"], "answer": _answer(answer)})


def reply(*, last: bool, answer: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a planner makes of its reader's reply: a decision, or the next message."""
    whole = decision(last=True, answer=answer)
    return (
        whole if last else _strict({**whole["properties"], "message": {"type": ["string", "null"]}})
    )


def _answer(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    return (
        {"type": ["string", "null"]}
        if schema is None
        else {"anyOf": [dict(schema), {"type": "null"}]}
    )
