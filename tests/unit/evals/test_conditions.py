"""A folder of answers is never mixed up: what was asked otherwise is refused, and no column reads for another."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.errors import UsageError
from minions.testing import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
QUESTION = {
    "id": "q1",
    "question": "How tall is it?",
    "answer": "41 metres",
    "documents": ["guide.txt"],
}
TASK = {"instruction": "State its height."}


class Device:
    """Plans, reads and decides; ``decides`` is what it says in the end, ``read`` how often it was asked to read."""

    def __init__(self) -> None:
        self.decides: Any = {
            "answer": "41 metres",
            "findings": ["f1"],
            "confidence": 0.9,
            "tasks": [],
        }
        self.read = 0

    def __call__(self, request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if "Findings:" in text or "Question:" in text:
            return self.decides if "Findings:" in text else {"tasks": [TASK]}
        self.read += 1
        line = re.search(r"^(\d+): .*41 metres", text, re.MULTILINE)
        return {"lines": [int(line[1])] if line else [], "answer": "41 metres" if line else None}


@pytest.fixture
def device() -> Device:
    """What answers all calls."""
    return Device()


@pytest.fixture
def server(device: Device) -> Iterator[LoopbackServer]:
    """Where it answers."""
    with LoopbackServer(device) as server:
        yield server


@pytest.fixture
def minions(server: LoopbackServer) -> Iterator[Minions]:
    """The API over the server."""
    url = server.openai_url
    with Minions(
        f"openai:planner@{url}", f"openai:reader@{url}", openai_api_key="key", attempts=1
    ) as instance:
        yield instance


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Path]:
    """A data set of one question, its document, and the folder of its answers."""
    documents = tmp_path / "docs"
    documents.mkdir()
    (documents / "guide.txt").write_text(f"{SENTENCE}\n")
    (tmp_path / "lights.jsonl").write_text(json.dumps(QUESTION))
    return {
        "dataset": tmp_path / "lights.jsonl",
        "documents": documents,
        "output": tmp_path / "kept",
    }


def plan(asked: dict[str, Path], instruction: str) -> Path:
    """A file with a plan for the question."""
    path = asked["dataset"].with_name("plans.jsonl")
    path.write_text(json.dumps({"id": "q1", "tasks": [{"instruction": instruction}]}))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_rounds": 1}, "max_rounds was 2, and is 1"),
        ({"planner": "local"}, "planner was openai:planner, and is local"),
        ({"chunk_tokens": 100}, "chunk_tokens was None, and is 100"),
        ({"plans": "State it."}, "the plan of q1 has changed"),
    ],
)
def test_other_settings_than_the_answers_are_refused(
    minions: Minions, asked: Any, server: LoopbackServer, changes: dict[str, Any], words: str
) -> None:
    """Told with the name of what changed, before anything is asked; another folder takes them."""
    minions.evaluate(**asked)
    before = len(server.requests)
    if "plans" in changes:
        changes = {"plans": plan(asked, changes["plans"])}
    with pytest.raises(UsageError, match=words) as refused:
        minions.evaluate(**asked, **changes)
    assert len(server.requests) == before
    assert "minions.jsonl" in str(refused.value.hint)
    other = {**asked, "output": asked["output"].with_name("other")}
    assert minions.evaluate(**other, **changes).outcomes["minions"][0].score == 1
    assert len(server.requests) > before


def test_the_users_own_words_are_not_written_into_the_folder(minions: Minions, asked: Any) -> None:
    """Words that must stay are told apart by a digest: the same list goes on, another is refused."""
    minions.evaluate(**asked, redact_words=("Project Heron",))
    written = "".join(path.read_text() for path in asked["output"].rglob("*") if path.is_file())
    assert "Heron" not in written
    minions.evaluate(**asked, redact_words=("Project Heron",))
    with pytest.raises(UsageError, match="redact_words"):
        minions.evaluate(**asked, redact_words=("Project Kite",))


def test_what_changes_no_answer_is_not_refused(
    minions: Minions, asked: Any, server: LoopbackServer
) -> None:
    """Limits, speed, protocols beside it and another wording of the known answer: the answers are scored as before."""
    minions.evaluate(**asked)
    before = len(server.requests)
    changes: dict[str, Any] = {
        "max_cloud_tokens": 10**6,
        "concurrency": 1,
        "rag_chunks": 3,
        "limit": 1,
        "timeout_s": 600,
        "window": 2,
        "retain_text": True,
    }
    asked["dataset"].write_text(json.dumps(QUESTION | {"answer": "42 metres"}))
    (outcome,) = minions.evaluate(**asked, **changes, retry_errors=True).outcomes["minions"]
    assert (outcome.expected, len(server.requests)) == (("42 metres",), before)


@pytest.mark.parametrize(
    "changes", [{"question": "How high is it?"}, {"documents": ["*"]}, {"choices": ["41 metres"]}]
)
def test_an_edited_question_is_not_the_one_that_was_answered(
    minions: Minions, asked: Any, changes: dict[str, Any]
) -> None:
    """Its words and documents count. One that was not asked yet may be added and edited."""
    minions.evaluate(**asked)
    later = QUESTION | {"id": "q2", "question": "How old?"}
    asked["dataset"].write_text(f"{json.dumps(QUESTION)}\n{json.dumps(later)}\n")
    minions.evaluate(**asked, limit=1)
    asked["dataset"].write_text(f"{json.dumps(QUESTION)}\n{json.dumps(later | changes)}\n")
    minions.evaluate(**asked)
    asked["dataset"].write_text(json.dumps(QUESTION | changes))
    with pytest.raises(UsageError, match="the question of q1 has changed"):
        minions.evaluate(**asked)


def test_answers_without_conditions_are_taken_as_they_are(
    minions: Minions, asked: Any, server: LoopbackServer
) -> None:
    """As of an evaluation of before; a file of them that cannot be read is refused."""
    minions.evaluate(**asked)
    before = len(server.requests)
    conditions = asked["output"] / "minions.settings.json"
    conditions.unlink()
    minions.evaluate(**asked, max_rounds=1)
    assert len(server.requests) == before
    conditions.write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        minions.evaluate(**asked)


def test_every_column_pays_for_its_own_reading(minions: Minions, asked: Any) -> None:
    """The same tasks on the same passages: the second is not found read by the first, nor is another evaluation."""
    columns: dict[str, Any] = {"plans": plan(asked, "State it."), "protocols": ("minions", "local")}
    outcomes = minions.evaluate(**asked, **columns).outcomes
    again = minions.evaluate(
        **{**asked, "output": asked["output"].with_name("other")}, **columns
    ).outcomes
    first, second = (each["minions"][0].local_input_tokens for each in (outcomes, again))
    assert first == second > 0
    assert outcomes["local"][0].local_input_tokens > first  # it decides on the device, too


def test_a_column_keeps_what_it_read(minions: Minions, asked: Any, device: Device) -> None:
    """What was read before a question failed is not read again; answers that were deleted are read for anew."""
    said, device.decides = device.decides, "riddle"
    assert minions.evaluate(**asked).outcomes["minions"][0].error is not None
    device.decides, read = said, device.read
    (outcome,) = minions.evaluate(**asked, retry_errors=True).outcomes["minions"]
    assert (outcome.score, device.read) == (1, read)
    (asked["output"] / "minions.jsonl").unlink()
    minions.evaluate(**asked)
    assert device.read == 2 * read
