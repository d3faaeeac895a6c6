"""The chat, as a user asks for it: the process, its output, its exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import LoopbackServer, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = "How tall is the lighthouse at Skerrow?"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
MINION = ("--protocol", "minion")


@pytest.fixture
def planner(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """A planner that writes one message, and answers from what its reader found."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-test")
    answer = {"answer": "41 metres", "findings": ["f1"], "confidence": 0.9, "message": None}
    rules = [
        Rule(contains="You question a weak local reader", reply={"message": QUESTION}),
        Rule(contains="Answer the question from the findings only", reply=answer),
    ]
    with LoopbackServer(rules=rules, models=("planner",), api_key="key-of-the-test") as server:
        yield server


def test_ask(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer, worker: LoopbackServer
) -> None:
    """Answer and citation on stdout, the bill on stderr; one request to the worker, two to the cloud, all on record."""
    ended = minions("ask", QUESTION, guide, *crew, *MINION)
    assert (ended.code, ended.out.splitlines()[0]) == (0, "41 metres"), ended.err
    assert SENTENCE in ended.out
    rows = {row["key"]: row for row in minions("ledger", "--by", "role", "--json").json}
    assert (rows["planner"]["calls"], rows["worker"]["calls"]) == (2, 1)
    assert rows["worker"]["input_tokens"] == sum(usage.input_tokens for usage in worker.usages)
    sent = minions("egress", "last").out.encode()
    assert sent == b"".join(request.body + b"\n" for request in planner.requests)
    assert b"Nothing here stands by the sea" not in sent
    assert minions("show", "last", "--json").json["protocol"] == "minion"


def test_batch(minions: Any, guide: Path, crew: Any, planner: LoopbackServer) -> None:
    """A line in, a line out, and nothing is asked twice."""
    minions.write("in.jsonl", json.dumps({"id": "height", "question": QUESTION}) + "\n")
    command = ("batch", "in.jsonl", guide, "-o", "out.jsonl", *crew, *MINION)
    for _ in range(2):
        ended = minions(*command)
        assert ended.code == 0, ended.err
    (line,) = (minions.folder / "out.jsonl").read_text().splitlines()
    assert (json.loads(line)["id"], json.loads(line)["answer"]) == ("height", "41 metres")
    assert len(planner.requests) == 2


def test_eval(minions: Any, guide: Path, crew: Any) -> None:
    """It is compared like any other, and its evidence is followed."""
    example = {
        "id": "height",
        "question": QUESTION,
        "answer": "41 metres",
        "documents": ["guide.md"],
    }
    dataset = minions.write("lights.jsonl", json.dumps(example) + "\n")
    ended = minions("eval", dataset, "--docs", guide, *crew, *MINION, "--json")
    assert ended.code == 0, ended.err
    (outcome,) = ended.json["outcomes"]["minion"]
    assert (outcome["score"], outcome["evidence_read"], outcome["evidence_cited"]) == (
        1.0,
        True,
        True,
    )


def test_a_local_chat_needs_no_cloud(minions: Any, guide: Path, worker: LoopbackServer) -> None:
    """With planner local the worker's model writes phrases, reads, and decides; nothing leaves the device."""
    minions.write("worker.json", json.dumps({"rules": LOCAL}))
    how = ("--planner", "local", "--worker", "scripted:worker.json", *MINION)
    ended = minions("ask", QUESTION, guide, *how)
    assert (ended.code, ended.out.splitlines()[0]) == (0, "41 metres"), ended.err
    assert minions("egress", "last").out == ""
    assert worker.requests == []


LOCAL = [
    {"contains": "You help to search documents", "reply": {"search": ["lighthouse tall"]}},
    {"contains": "Message: ", "reply": {"lines": [2], "answer": "41 metres"}},
    {"contains": "Findings:", "reply": {"findings": ["f1"], "answer": "41 metres"}},
]
