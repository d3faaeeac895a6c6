"""What goes up before any finding does: the fixed cost of a question."""

from __future__ import annotations

import json

from minions.documents import DocumentFacts, Heading
from minions.findings import Digest
from minions.plans import History
from minions.privacy.card import describe
from minions.testing import ScriptedModel
from minions.tokens import estimate_tokens
from minions_planners.cloud import CloudPlanner

QUESTION = (
    "What was the company's total revenue from container handling in the fiscal year 2022, "
    "and how does it compare with the year before?"
)
LIMIT = 800
PER_MESSAGE = 6  # the chat template around each message


async def test_a_one_round_run_sends_at_most_800_tokens_besides_its_findings() -> None:
    """Both calls together: system texts, schemas, the card of a long document with an outline, a question of 30
    tokens.
    """
    model = ScriptedModel([{"tasks": []}, {"answer": "12", "findings": [], "confidence": 1, "tasks": []}])
    outline = tuple(Heading(level=1, text=f"Section {n} of the annual report", start=n) for n in range(40))
    facts = DocumentFacts(
        id="a",
        path="annual_report_2022.pdf",
        title="Annual report",
        tokens=52_000,
        chunks=120,
        pages=88,
        outline=outline,
    )
    planner = CloudPlanner(model, max_tasks=6)
    history = History(rounds_left=1)
    await planner.plan(QUESTION, describe([facts], "findings"))
    await planner.decide(QUESTION, Digest(text="", findings=(), gist="", tokens=0), history)
    tokens = 0
    for request in model.requests:
        tokens += sum(estimate_tokens(message.content) + PER_MESSAGE for message in request.messages)
        tokens += estimate_tokens(json.dumps(request.json_schema, separators=(",", ":")))
    assert len(model.requests) == 2
    assert tokens <= LIMIT
