"""From a planner's reply to plans and decisions: mend what can be mended, say so, drop the rest."""

from __future__ import annotations

from typing import Any, cast, get_args

from minions.plans import Decision, Output, Plan, Reduce, Task, Unit
from minions.replies import as_text, as_texts

_MAX_TEXT = 600
_MAX_PHRASES = 8


def read_plan(reply: dict[str, Any], question: str, *, max_tasks: int) -> Plan:
    """The plan in a reply; an empty one becomes the question itself as the only task."""
    tasks, warnings = _read_tasks(reply.get("tasks"), max_tasks)
    if not tasks:
        tasks = (Task(id="t1", instruction=question, search=(question,)),)
        warnings = (*warnings, "the planner gave no tasks: the question itself is the task")
    return Plan(tasks=tasks, warnings=warnings)


def read_decision(reply: dict[str, Any], *, max_tasks: int) -> Decision:
    """The decision in a reply. An answer with tasks is an answer."""
    answer = as_text(reply.get("answer"))
    if answer is not None and answer.casefold() in {"null", "none", "n/a"}:
        answer = None
    tasks, warnings = _read_tasks(reply.get("tasks"), max_tasks)
    return Decision(
        answer=answer,
        findings=as_texts(reply.get("findings")),
        confidence=_confidence(reply.get("confidence")),
        tasks=() if answer is not None else tasks,
        warnings=warnings,
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
        return 0.5
    return min(1.0, max(0.0, float(value) / (100 if value > 1 else 1)))
