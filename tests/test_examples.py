"""Every example runs, offline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minions.testing import LoopbackServer, Rule

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
QUESTION = "How many moves per hour did the north quay reach?"
RULES = [
    Rule(
        contains="Findings:",
        reply={"answer": "31.6", "findings": ["f1"], "confidence": 0.9, "tasks": []},
    ),
    Rule(contains="Does this passage", first_token={"yes": -0.1, "no": -2.3}),
    Rule(contains="Reply with JSON. lines:", reply={"lines": [1], "answer": "31.6"}),
    Rule(
        contains="Question:",
        reply={"tasks": [{"instruction": QUESTION, "search": ["moves per hour"]}]},
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_as_its_docstring_says(example: Path, tmp_path: Path) -> None:
    """A newcomer who runs it gets what it promises: here with scripted models where the environment says."""
    (tmp_path / "quays.txt").write_text(
        "The north quay reached 31.6 moves per hour.\n", encoding="utf-8"
    )
    with LoopbackServer(rules=RULES) as server:
        environment = {
            **os.environ,
            "MINIONS_PLANNER": "openai:planner",
            "MINIONS_WORKER": "ollama:worker",
            "OPENAI_BASE_URL": server.openai_url,
            "OLLAMA_HOST": server.url,
        }
        done = subprocess.run(
            [sys.executable, str(example), QUESTION, "quays.txt"],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=tmp_path,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert "31.6" in done.stdout or "9 to 17" in done.stdout
