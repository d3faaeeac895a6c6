"""Hand-written plans of questions, a line of JSON each: ``{"id": "q1", "tasks": [{"instruction": "..."}]}``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from minions.errors import UsageError
from minions.execution.parse_tasks import read_tasks
from minions.values.plans import Plan, Task

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_SHAPE = '{"id": "q1", "tasks": [{"instruction": "...", "search": ["..."]}]}'


def read_plans(path: Path, known: Collection[str], *, max_tasks: int) -> dict[str, Plan]:
    """The plan of each question that has one, by its id. Raises UsageError for a line that is none, an id that is not
    ``known`` or comes twice, and a task that the reader of a planner's replies would have to mend.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {path}: {error}", hint=f"a line of it looks like {_SHAPE}"
        ) from None
    plans: dict[str, Plan] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            id_, plan = _plan(line, set(known) - set(plans), max_tasks)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: {_told(error)}", hint=f"a line looks like {_SHAPE}"
            ) from None
        plans[id_] = plan
    if not plans:
        raise UsageError(f"{path} holds no plans", hint=f"a line of it looks like {_SHAPE}")
    return plans


def _plan(line: str, wanted: Collection[str], max_tasks: int) -> tuple[str, Plan]:
    given = json.loads(line)
    if not isinstance(given, dict) or set(given) != {"id", "tasks"}:
        raise ValueError("a plan has an id and tasks, and nothing else")
    if str(given["id"]) not in wanted:
        raise ValueError(f"the id {given['id']!r} is none of the questions', or comes twice")
    tasks = given["tasks"]
    if not isinstance(tasks, list) or not tasks:
        raise ValueError("tasks: a plan has at least one")
    if len(tasks) > max_tasks:
        raise ValueError(f"tasks: {len(tasks)}, and max_tasks is {max_tasks}")
    return str(given["id"]), Plan(
        tasks=tuple(_task(number, task) for number, task in enumerate(tasks, 1))
    )


def _task(number: int, given: Any) -> Task:
    """The task, read as a planner's, and strictly: what a planner is forgiven, its author can correct."""
    if not isinstance(given, dict):
        raise ValueError(f"task {number} is not a JSON object")  # noqa: TRY004 - of a file, not of a caller
    try:
        written = Task.model_validate({**given, "id": "t1"})
    except ValidationError as error:
        raise ValueError(f"task {number}: {_told(error)}") from None
    read, _ = read_tasks([given], 1)
    if not read:
        raise ValueError(f"task {number} has no instruction")
    changed = [
        name for name in Task.model_fields if getattr(read[0], name) != getattr(written, name)
    ]
    if changed:
        told = ", ".join(f"{name} would be {getattr(read[0], name)!r}" for name in changed)
        raise ValueError(f"task {number} would not be run as it is written: {told}")
    return written.model_copy(update={"id": f"t{number}"})


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, problem['loc'])) or 'it'}: {problem['msg']}"
    return str(error)
