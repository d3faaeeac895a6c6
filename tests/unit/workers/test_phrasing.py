"""A prompt in pieces keeps its words, and knows the kind of each piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.models.scripted import ScriptedModel
from minions.values.chat import Completion, Usage
from minions_workers.extractor import Extractor
from minions_workers.phrasing import filled, worded
from minions_workers.prompts import load

if TYPE_CHECKING:
    from minions.values.chat import ChatRequest

FIELDS = {
    name: f"<{{{name}}}: \u00e9>"
    for name in ("instruction", "options", "answer", "most", "message", "lines")
}  # braces in a value are text


@pytest.mark.parametrize(
    "name",
    [
        "look",
        "lines",
        "quote",
        "hold_lines",
        "hold_quote",
        "judge_yes_no",
        "judge_options",
        "judge_written",
        "second",
    ],
)
def test_a_prompt_in_pieces_has_the_same_words(name: str) -> None:
    """A server's prefix cache, and results kept from before, depend on every byte."""
    parts = filled(load(name), **{field: ("question", value) for field, value in FIELDS.items()})
    assert "".join(text for _, text in parts) == load(name).format(**FIELDS)
    assert {text for kind, text in parts if kind == "question"} <= set(FIELDS.values())


def test_the_options_of_a_task_are_no_prompt(make: Any) -> None:
    """Options come with the plan, and may hold words of the question."""
    category = make.task(output="category", options=("kept", "broken"))
    assert worded(category, "one of: kept, broken") == ("question", "one of: kept, broken")
    assert worded(make.task(), "short")[0] == "prompt"


async def test_a_worker_says_what_its_messages_are_made_of(make: Any) -> None:
    """The egress log can tell the chunk from the instruction, and both from the program's own
    words.
    """
    seen: list[ChatRequest] = []

    def reply(request: ChatRequest) -> Completion:
        seen.append(request)
        usage = Usage(input_tokens=1, output_tokens=1)
        return Completion(text="yes", finish_reason="stop", usage=usage, first_token={"yes": -0.1})

    await Extractor(ScriptedModel(reply)).run(make.job("It was 12.", instruction="What was it?"))
    assert len(seen) == 2
    for request in seen:
        system, user = request.messages
        assert system.parts == (("prompt", load("system")),)
        passage, _, *tail = user.parts
        assert passage == ("passage", "Passage from report.txt\n1: It was 12.")
        assert ("question", "What was it?") in tail
        assert "".join(text for _, text in user.parts) == user.content
