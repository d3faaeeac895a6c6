"""Ask the installed command a question offline, with scripted models; check answer and citation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LINE = "The north quay handled 28.4 container moves per hour in 2023."
DOCUMENT = f"# Quays\n\nThe harbour has two quays.\n\n{LINE}\n\nThe south quay was closed.\n"
QUESTION = "How many container moves per hour did the north quay reach in 2023?"
TASK = {
    "instruction": QUESTION,
    "output": "number",
    "options": [],
    "documents": [],
    "search": ["container moves per hour"],
    "unit": "chunk",
    "reduce": "collect",
}
PLANNER = {
    "rules": [
        {
            "contains": "Findings:",
            "reply": {
                "answer": "28.4 moves per hour",
                "findings": ["f1"],
                "confidence": 0.9,
                "tasks": [],
            },
        }
    ],
    "default": {"tasks": [TASK]},
}
WORKER = {
    "rules": [{"matches": "Answer yes or no", "first_token": {"yes": -0.05, "no": -3.0}}],
    "default": {"lines": [3], "answer": "28.4"},
}


def ask() -> dict[str, Any]:
    """The object that ``minions ask --json`` prints."""
    Path("quays.md").write_text(DOCUMENT, "utf-8")
    Path("planner.json").write_text(json.dumps(PLANNER), "utf-8")
    Path("worker.json").write_text(json.dumps(WORKER), "utf-8")
    models = ["--planner", "scripted:planner.json", "--worker", "scripted:worker.json"]
    done = minions("ask", QUESTION, "quays.md", *models, "--json")
    Path("result.json").write_text(done, "utf-8")
    result: dict[str, Any] = json.loads(done)
    return result


def minions(*arguments: str) -> str:
    """What the command prints; its own messages and its exit code are passed on when it fails."""
    done = subprocess.run(["minions", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        sys.stderr.write(
            f"minions {arguments[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
        sys.exit(1)
    return done.stdout


def check(result: dict[str, Any]) -> None:
    """The answer is the planner's, and its citation is the document's own text at its offsets."""
    wrong = []
    if result["schema"] != "minions/1" or "28.4" not in (result["answer"] or ""):
        wrong.append("answer")
    cited = [DOCUMENT[citation["start"] : citation["end"]] for citation in result["citations"]]
    if not any(LINE in text for text in cited) or cited != [
        citation["quote"] for citation in result["citations"]
    ]:
        wrong.append("citations")
    if result["usage"]["planner"]["calls"] != 2:  # noqa: PLR2004  (plan and decide)
        wrong.append("planner calls")
    if wrong:
        sys.exit(f"wrong: {', '.join(wrong)}\n{json.dumps(result, indent=2)}")


if __name__ == "__main__":
    check(ask())
    minions("verify", "result.json")
    sys.stdout.write("an offline ask answered, and its citation stands\n")
