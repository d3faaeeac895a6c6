"""The chat: messages to one worker that holds the documents, and what of them goes up."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.ledger.meter import bound_input_tokens
from minions.testing import LoopbackServer
from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

QUESTION = "How tall is the lighthouse at Skerrow, and who built it?"
HEIGHT = "The lighthouse at Skerrow is 41 metres tall."
BUILDER = "Anna Reid built the lighthouse in 1871."
SECRET = "The combination of the safe is 4711."
OTHERS = "\n".join(
    f"Keeper {number} left no more than a name in the parish book." for number in range(8)
)
GUIDE = (
    f"# Lights\n\n{HEIGHT}\n\n# Keepers\n\n{OTHERS}\n{SECRET}\n{OTHERS}\n\n# History\n\n{BUILDER}\n"
)
ANSWER: dict[str, Any] = {
    "answer": "41 metres, Anna Reid",
    "findings": ["f1", "f2"],
    "confidence": 0.9,
    "message": None,
}
ASKING: dict[str, Any] = {
    "answer": None,
    "findings": [],
    "confidence": 0.1,
    "message": "Who built the lighthouse?",
}


def planning(request: ChatRequest) -> Any:
    """Asks for the height, then for the builder, then answers."""
    text = request.messages[-1].content
    if "Findings:" not in text:
        return {"message": "How tall is the lighthouse?"}
    return ANSWER if "Earlier:" in text else ASKING


def reading(request: ChatRequest) -> Any:
    """Points at the line that answers, where it holds it."""
    shown, _, message = request.messages[-1].content.partition("Message:")
    wanted, answer = (
        ("Anna Reid", "Anna Reid") if "built" in message else ("41 metres", "41 metres")
    )
    line = re.search(rf"^(\d+): .*{wanted}", shown, re.MULTILINE)
    return {"lines": [int(line[1])] if line else [], "answer": answer if line else None}


class Chat:
    """The API over a planner's and a worker's server."""

    def __init__(self, cloud: LoopbackServer, device: LoopbackServer, documents: Path) -> None:
        self.cloud, self.device, self.documents = cloud, device, documents
        models: Any = {
            "planner": f"openai:gpt-5.4@{cloud.openai_url}",
            "worker": f"openai:reader@{device.openai_url}",
        }
        self.minions = Minions(
            **models, protocol="minion", openai_api_key="key-of-the-test", attempts=1
        )

    def __call__(self, **settings: Any) -> Any:
        return self.minions.ask(QUESTION, self.documents, **settings)

    @staticmethod
    def texts(server: LoopbackServer) -> list[str]:
        """The last message of each request."""
        return [
            str(json.loads(request.body)["messages"][-1]["content"]) for request in server.requests
        ]


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Callable[..., Chat]]:
    """Makes a chat over one guide; planner and worker play their parts unless told otherwise."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "guide.md").write_text(GUIDE)
    with ExitStack() as closing:

        def make(plan: Any = planning, read: Any = reading) -> Chat:
            cloud, device = (closing.enter_context(LoopbackServer(play)) for play in (plan, read))
            talk = Chat(cloud, device, folder)
            closing.callback(talk.minions.close)
            return talk

        yield make


def test_message_by_message_until_it_can_answer(chat: Any) -> None:
    """Two messages, then the answer, which cites what either of them found, word for word from the document."""
    talk = chat()
    answer = talk()
    assert (answer.answer, answer.stop_reason) == ("41 metres, Anna Reid", "answered")
    assert [citation.quote for citation in answer.citations] == [HEIGHT, BUILDER]
    assert all(
        GUIDE[citation.start : citation.end] == citation.quote for citation in answer.citations
    )
    assert [round_.tasks for round_ in answer.rounds] == [1, 1]
    assert (answer.usage.planner.calls, answer.usage.worker.calls) == (3, 2)


def test_the_document_is_a_prefix_that_all_messages_share(chat: Any) -> None:
    """The worker gets the whole document each time, to the byte, and the message after it: its server reads it once."""
    talk = chat()
    talk()
    first, second = (text.partition("Message:") for text in talk.texts(talk.device))
    assert first[0] == second[0]
    assert all(line in first[0] for line in GUIDE.splitlines() if line)
    assert "How tall" in first[2]
    assert "Who built" in second[2]


