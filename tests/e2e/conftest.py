"""The command line, against model servers on this machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import LoopbackServer, Rule
from minions.values.chat import Completion, Usage
from tests.command import Ended, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

QUESTION = "How tall is the lighthouse at Skerrow?"
ANSWER = "41 metres"
GUIDE = "# Lights of the coast\n\nThe lighthouse at Skerrow is 41 metres tall.\nAnna Reid built it in 1871.\n"
TASK = {
    "instruction": "How tall is the lighthouse at Skerrow?",
    "output": "text",
    "options": [],
    "documents": [],
    "search": ["lighthouse tall metres"],
    "unit": "chunk",
    "reduce": "collect",
}
DECISION = {"answer": ANSWER, "findings": ["f1"], "confidence": 0.9, "tasks": []}
PRICE = ("--price", "openai:planner=2/10")


class Commands:
    """Runs ``minions`` in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start a process, for tests about processes."""
        command = [sys.executable, "-m", "minions.cli.main", *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe, **options
        )

    def process(self, *arguments: str | Path, stdin: str = "") -> Ended:
        """Run a process to its end."""
        with self.start(*arguments) as process:
            out, err = process.communicate(stdin.encode(), timeout=50)
        return Ended(process.returncode, out.decode(), err.decode())

    def __call__(self, *arguments: str | Path, stdin: str = "") -> Ended:
        """Run a command in the test's process."""
        return run_command(*arguments, stdin=stdin)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def minions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The command line, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return Commands(folder)


@pytest.fixture
def guide(minions: Commands) -> Path:
    """A folder ``docs`` with the document that answers the question, and one that does not."""
    minions.write("docs/guide.md", GUIDE)
    minions.write(
        "docs/other.txt", "Revenue was 12 million in 2022.\nNothing here stands by the sea.\n"
    )
    return minions.folder / "docs"


def reading(request: ChatRequest) -> Completion:
    """A worker that reads well: it points at the line that holds the answer."""
    text = request.messages[-1].content
    line = next(
        (
            number
            for number, content in re.findall(r"^(\d+): (.*)$", text, re.MULTILINE)
            if ANSWER in content
        ),
        None,
    )
    usage = Usage(input_tokens=len(text) // 4, output_tokens=3)
    if request.first_token_candidates:
        odds = {"yes": -0.1, "no": -2.4} if line else {"yes": -4.0, "no": -0.02}
        return Completion(
            text="yes" if line else "no", finish_reason="stop", usage=usage, first_token=odds
        )
    found = {"lines": [int(line)] if line else [], "answer": ANSWER if line else None}
    return Completion(text=json.dumps(found), finish_reason="stop", usage=usage)


def planning(decision: dict[str, Any] = DECISION) -> list[Rule]:
    """The rules of a planner that asks for one task and then decides."""
    return [
        Rule(contains="You plan how", reply={"tasks": [TASK]}),
        Rule(contains="Answer the question from the findings only", reply=decision),
    ]


@pytest.fixture
def worker() -> Iterator[LoopbackServer]:
    """A server with a worker that reads well, under the name ``reader``."""
    with LoopbackServer(reading, models=("reader",)) as server:
        yield server


@pytest.fixture
def planner(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """A server with a planner under the name ``planner``, behind a key that the environment holds."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-test")
    with LoopbackServer(rules=planning(), models=("planner",), api_key="key-of-the-test") as server:
        yield server


@pytest.fixture
def crew(planner: LoopbackServer, worker: LoopbackServer) -> tuple[str, ...]:
    """Options that name both servers, and state the planner's price."""
    return (
        *("--planner", f"openai:planner@{planner.openai_url}", *PRICE),
        *("--worker", f"openai:reader@{worker.openai_url}"),
    )
