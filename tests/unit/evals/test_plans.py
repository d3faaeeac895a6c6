"""Plans by hand: read as a planner's are, but nothing is mended behind their author's back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import UsageError
from minions.evals.plans import read_plans
from minions.values.plans import Task

if TYPE_CHECKING:
    from pathlib import Path

TASK = {"instruction": "How tall is it?", "search": ["tall metres"]}


def written(folder: Path, *lines: Any) -> Path:
    """A file of plans with these lines."""
    path = folder / "plans.jsonl"
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    )
    return path


def test_a_plan_is_its_tasks_in_their_order(tmp_path: Path) -> None:
    """Every field of a task may be given; what is not given is as for a planner. Ids may be numbers."""
    second = {
        "instruction": "Is it a lighthouse?",
        "output": "category",
        "options": ["yes", "no"],
        "unit": "document",
    }
    path = written(
        tmp_path,
        "",
        {"id": 7, "tasks": [TASK, second | {"reduce": "count", "documents": ["*.md"]}]},
    )
    plans = read_plans(path, {"7", "8"}, max_tasks=6)
    assert list(plans) == ["7"]
    assert plans["7"].tasks == (
        Task(id="t1", instruction="How tall is it?", search=("tall metres",)),
        Task(
            id="t2",
            instruction="Is it a lighthouse?",
            output="category",
            options=("yes", "no"),
            unit="document",
            reduce="count",
            documents=("*.md",),
        ),
    )
    assert plans["7"].warnings == ()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "holds no plans"),
        (["{"], "line 1"),
        (["[]"], "line 1: a plan has an id and tasks"),
        ([{"id": "q1"}], "line 1: a plan has an id and tasks"),
        ([{"id": "q1", "tasks": [TASK], "task": []}], "nothing else"),
        ([{"id": "q1", "tasks": []}], "at least one"),
        ([{"id": "q1", "tasks": [TASK] * 3}], "max_tasks is 2"),
        ([{"id": "q9", "tasks": [TASK]}], "'q9' is not the id of a question"),
        (
            [{"id": "q1", "tasks": [TASK]}] * 2,
            "line 2: the id 'q1' is not the id of a question, or is used twice",
        ),
        ([{"id": "q1", "tasks": ["How tall?"]}], "task 1 is not a JSON object"),
        ([{"id": "q1", "tasks": [{"search": ["tall"]}]}], "task 1: instruction"),
        ([{"id": "q1", "tasks": [{"instruction": " "}]}], "task 1 has no instruction"),
        ([{"id": "q1", "tasks": [TASK, TASK | {"output": "metres"}]}], "task 2: output"),
        ([{"id": "q1", "tasks": [TASK | {"reduced": "count"}]}], "reduced"),
        ([{"id": "q1", "tasks": [TASK | {"search": "tall"}]}], "search"),
        ([{"id": "q1", "tasks": [TASK | {"output": "category"}]}], "output would be 'text'"),
        ([{"id": "q1", "tasks": [{"instruction": "How? " * 200}]}], "instruction would be"),
    ],
)
def test_what_would_not_run_as_written_is_refused(
    tmp_path: Path, lines: list[Any], words: str
) -> None:
    """A wrong line is told by its number and what is wrong with it, with the shape that is right."""
    with pytest.raises(UsageError) as refused:
        read_plans(written(tmp_path, *lines), {"q1", "q2"}, max_tasks=2)
    assert words in refused.value.message
    assert '"tasks"' in str(refused.value.hint)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """So is one that is no text."""
    with pytest.raises(UsageError, match=r"missing\.jsonl"):
        read_plans(tmp_path / "missing.jsonl", {"q1"}, max_tasks=2)
    (tmp_path / "plans.jsonl").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="cannot read"):
        read_plans(tmp_path / "plans.jsonl", {"q1"}, max_tasks=2)
