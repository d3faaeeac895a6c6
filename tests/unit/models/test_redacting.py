"""The redacting policy: placeholders are sent, and the reply has the values again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from minions.models.redacting import redacting
from minions.redaction.detector import detector
from minions.redaction.placeholders import Placeholders, keeping
from minions.values.chat import ChatRequest, Completion, Message, Usage

if TYPE_CHECKING:
    from minions.ports import ChatModel

DETECT = detector(words=("Project Heron",))
ADDRESS = "jane.roe@example.com"


class Echo:
    """A model that keeps its requests, and replies with a given text."""

    reference, endpoint = "scripted:echo", "in-process"

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.seen: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> Completion:
        self.seen.append(request)
        return Completion(text=self.replies.pop(0), finish_reason="stop", usage=Usage())

    async def aclose(self) -> None:
        pass


def _ask(*parts: tuple[str, str], schema: object = None) -> ChatRequest:
    system = Message(
        role="system", content="Answer from the findings: project heron is no secret of a prompt."
    )
    message = Message.of("user", *parts)  # type: ignore[arg-type]
    return ChatRequest(messages=(system, message), max_output_tokens=9, json_schema=schema)  # type: ignore[arg-type]


async def test_values_go_up_as_placeholders_and_come_back_in_the_reply() -> None:
    """The cloud sees neither the address nor the user's word, in the question or in the digest; the
    reply has both.
    """
    echo = Echo("[EMAIL_1] leads [TERM_1].")
    model: ChatModel = redacting(echo, DETECT)
    reply = await model.complete(
        _ask(("question", f"Who is {ADDRESS}?\n"), ("digest", f"f1 {ADDRESS} runs Project Heron"))
    )
    sent = echo.seen[0].messages[1]
    assert sent.content == "Who is [EMAIL_1]?\nf1 [EMAIL_1] runs [TERM_1]"
    assert sent.parts == (
        ("question", "Who is [EMAIL_1]?\n"),
        ("digest", "f1 [EMAIL_1] runs [TERM_1]"),
    )
    assert reply.text == f"{ADDRESS} leads Project Heron."


async def test_the_programs_own_prompt_is_left_alone_and_explains_placeholders_only_where_there_are_any() -> (
    None
):
    """A user's word that stands in a prompt does not break the prompt; without placeholders nothing
    is added.
    """
    echo = Echo("", "")
    await redacting(echo, DETECT).complete(_ask(("question", "Who?")))
    await redacting(echo, DETECT).complete(_ask(("question", ADDRESS)))
    plain, explained = (request.messages[0].content for request in echo.seen)
    assert plain == "Answer from the findings: project heron is no secret of a prompt."
    assert explained.startswith(plain)
    assert "[EMAIL_1]" in explained


async def test_a_reply_in_json_stays_json() -> None:
    """A value with quotes or line breaks is escaped when it comes back into JSON."""
    echo = Echo('{"answer": "see [TERM_1]"}')
    model = redacting(echo, detector(patterns=(r"(?s)<.*?>",)))
    reply = await model.complete(_ask(("digest", '<a "b"\n\\c>'), schema={"type": "object"}))
    assert json.loads(reply.text) == {"answer": 'see <a "b"\n\\c>'}


async def test_a_schema_of_the_user_is_redacted_too() -> None:
    """Names and options in the schema of an answer are redacted like any other text."""
    echo = Echo('{"[TERM_1]": "yes"}')
    schema = {"type": "object", "properties": {"Project Heron": {"enum": ["yes", ADDRESS]}}}
    reply = await redacting(echo, DETECT).complete(_ask(("question", "?"), schema=schema))
    assert echo.seen[0].json_schema == {
        "type": "object",
        "properties": {"[TERM_1]": {"enum": ["yes", "[EMAIL_1]"]}},
    }
    assert json.loads(reply.text) == {"Project Heron": "yes"}


async def test_a_users_word_that_schemas_have_breaks_no_schema() -> None:
    """With the sensitive words "string" and "answer" a question still gets an answer."""
    echo = Echo('{"answer": "[TERM_1]"}')
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
    }
    model = redacting(echo, detector(words=("string", "answer", "type")))
    reply = await model.complete(_ask(("question", "Which string?"), schema=schema))
    assert echo.seen[0].json_schema == schema
    assert echo.seen[0].messages[1].content == "Which [TERM_1]?"
    assert json.loads(reply.text) == {"answer": "string"}


async def test_a_run_has_one_placeholder_for_one_value() -> None:
    """The same value has the same placeholder in all calls of a run, and other runs number theirs
    anew.
    """
    echo = Echo("", "", "")
    model = redacting(echo, DETECT)
    other = "ann@example.com"
    with keeping(Placeholders(DETECT)):
        await model.complete(_ask(("question", other)))
        await model.complete(_ask(("digest", f"{ADDRESS} {other}")))
    with keeping(Placeholders(DETECT)):
        await model.complete(_ask(("question", ADDRESS)))
    assert [request.messages[1].content for request in echo.seen] == [
        "[EMAIL_1]",
        "[EMAIL_2] [EMAIL_1]",
        "[EMAIL_1]",
    ]


async def test_held_words_are_replaced_in_what_a_digest_repeats() -> None:
    """A task that the planner wrote with a placeholder is sent back with it, not with the value."""
    echo = Echo("", "")
    placeholders = Placeholders(None)
    name = placeholders.hold("Zanzibar Shipping")
    instruction = placeholders.restore(f"Which pages name {name}?")
    with keeping(placeholders):
        await redacting(echo, None).complete(_ask(("digest", f"t1 {instruction}\nf1 [ANSWER_1]")))
    assert echo.seen[0].messages[1].content == "t1 Which pages name [ANSWER_1]?\nf1 [ANSWER_1]"


@pytest.mark.parametrize("written", ["[EMAIL_1]", "EMAIL_1", "[email_1]", "(EMAIL_1)"])
async def test_a_planner_may_write_a_placeholder_carelessly(written: str) -> None:
    """Missing brackets and small letters are understood."""
    reply = await redacting(Echo(written), DETECT).complete(_ask(("question", ADDRESS)))
    assert ADDRESS in reply.text
