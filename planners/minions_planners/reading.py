"""From a planner's reply to plans and decisions: mend what can be mended, say so, drop the rest."""

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
_MOST_FINDINGS = 1_000
_WORDS = 300  # characters of an answer that is none
_UNSAID = 0.5
_SURE = 1  # confidences are asked for in [0, 1]; models also give them out of ten, or in percent
_OUT_OF_TEN = 10
_PERCENT = 100


def read_plan(reply: dict[str, Any], question: str, *, max_tasks: int) -> Plan:
    """The plan in a reply; an empty one becomes the question itself as the only task."""
    tasks, warnings = read_tasks(reply.get("tasks"), max_tasks)
    if not tasks:
        tasks = (Task(id="t1", instruction=question, search=(question,)),)
        warnings = (*warnings, "the planner gave no tasks: the question itself is the task")
    return Plan(tasks=tasks, warnings=warnings)


def read_decision(reply: dict[str, Any], *, max_tasks: int, as_json: bool = False) -> Decision:
    """The decision in a reply. An answer with tasks is an answer, unless it only says that the findings do not tell;
    without findings such an answer is none, and a warning keeps its words. ``as_json``: it has a schema of its own.
    """
    findings, said = read_finding_ids(reply.get("findings")), reply.get("answer")
    tasks, warnings = read_tasks(reply.get("tasks"), max_tasks)
    answer = read_json(said) if as_json else read_answer(said, cited=bool(findings))
    if isinstance(said, str) and says_nothing(said) and (tasks or not findings):
        answer, warnings = None, (*warnings, f"the planner says: {(as_text(said) or '')[:_WORDS]}")
    return Decision(
        answer=answer,
        findings=findings,
        confidence=_confidence(reply.get("confidence")),
        tasks=() if answer is not None else tasks,
        warnings=warnings,
    )


def read_json(value: Any) -> str | None:
    """An answer with a schema of its own, as JSON; None for null. What JSON has no number for, such as NaN, is null."""
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    if finite is None:
        return None
    return json.dumps(finite, ensure_ascii=False).encode("utf-8", "replace").decode()


def read_answer(value: Any, *, cited: bool) -> str | None:
    """The answer in words, or None for the words that stand for none.

    "none", "n/a" and "the report does not say" are answers where findings are cited for them: how many exits does the
    plan show? None.
    """
    answer = as_text(value)
    empty = {"null"} if cited else {"null", "none", "n/a"}
    if answer is None or answer.casefold() in empty or (not cited and says_nothing(answer)):
        return None
    return answer


def read_finding_ids(value: Any) -> tuple[str, ...]:
    """The ids of findings in a list or a text ("F1", "[f2]", "f1, f2"), each once, in their order, so many at most as
    a digest may hold.
    """
    found = (
        finding_id
        for text in as_texts(value)
        for finding_id in _FINDING_ID.findall(text.casefold())
    )
    return tuple(dict.fromkeys(found))[:_MOST_FINDINGS]


def _confidence(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _UNSAID
    if isinstance(value, float) and not math.isfinite(value):
        return _UNSAID
    bounded = min(
        _PERCENT, max(0, value)
    )  # before it becomes a float: an integer of 400 digits is none
    if bounded <= _SURE:
        return float(bounded)
    return bounded / (_OUT_OF_TEN if bounded <= _OUT_OF_TEN else _PERCENT)
