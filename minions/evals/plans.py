"""Hand-written plans, one a line: ``{"id": "q1", "tasks": [{"instruction": "..."}]}``."""

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
    """Read the plans of a file, by the id of their question; blank lines are skipped.

    Raises UsageError for a line that is not a plan, for an id that is not ``known`` or is used
    twice, and for a task that would not run exactly as it is written.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {path}: {error}", hint=f"write one plan a line, such as {_SHAPE}"
        ) from None
    plans: dict[str, Plan] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            id_, plan = _plan(line, set(known) - set(plans), max_tasks)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: {_first_problem(error)}",
                hint=f"write the line like {_SHAPE}",
            ) from None
        plans[id_] = plan
    if not plans:
        raise UsageError(f"{path} holds no plans", hint=f"write one plan a line, such as {_SHAPE}")
    return plans


def _plan(line: str, wanted: Collection[str], max_tasks: int) -> tuple[str, Plan]:
    """The id and plan of a line. Raises ValueError; ``wanted`` are the ids that may still come."""
    given = json.loads(line)
    if not isinstance(given, dict) or set(given) != {"id", "tasks"}:
        raise ValueError("a plan has an id and tasks, and nothing else")
    id_ = str(given["id"])
    if id_ not in wanted:
        raise ValueError(f"the id {given['id']!r} is not the id of a question, or is used twice")
    tasks = given["tasks"]
    if not isinstance(tasks, list) or not tasks:
        raise ValueError("tasks: a plan needs at least one")
    if len(tasks) > max_tasks:
        raise ValueError(f"tasks: there are {len(tasks)}, but max_tasks is {max_tasks}")
    read = [_task(number, task) for number, task in enumerate(tasks, 1)]
    return id_, Plan(tasks=tuple(read))


def _task(number: int, given: Any) -> Task:
    """Read a task like a planner's, but refuse it where a planner's task would be repaired.

    A planner is not asked again for a small mistake; the author of a file can correct it. Raises
    ValueError.
    """
    if not isinstance(given, dict):
        raise ValueError(f"task {number} is not a JSON object")  # noqa: TRY004 - about a file
    try:
        written = Task.model_validate({**given, "id": "t1"})
    except ValidationError as error:
        raise ValueError(f"task {number}: {_first_problem(error)}") from None
    read, _ = read_tasks([given], 1)
    if not read:
        raise ValueError(f"task {number} has no instruction")
    changes = []
    for name in Task.model_fields:
        value = getattr(read[0], name)
        if value != getattr(written, name):
            changes.append(f"{name} would be {value!r}")
    if changes:
        raise ValueError(f"task {number} would not run as it is written: {', '.join(changes)}")
    return written.model_copy(update={"id": f"t{number}"})


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"])) or "it"
        return f"{where}: {problem['msg']}"
    return str(error)
