"""Read a planner's reply: repair it as far as possible, and warn of dropped parts."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from minions.execution.parse_tasks import read_tasks
from minions.text.json_reply import as_text, as_texts
from minions.text.non_answer import says_nothing
from minions.values.plans import Decision, Plan, Task

_FINDING_ID = re.compile(r"(?<![a-z0-9])f[0-9]{1,6}(?![0-9])")
_MOST_FINDINGS = 1_000  # as many as a digest may hold
_WORDS = 300  # characters that a warning quotes of an answer that is dropped
_UNSTATED = 0.5  # the confidence if a reply gives none
# Confidences are asked for in [0, 1]; models also give them out of ten, or in percent.
_SURE = 1
_OUT_OF_TEN = 10
_PERCENT = 100


def read_plan(reply: dict[str, Any], question: str, *, max_tasks: int) -> Plan:
    """The plan in a reply; if it has no task, the question itself becomes the only one."""
    tasks, warnings = read_tasks(reply.get("tasks"), max_tasks)
    if not tasks:
        tasks = (Task(id="t1", instruction=question, search=(question,)),)
        warnings = (*warnings, "the planner gave no tasks: the question itself is the task")
    return Plan(tasks=tasks, warnings=warnings)


def read_decision(reply: dict[str, Any], *, max_tasks: int, as_json: bool = False) -> Decision:
    """The decision in a reply. ``as_json``: the answer has a schema of its own.

    A reply with an answer and tasks is an answer. But an answer that only says that the findings
    hold no answer is dropped if it comes with tasks or without findings; a warning then quotes it.
    """
    findings = read_finding_ids(reply.get("findings"))
    value = reply.get("answer")
    tasks, warnings = read_tasks(reply.get("tasks"), max_tasks)
    answer = read_json(value) if as_json else read_answer(value, cited=bool(findings))
    if isinstance(value, str) and says_nothing(value) and (tasks or not findings):
        answer = None
        words = as_text(value) or ""
        warnings = (*warnings, f"the planner says: {words[:_WORDS]}")
    if answer is not None:
        tasks = ()
    return Decision(
        answer=answer,
        findings=findings,
        confidence=_confidence(reply.get("confidence")),
        tasks=tasks,
        warnings=warnings,
    )


def read_json(value: Any) -> str | None:
    """An answer with a schema of its own, as JSON; None for null.

    A value that JSON cannot express, such as NaN, becomes null.
    """
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    if finite is None:
        return None
    return json.dumps(finite, ensure_ascii=False).encode("utf-8", "replace").decode()


def read_answer(value: Any, *, cited: bool) -> str | None:
    """The answer in words; None for words that stand for no answer.

    With findings ``cited`` for them, "none", "n/a" and "the report does not say" are answers: "How
    many exits does the plan show?" "None."
    """
    answer = as_text(value)
    if answer is None or answer.casefold() == "null":
        return None
    if cited:
        return answer
    if answer.casefold() in {"none", "n/a"} or says_nothing(answer):
        return None
    return answer


def read_finding_ids(value: Any) -> tuple[str, ...]:
    """The ids of findings in a list or a text ("F1", "[f2]", "f1, f2"), each once, in their order.

    There are at most as many as a digest may hold.
    """
    found: list[str] = []
    for text in as_texts(value):
        found += _FINDING_ID.findall(text.casefold())
    return tuple(dict.fromkeys(found))[:_MOST_FINDINGS]


def _confidence(value: Any) -> float:
    """A confidence in [0, 1], from any number that a model gave."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _UNSTATED
    if isinstance(value, float) and not math.isfinite(value):
        return _UNSTATED
    # Bounded before it becomes a float: an integer of 400 digits has no float.
    bounded = min(_PERCENT, max(0, value))
    if bounded <= _SURE:
        return float(bounded)
    if bounded <= _OUT_OF_TEN:
        return bounded / _OUT_OF_TEN
    return bounded / _PERCENT
