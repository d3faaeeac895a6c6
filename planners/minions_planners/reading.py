"""From a planner's reply to plans and decisions: mend what can be mended, say so, drop the rest."""

from __future__ import annotations

import json
import math
import re
from typing import Any, cast, get_args

from minions.plans import Decision, Output, Plan, Reduce, Task, Unit
from minions.replies import as_text, as_texts

_MAX_TEXT = 600
_MAX_PHRASES = 8
_FINDING_ID = re.compile(r"(?<![a-z0-9])f\d+")
_UNSAID = 0.5
_SURE = 1  # confidences are asked for in [0, 1]; models also give them out of ten, or in percent
_OUT_OF_TEN = 10
_PERCENT = 100


def read_plan(reply: dict[str, Any], question: str, *, max_tasks: int) -> Plan:
    """The plan in a reply; an empty one becomes the question itself as the only task."""
    tasks, warnings = _read_tasks(reply.get("tasks"), max_tasks)
    if not tasks:
        tasks = (Task(id="t1", instruction=question, search=(question,)),)
        warnings = (*warnings, "the planner gave no tasks: the question itself is the task")
    return Plan(tasks=tasks, warnings=warnings)


def read_decision(reply: dict[str, Any], *, max_tasks: int, as_json: bool = False) -> Decision:
    """The decision in a reply. An answer with tasks is an answer; ``as_json``: it has a schema of its own."""
    findings = read_finding_ids(reply.get("findings"))
    answer = read_json(reply.get("answer")) if as_json else read_answer(reply.get("answer"), cited=bool(findings))
    tasks, warnings = _read_tasks(reply.get("tasks"), max_tasks)
    return Decision(
        answer=answer,
        findings=findings,
        confidence=_confidence(reply.get("confidence")),
        tasks=() if answer is not None else tasks,
        warnings=warnings,
    )


def read_json(value: Any) -> str | None:
    """An answer with a schema of its own, as JSON; None for null."""
    if value is None:
        return None
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def read_answer(value: Any, *, cited: bool) -> str | None:
    """The answer in words, or None for the words that stand for none.

    "none" and "n/a" are answers where findings are cited for them: how many exits does the plan show? None.
    """
    answer = as_text(value)
    empty = {"null"} if cited else {"null", "none", "n/a"}
    return None if answer is not None and answer.casefold() in empty else answer


def read_finding_ids(value: Any) -> tuple[str, ...]:
    """The ids of findings in a list or a text ("F1", "[f2]", "f1, f2"), each once, in their order."""
    return tuple(
        dict.fromkeys(finding_id for text in as_texts(value) for finding_id in _FINDING_ID.findall(text.casefold()))
    )


def _read_tasks(value: Any, max_tasks: int) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    items = [item for item in items if as_text(item.get("instruction"))]
    warnings: tuple[str, ...] = ()
    if len(items) > max_tasks:
        warnings = (f"the planner gave {len(items)} tasks; the first {max_tasks} are run",)
    return tuple(_task(number, item) for number, item in enumerate(items[:max_tasks], 1)), warnings


def _task(number: int, item: dict[str, Any]) -> Task:
    options = as_texts(item.get("options"))
    output = cast("Output", _one_of(item.get("output"), get_args(Output), "text"))
    return Task(
        id=f"t{number}",
        instruction=(as_text(item.get("instruction")) or "")[:_MAX_TEXT],
        output="text" if output == "category" and not options else output,
        options=options,
        documents=as_texts(item.get("documents")),
        search=as_texts(item.get("search"))[:_MAX_PHRASES],
        unit=cast("Unit", _one_of(item.get("unit"), get_args(Unit), "chunk")),
        reduce=cast("Reduce", _one_of(item.get("reduce"), get_args(Reduce), "collect")),
    )


def _one_of(value: Any, allowed: tuple[str, ...], default: str) -> str:
    return value if value in allowed else default


def _confidence(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _UNSAID
    if isinstance(value, float) and not math.isfinite(value):
        return _UNSAID
    bounded = min(_PERCENT, max(0, value))  # before it becomes a float: an integer of 400 digits is none
    if bounded <= _SURE:
        return float(bounded)
    return bounded / (_OUT_OF_TEN if bounded <= _OUT_OF_TEN else _PERCENT)
