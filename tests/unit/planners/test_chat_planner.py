"""The planner of a chat: its messages, its decisions, and replies that are neither."""

from __future__ import annotations

from typing import Any

import pytest

from minions.errors import PlanError
from minions.testing import ScriptedModel
from minions.values.documents import CorpusCard
from minions.values.findings import Digest
from minions.values.plans import History, RoundGist
from minions_planners.chat import ChatPlanner

CARD = CorpusCard(
    documents=1, tokens=9000, pages=20, text="1 document (9k tokens, 20 pages): report.pdf"
)
QUESTION = "What was net revenue in 2022?"
DIGEST = Digest(
    text="t1 State it. (read 12 of 40 passages)\nf1 12 | Net revenue 12",
    findings=(),
    gist="",
    tokens=9,
)
MESSAGE = {"message": "State net revenue in 2022."}


def planner(*replies: Any, **options: Any) -> tuple[ChatPlanner, ScriptedModel]:
    model = ScriptedModel(list(replies))
    return ChatPlanner(model, **{"max_turns": 4, **options}), model


async def test_the_first_message_is_a_task_over_everything() -> None:
    """The plan is one task in the planner's words; its prompt has the card, the question and the
    number of messages.
    """
    chat, model = planner(MESSAGE)
    (task,) = (await chat.plan(QUESTION, CARD)).tasks
    assert (task.instruction, task.documents, task.search) == (MESSAGE["message"], (), ())
    asked = model.requests[0].messages[-1].content
    assert asked == f"Documents: {CARD.text}\nQuestion: {QUESTION}\nRounds left: 4"


@pytest.mark.parametrize("reply", [{}, {"message": ""}, {"message": None}])
async def test_without_a_message_the_question_is_sent(reply: dict[str, Any]) -> None:
    """A planner that writes no message does not end the run; the user gets a warning."""
    plan = await planner(reply)[0].plan(QUESTION, CARD)
    assert [task.instruction for task in plan.tasks] == [QUESTION]
    assert plan.warnings


async def test_a_decision_answers_or_is_the_next_message() -> None:
    """An answer wins over a message; without one the message is the only task of the next round."""
    replies: list[Any] = [
        {"answer": "12 million", "findings": ["f1"], "confidence": 0.9, "message": "And costs?"},
        {"answer": None, "findings": [], "confidence": 0, "message": "And costs?"},
        {"answer": None, "findings": [], "confidence": 0, "message": None},
    ]
    chat, _ = planner(*replies)
    history = History(rounds_left=1)
    answered, asking, done = [await chat.decide(QUESTION, DIGEST, history) for _ in replies]
    assert (answered.answer, answered.findings, answered.tasks) == ("12 million", ("f1",), ())
    assert (asking.answer, [task.instruction for task in asking.tasks]) == (None, ["And costs?"])
    assert (done.answer, done.tasks) == (None, ())


async def test_it_is_told_what_was_found_so_far_and_how_many_messages_are_left() -> None:
    """Earlier messages are sent as gists, the digest says how much was read, and the last reply may
    not ask.
    """
    chat, model = planner(
        {"answer": None, "findings": [], "confidence": 0}, {"answer": None, "message": "x"}
    )
    gists = (RoundGist(asked=("Which year?",), found="f1 2022"),)
    await chat.decide(QUESTION, DIGEST, History(gists=gists, rounds_left=0))
    await chat.decide(QUESTION, DIGEST, History(gists=gists, rounds_left=2))
    last, before = model.requests
    text = last.messages[-1].content
    assert "Earlier: Which year? -> f1 2022" in text
    assert text.count("read 12 of 40 passages") == 1
    assert text.endswith("Rounds left: 0")
    assert "message" not in (last.json_schema or {})["properties"]
    assert "message" in (before.json_schema or {})["required"]
    assert ["write message" in request.messages[0].content for request in (last, before)] == [
        False,
        True,
    ]


@pytest.mark.parametrize("lines_shown", [True, False])
async def test_its_arithmetic_is_left_to_the_device(lines_shown: bool) -> None:
    """Its prompts are those of the cloud planner under every policy: they leave arithmetic to the
    device.
    """
    chat, model = planner({"answer": "1"}, {"answer": "1"}, lines_shown=lines_shown)
    for left in (0, 1):
        await chat.decide(QUESTION, DIGEST, History(rounds_left=left))
    assert all(
        "Leave arithmetic to the device" in request.messages[0].content
        for request in model.requests
    )


async def test_prose_is_asked_for_again_once_and_twice_is_a_plan_error() -> None:
    """One bad reply costs one more call; two end the run with a message that names the planner."""
    chat, model = planner("Hello reader, what was revenue?", MESSAGE)
    assert (await chat.plan(QUESTION, CARD)).tasks[0].instruction == MESSAGE["message"]
    assert len(model.requests) == 2
    with pytest.raises(PlanError, match="did not reply with JSON"):
        await planner("no", "still no")[0].decide(QUESTION, DIGEST, History())


@pytest.mark.parametrize("lines_shown", [True, False])
async def test_it_is_told_of_lines_only_where_it_sees_them(lines_shown: bool) -> None:
    """If the policy withholds the lines, the prompt does not mention them."""
    chat, model = planner(
        MESSAGE, {"answer": None, "findings": [], "confidence": 0}, lines_shown=lines_shown
    )
    await chat.plan(QUESTION, CARD)
    await chat.decide(QUESTION, DIGEST, History())
    message, reply = (request.messages[0].content for request in model.requests)
    assert ("you then see those lines" in message) == lines_shown
    assert ("Trust the lines" in reply) == lines_shown


async def test_an_answer_may_have_a_schema() -> None:
    """The answer is then JSON, and its schema is sent with the decision."""
    schema = {"type": "object", "properties": {"revenue": {"type": "number"}}}
    reply = {"answer": {"revenue": 12}, "findings": ["f1"], "confidence": 1, "message": None}
    chat, model = planner(reply, answer_schema=schema)
    decision = await chat.decide(QUESTION, DIGEST, History(rounds_left=1))
    assert decision.answer == '{"revenue": 12}'
    assert (model.requests[0].json_schema or {})["properties"]["answer"]["anyOf"][0] == schema
