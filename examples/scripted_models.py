"""Test a program that uses minions without a model: a local server gives scripted replies.

It plays both planner and worker, and counts the requests it gets.

python examples/scripted_models.py
"""

import tempfile
from pathlib import Path

from minions import Minions
from minions.testing import LoopbackServer, Rule

PLAN = {"tasks": [{"instruction": "Find the opening hours.", "search": ["opening hours"]}]}
DECISION = {"answer": "9 to 17", "findings": ["f1"], "confidence": 0.9, "tasks": []}
RULES = [
    Rule(contains="Findings:", reply=DECISION),
    Rule(contains="Does this passage", first_token={"yes": -0.1, "no": -2.3}),
    Rule(contains="Reply with JSON. lines:", reply={"lines": [1], "answer": "9 to 17"}),
    Rule(contains="Question:", reply=PLAN),
]


def main() -> None:
    """Ask a question, and compare the calls in the ledger with the requests at the server."""
    with LoopbackServer(rules=RULES) as server, tempfile.TemporaryDirectory() as folder:
        Path(folder, "hours.txt").write_text("The opening hours are 9 to 17.\n", encoding="utf-8")
        planner, worker = (
            f"openai:planner@{server.openai_url}",
            f"openai:worker@{server.openai_url}",
        )
        with Minions(planner, worker, home=Path(folder, "home")) as minions:
            answer = minions.ask("When are you open?", Path(folder, "hours.txt"))
        calls = answer.usage.planner.calls + answer.usage.worker.calls
        print(answer.answer, "-", answer.citations[0].quote)
        print(f"{calls} calls in the ledger, {len(server.requests)} at the server")


if __name__ == "__main__":
    main()