def test_only_lines_that_were_pointed_at_go_up(chat: Any) -> None:
    """The planner sees findings with the lines around them, never the document; earlier rounds are gists."""
    talk = chat()
    talk()
    sent = talk.texts(talk.cloud)
    assert SECRET not in "".join(sent)
    assert HEIGHT not in sent[0]
    assert HEIGHT in sent[1]
    assert BUILDER in sent[2]
    assert sent[2].count("Earlier: ") == 1
    assert [text.splitlines()[-1] for text in sent] == [
        "Rounds left: 4",
        "Rounds left: 3",
        "Rounds left: 2",
    ]


def test_under_strict_answers_go_up_and_nothing_else(chat: Any) -> None:
    """Neither a line nor the document's name; the citation on this machine is whole all the same."""
    talk = chat()
    answer = talk(policy="strict")
    sent = "".join(talk.texts(talk.cloud))
    assert "f1 41 metres" in sent
    for kept in (HEIGHT, BUILDER, SECRET, "guide", "Lights"):
        assert kept not in sent
    assert [citation.quote for citation in answer.citations] == [HEIGHT, BUILDER]


def test_what_the_worker_invents_does_not_go_up(chat: Any) -> None:
    """A quote that stands nowhere is no finding, and the result counts it."""
    talk = chat(
        read=lambda _: {"quote": "Gold is at 1,800 dollars an ounce.", "answer": "1,800 dollars"}
    )
    answer = talk(evidence="quote", max_turns=1)
    assert "1,800" not in "".join(talk.texts(talk.cloud))
    assert answer.coverage.ungrounded == answer.coverage.read > 0


@pytest.mark.parametrize("turns", [1, 3])
def test_the_chat_has_an_end(chat: Any, turns: int) -> None:
    """A planner that asks for ever is heard ``max_turns`` times, and told each time how often it may still ask."""
    talk = chat(
        plan=lambda request: (
            ASKING if "Findings:" in request.messages[-1].content else {"message": "What?"}
        )
    )
    answer = talk(max_turns=turns, cache=False)
    assert (answer.answer, answer.stop_reason, len(answer.rounds)) == (None, "no_answer", turns)
    assert (len(talk.cloud.requests), len(talk.device.requests)) == (1 + turns, turns)
    assert talk.texts(talk.cloud)[-1].endswith("Rounds left: 0")


def test_rounds_of_the_other_protocol_do_not_bound_a_chat(chat: Any) -> None:
    """``max_rounds`` is about plans of many tasks."""
    assert chat()(max_rounds=1).stop_reason == "answered"


def test_what_does_not_fit_is_told_to_the_user_and_to_the_planner(chat: Any) -> None:
    """The passages that promise most are held; coverage, a warning and the planner's page say how much that is."""
    talk = chat()
    years = "".join(
        f"In {year} the parish book has no entry for the harbour.\n\n" for year in range(1600, 1800)
    )
    (talk.documents / "annals.txt").write_text(years)
    answer = talk(context_tokens=1_500, chunk_tokens=100)
    coverage = answer.coverage
    assert answer.answer == "41 metres, Anna Reid"
    assert 0 < coverage.read < coverage.chunks
    assert coverage.skipped > 0
    (warning,) = answer.warnings
    assert "--context-tokens 1500" in warning
    assert re.search(rf"\(read \d+ of {coverage.chunks} passages\)", talk.texts(talk.cloud)[1])


def test_all_documents_are_held_together(chat: Any) -> None:
    """Evidence from two documents in one chat; each is named where the worker sees it."""
    talk = chat()
    (talk.documents / "guide.md").write_text(f"# Lights\n\n{HEIGHT}\n")
    (talk.documents / "people.txt").write_text(BUILDER)
    answer = talk()
    assert [citation.path[-10:] for citation in answer.citations] == ["s/guide.md", "people.txt"]
    for name in ("guide.md", "people.txt"):
        assert f"Passage from {name}" in talk.texts(talk.device)[0]


def test_a_malformed_message_is_asked_for_again_and_paid_for(chat: Any) -> None:
    """Prose where a message was asked for costs one more call, which is on the bill."""
    replies: list[Any] = [
        "Hello! Let us talk.",
        {"message": "How tall is the lighthouse?"},
        ASKING,
        ANSWER,
    ]
    talk = chat(plan=lambda _: replies.pop(0))
    answer = talk()
    assert answer.stop_reason == "answered"
    assert answer.usage.planner.calls == len(talk.cloud.requests) == 4
    assert answer.usage.planner.input_tokens == sum(
        usage.input_tokens for usage in talk.cloud.usages
    )


