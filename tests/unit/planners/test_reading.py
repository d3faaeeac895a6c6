"""A planner's reply, read: its size is bounded, and it can be printed and stored."""

from __future__ import annotations

import json

from minions_planners.reading import read_decision, read_finding_ids, read_json, read_plan


def test_a_plan_without_end_is_bounded() -> None:
    """Ten thousand tasks of a megabyte each ask for no more than a few short ones."""
    many = ["x" * 1_000] * 1_000
    written = {"instruction": "i" * 2_000, "options": many, "documents": many, "search": many}
    plan = read_plan({"tasks": [written] * 10_000}, "Who?", max_tasks=6)
    assert len(plan.tasks) == 6
    assert plan.warnings == ("the planner gave 10000 tasks; the first 6 are run",)
    for task in plan.tasks:
        assert len(task.instruction) == 600
        assert [len(task.options), len(task.documents), len(task.search)] == [50, 200, 8]
        assert {
            len(text) for texts in (task.options, task.documents, task.search) for text in texts
        } <= {100, 200, 500}


def test_an_answer_that_is_none_can_be_written_down() -> None:
    """The words of a dropped answer become a warning, and a warning is stored with the result."""
    decision = read_decision({"answer": "The documents do not say \ud800\x00."}, max_tasks=6)
    assert decision.answer is None
    assert decision.warnings == ("the planner says: The documents do not say ? .",)


def test_an_answer_with_a_schema_is_json() -> None:
    """Python writes NaN and Infinity, which other readers of JSON refuse: they become null."""
    written = read_json({"total": float("nan"), "most": [float("inf"), 1.5], "name": "caf\u00e9"})
    assert written is not None
    assert json.loads(written, parse_constant=lambda name: name) == {
        "total": None,
        "most": [None, 1.5],
        "name": "caf\u00e9",
    }
    assert read_json(float("nan")) is None


def test_an_answer_cites_so_many_findings_as_there_may_be() -> None:
    """A list of a million ids is no list of findings, and an id of a thousand digits is no id."""
    assert len(read_finding_ids([f"f{number}" for number in range(20_000)])) == 1_000
    assert read_finding_ids("f" + "1" * 1_000 + ", f2") == ("f2",)
