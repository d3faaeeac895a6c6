"""The planner without a cloud: how it reads a small model's replies."""

from __future__ import annotations

from typing import Any

import pytest

from minions.testing import ScriptedModel
from minions.values.findings import Digest
from minions.values.plans import History
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
    """A small model's answer counts only with a finding, and the word null is no answer."""
    digest = Digest(
        text="f1 12 | Net revenue 12", findings=(make.finding(id="f1"),), gist="f1 12", tokens=9
    )
    decision = await LocalPlanner(ScriptedModel([reply])).decide(
        "What was net revenue?", digest, History()
    )
    assert (decision.answer, decision.findings) == (answer, findings)


async def test_of_all_it_cites_what_holds_the_answer_is_kept(make: Any) -> None:
    """A small model cites all that it sees; only citations that hold the answer are kept."""
    right = make.finding("31.6", id="f1", quote="The north quay reached 31.6 moves per hour.")
    wrong = make.finding("58", id="f2", start=90, quote="58 per cent were able to connect.")
    digest = Digest(text="...", findings=(right, wrong), gist="", tokens=9)
    model = ScriptedModel(
        [{"findings": ["f1", "f2"], "answer": "31.6"}, {"findings": ["f2"], "answer": "a third"}]
    )
    planner = LocalPlanner(model)
    assert (await planner.decide("How many?", digest, History())).findings == ("f1",)
    assert (await planner.decide("How many?", digest, History())).findings == ("f2",)
