"""The fixed cost of a question: the tokens that are sent before any finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from minions.privacy.card import describe
from minions.testing import ScriptedModel
from minions.text.tokens import estimate_tokens
from minions.values.documents import DocumentFacts, Heading
from minions.values.findings import Digest
from minions.values.plans import History
from minions_planners.chat import ChatPlanner
from minions_planners.cloud import CloudPlanner

if TYPE_CHECKING:
    from minions.ports import Planner

QUESTION = (
    "What was the company's total revenue from container handling in the fiscal year 2022, "
    "and how does it compare with the year before?"
)
LIMIT = 800
CHAT_LIMIT = 550
NEXT_LIMIT = 270
PER_MESSAGE = 6  # the chat template around each message


async def sent(planner: Planner, model: ScriptedModel) -> list[int]:
    """Input tokens of a plan and a decision over nothing: system texts, schemas, the card of a long
    document with an outline, a question of 30 tokens.
    """
    outline = tuple(
        Heading(level=1, text=f"Section {n} of the annual report", start=n) for n in range(40)
    )
    facts = DocumentFacts(
        id="a",
        path="annual_report_2022.pdf",
        title="Annual report",
        tokens=52_000,
        chunks=120,
        pages=88,
        outline=outline,
    )
    await planner.plan(QUESTION, describe([facts], "findings"))
    await planner.decide(
        QUESTION, Digest(text="", findings=(), gist="", tokens=0), History(rounds_left=1)
    )
    assert len(model.requests) == 2
    return [
        sum(estimate_tokens(message.content) + PER_MESSAGE for message in request.messages)
        + estimate_tokens(json.dumps(request.json_schema, separators=(",", ":")))
        for request in model.requests
    ]


@pytest.mark.parametrize("lines_shown", [True, False])
async def test_a_one_round_run_sends_at_most_800_tokens_besides_its_findings(
    lines_shown: bool,
) -> None:
    """The limit holds for both calls together, under every policy."""
    model = ScriptedModel(
        [{"tasks": []}, {"answer": "12", "findings": [], "confidence": 1, "tasks": []}]
    )
    assert (
        sum(await sent(CloudPlanner(model, max_tasks=6, lines_shown=lines_shown), model)) <= LIMIT
    )


@pytest.mark.parametrize("lines_shown", [True, False])
async def test_a_chat_of_one_message_sends_at_most_550_tokens_and_270_for_each_further_one(
    lines_shown: bool,
) -> None:
    """A message has no fields, so it costs less than a plan; a further one costs the decision
    again, no card.
    """
    model = ScriptedModel(
        [{"message": "x"}, {"answer": "12", "findings": [], "confidence": 1, "message": None}]
    )
    first, further = await sent(ChatPlanner(model, max_turns=4, lines_shown=lines_shown), model)
    assert first + further <= CHAT_LIMIT
    assert further <= NEXT_LIMIT
