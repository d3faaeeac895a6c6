"""A small register, and a planner and a worker that answer from it as well as can be, over loopback."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.models.usage import estimated_usage
from minions.testing import LoopbackServer
from minions.values.chat import Completion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

RECORDS = 4
_ITEM = re.compile(r"item (\d+)")
_FINDING = re.compile(r"^(f\d+) .*?C-(\d+)", re.MULTILINE)


class Register:
    """Plays both roles. Documents ``record_N.txt`` say that item N has the code C-N.

    ``search``: the planner's phrases, empty to have every document read; ``instruction``: the one task of every
    question, None for a task about the question's item. A question with ``garbage`` in it is never understood.
    """

    def __init__(self) -> None:
        self.search = True
        self.instruction: str | None = None
        self.seen: list[str] = []  # "plan", "decide", "look N" and "read N", in their order
        self.on_decision: Any = lambda: None

    def __call__(self, request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if "Question:" in text:
            return self._decision(request) if "Findings:" in text else self._plan(text)
        passage = _ITEM.search(text)
        asked = text.rpartition("\n\n")[2]
        place = passage[1] if passage else "?"
        wanted = _ITEM.search(asked)
        found = wanted is None or wanted[1] == place
        if request.first_token_candidates:
            self.seen.append(f"look {place}")
            odds = {"yes": -0.1, "no": -2.4} if found else {"no": -0.02, "yes": -4.0}
            reply = max(odds, key=odds.__getitem__)
            usage = estimated_usage(request, reply)
            return Completion(text=reply, finish_reason="stop", usage=usage, first_token=odds)
        self.seen.append(f"read {place}")
        line = re.search(r"^(\d+): .*has the code", text, re.MULTILINE)
        return {
            "lines": [int(line[1])] if line and found else [],
            "answer": f"C-{place}" if found else None,
        }

    def _plan(self, text: str) -> Any:
        self.seen.append("plan")
        if "garbage" in text:
            return "I would rather not."
        item = _ITEM.search(text.rpartition("Question:")[2])
        number = item[1] if item else "0"
        search = [f"item {number} code"] if self.search else []
        return {
            "tasks": [
                {
                    "instruction": self.instruction or f"State the code of item {number}.",
                    "search": search,
                }
            ]
        }

    def _decision(self, request: ChatRequest) -> Any:
        self.seen.append("decide")
        self.on_decision()
        text = request.messages[-1].content
        asked = _ITEM.search(text)
        found = next(
            (match for match in _FINDING.finditer(text) if asked and match[2] == asked[1]), None
        )
        answer: Any = f"C-{found[2]}" if found else None
        if found and "total" in json.dumps(request.json_schema):
            answer = {"total": int(found[2])}
        return {
            "answer": answer,
            "findings": [found[1]] if found else [],
            "confidence": 0.9,
            "tasks": [],
        }


@pytest.fixture
def register() -> Register:
    """The script of both servers."""
    return Register()


@pytest.fixture
def cloud(register: Register) -> Iterator[LoopbackServer]:
    """The planner's endpoint."""
    with LoopbackServer(register, api_key="sk-right") as server:
        yield server


@pytest.fixture
def device(register: Register) -> Iterator[LoopbackServer]:
    """The worker's endpoint, with one slot."""
    with LoopbackServer(register, api_key="sk-right") as server:
        yield server


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A document an item."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(RECORDS):
        (folder / f"record_{number}.txt").write_text(
            f"In the register, item {number} has the code C-{number}.\n"
        )
    return folder


@pytest.fixture
def minions(
    cloud: LoopbackServer, device: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Minions]:
    """The API over both servers."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    planner, worker = f"openai:gpt-5.4@{cloud.openai_url}", f"openai:reader@{device.openai_url}"
    with Minions(planner=planner, worker=worker, attempts=1, concurrency=1) as instance:
        yield instance
