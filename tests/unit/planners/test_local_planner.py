"""The planner without a cloud: what it makes of a small model's replies."""

from __future__ import annotations

from typing import Any

import pytest

from minions.findings import Digest
from minions.plans import History
from minions.testing import ScriptedModel
from minions_planners.local import LocalPlanner


@pytest.mark.parametrize(
    ("reply", "answer", "findings"),
    [
        ({"findings": ["F1"], "answer": "12"}, "12", ("f1",)),
        ({"findings": "[f1]", "answer": "None"}, "None", ("f1",)),
        ({"findings": ["f1"], "answer": "null"}, None, ("f1",)),
        ({"findings": ["f1"], "answer": None}, None, ("f1",)),
        ({"findings": ["f7"], "answer": "12"}, None, ()),
        ({"findings": [], "answer": "none"}, None, ()),
    ],
)
async def test_an_answer_rests_on_findings_that_exist(
    make: Any, reply: dict[str, Any], answer: str | None, findings: tuple[str, ...]
) -> None:
    """A small model's answer counts with a finding under it, and the word null is no answer."""
    digest = Digest(text="f1 12 | Net revenue 12", findings=(make.finding(id="f1"),), gist="f1 12", tokens=9)
    decision = await LocalPlanner(ScriptedModel([reply])).decide("What was net revenue?", digest, History())
    assert (decision.answer, decision.findings) == (answer, findings)