def test_a_worker_that_replies_nonsense_does_not_end_the_chat(chat: Any) -> None:
    """The planner hears that nothing was found, and may ask in other words."""
    replies: list[Any] = ["It is tall.", {"lines": [2], "answer": "41 metres"}]
    answer = chat(read=lambda _: replies.pop(0))()
    assert answer.stop_reason == "answered"
    assert answer.coverage.ungrounded > 0


def test_a_budget_ends_the_chat_with_what_was_found(chat: Any) -> None:
    """The call that could pass the limit is not made; the first message's finding is the partial result."""
    messages: list[Any] = [{"message": "How tall is the lighthouse?"}]

    def plan(request: ChatRequest) -> Any:
        """The second call takes all that it may, some 3,200 tokens."""
        if messages:
            return messages.pop()
        usage = Usage(
            input_tokens=bound_input_tokens(request), output_tokens=request.max_output_tokens
        )
        return Completion(text=json.dumps(ASKING), finish_reason="stop", usage=usage)

    talk = chat(plan=plan)
    answer = talk(max_cloud_tokens=6_000)
    assert (answer.stop_reason, answer.answer) == ("budget", None)
    assert len(talk.cloud.requests) == 2
    assert [citation.quote for citation in answer.citations][:1] == [HEIGHT]


def test_the_same_question_tomorrow_reads_nothing(chat: Any) -> None:
    """The worker's findings are cached by all the text that it held."""
    talk = chat()
    first, asked = talk(), len(talk.device.requests)
    again = talk()
    assert len(talk.device.requests) == asked
    assert again.citations == first.citations
    assert again.usage.worker.calls == 0


def test_without_a_cloud_the_worker_asks_itself(chat: Any) -> None:
    """With planner local the question is the only message; nothing leaves the device."""

    def play(request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if "Findings:" in text:
            return {"findings": ["f1"], "answer": "41 metres"}
        return {"search": ["lighthouse"]} if "Question:" in text else reading(request)

    talk = chat(read=play)
    answer = talk(planner="local")
    assert (answer.answer, len(answer.rounds)) == ("41 metres", 1)
    assert (talk.cloud.requests, talk.minions.egress()) == ([], [])


async def test_a_batch_of_chats(chat: Any, tmp_path: Path) -> None:
    """Many questions at once, each a chat of its own, on one bill; the same command goes on where it was."""
    talk = chat()
    questions = [{"id": str(number), "question": f"{number}. {QUESTION}"} for number in range(5)]
    answers = [
        answer
        async for answer in talk.minions.map(
            questions, talk.documents, output=tmp_path / "out.jsonl"
        )
    ]
    assert sorted(answer.id for answer in answers) == ["0", "1", "2", "3", "4"]
    assert {answer.answer for answer in answers} == {"41 metres, Anna Reid"}
    assert sum(answer.usage.planner.calls for answer in answers) == len(talk.cloud.requests) == 15
    again = [
        answer
        async for answer in talk.minions.map(
            questions, talk.documents, output=tmp_path / "out.jsonl"
        )
    ]
    assert (again, len(talk.cloud.requests)) == ([], 15)


@pytest.mark.parametrize(("own", "turns", "messages"), [(1, 4, 1), (None, 4, 3), (3, 2, 2)])
async def test_a_question_may_bound_its_chat(
    chat: Any, own: int | None, turns: int, messages: int
) -> None:
    """Its own rounds are messages at most, and never more than the batch allows; the planner is told so at once."""
    replies = iter(range(9))
    talk = chat(plan=lambda _: ASKING if next(replies) < 3 else ANSWER)
    question = {"question": QUESTION, "max_rounds": own}
    (answer,) = [
        answer async for answer in talk.minions.map([question], talk.documents, max_turns=turns)
    ]
    assert len(answer.rounds) == messages
    ends = [text.splitlines()[-1] for text in talk.texts(talk.cloud)]
    assert ends[:2] == [
        f"Rounds left: {left}" for left in (min(own or turns, turns), min(own or turns, turns) - 1)
    ]
