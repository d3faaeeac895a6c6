"""Many documents and many questions about them, and models that answer as well as can be, behind real servers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from minions.models.usage import estimated_usage
from minions.testing import LoopbackServer
from minions.values.chat import Completion
from tests.command import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

PLANNER_PRICE = "openai:planner=2/10"
_ITEM = re.compile(r"code of item (\d+)")
_FINDING = re.compile(r"^(f\d+) .*?C-(\d+)-(\w+)", re.MULTILINE)


def code_of(item: int) -> str:
    """What the documents say, which nobody could guess."""
    return f"C-{item}-{item * 7919 % 10007:x}"


def planning(request: ChatRequest) -> Completion:
    """A planner: one task a question, and the code in the finding that has it."""
    system, text = request.messages[0].content, request.messages[-1].content
    item = _ITEM.search(text)
    number = item[1] if item else "0"
    reply: dict[str, Any]
    if "You plan how" in system:
        task = {
            "instruction": f"What is the code of item {number}?",
            "search": [f"item {number} code"],
        }
        whole = {
            "output": "text",
            "options": [],
            "documents": [],
            "unit": "chunk",
            "reduce": "collect",
        }
        reply = {"tasks": [{**task, **whole}]}
    else:
        found = next((match for match in _FINDING.finditer(text) if match[2] == number), None)
        answer = f"C-{found[2]}-{found[3]}" if found else None
        reply = {
            "answer": answer,
            "findings": [found[1]] if found else [],
            "confidence": 0.9,
            "tasks": [],
        }
    return _completion(request, json.dumps(reply))


def reading(request: ChatRequest) -> Completion:
    """A worker: it points at the line that holds the item's code, and abstains where there is none."""
    text = request.messages[-1].content
    passage, _, asked = text.rpartition("\n\n")
    item = _ITEM.search(asked)
    line = (
        re.search(rf"^(\d+): .*\bitem {item[1]} has the code (\S+)\.", passage, re.MULTILINE)
        if item
        else None
    )
    if request.first_token_candidates:
        odds = {"yes": -0.1, "no": -2.4} if line else {"yes": -4.0, "no": -0.02}
        return _completion(request, "yes" if line else "no").model_copy(
            update={"first_token": odds}
        )
    return _completion(
        request,
        json.dumps(
            {"lines": [int(line[1])], "answer": line[2]} if line else {"lines": [], "answer": None}
        ),
    )


def _completion(request: ChatRequest, text: str) -> Completion:
    return Completion(text=text, finish_reason="stop", usage=estimated_usage(request, text))


@dataclass
class World:
    """A folder with ``documents`` and a file of ``questions``, and the servers that answer them."""

    folder: Path
    planner: LoopbackServer
    reader: LoopbackServer
    questions: int = 0
    reader_takes_s: float = 0.0

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def output(self) -> Path:
        return self.folder / "out.jsonl"

    def write(self, *, documents: int, questions: int) -> None:
        """Documents of one passage each, each with the code of one item; and a question for each of the first."""
        docs = self.folder / "docs"
        docs.mkdir()
        for item in range(documents):
            told = f"In the register, item {item} has the code {code_of(item)}."
            (docs / f"record_{item:05}.txt").write_text(
                f"# Record {item}\n\n{told}\nNothing else is known.\n"
            )
        asked = ((f"q{item}", f"What is the code of item {item}?") for item in range(questions))
        lines = [json.dumps({"id": id_, "question": question}) for id_, question in asked]
        (self.folder / "in.jsonl").write_text("\n".join(lines) + "\n")
        self.questions = questions

    def arguments(self, *options: str, output: str = "out.jsonl") -> list[str]:
        """The batch's command line."""
        planner = f"openai:planner@{self.planner.openai_url}"
        reader = f"openai:reader@{self.reader.openai_url}"
        models = ("--planner", planner, "--worker", reader, "--price", PLANNER_PRICE)
        return ["batch", "in.jsonl", "docs", "-o", output, *models, *options]

    def start(self, *options: str, output: str = "out.jsonl") -> subprocess.Popen[bytes]:
        """The batch as a process, for tests about processes."""
        return subprocess.Popen(
            [sys.executable, "-m", "minions.cli.main", *self.arguments(*options, output=output)],
            cwd=self.folder,
            env={**os.environ, "MINIONS_HOME": str(self.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *options: str) -> tuple[int, str]:
        """The batch to its end, in the test's process: its exit code, and what it said."""
        with contextlib.chdir(self.folder), patch.dict(os.environ, MINIONS_HOME=str(self.home)):
            ended = run_command(*self.arguments(*options))
        return ended.code, ended.err

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def answers(self) -> Counter[tuple[str, str | None]]:
        return Counter((record["id"], record["answer"]) for record in self.records())

    def expected(self) -> Counter[tuple[str, str | None]]:
        return Counter((f"q{item}", code_of(item)) for item in range(self.questions))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty world with its servers running."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-test")
    made: list[World] = []

    def unhurried(request: ChatRequest) -> Completion:
        time.sleep(made[0].reader_takes_s)
        return reading(request)

    with (
        LoopbackServer(planning, models=("planner",)) as planner,
        LoopbackServer(unhurried, models=("reader",), slots=4) as reader,
    ):
        made.append(World(tmp_path, planner, reader))
        yield made[0]
