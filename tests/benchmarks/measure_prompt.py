"""What goes up in a one-round run before any finding, counted with a real vocabulary.

python tests/benchmarks/measure_prompt.py URL

URL is a llama.cpp server (its ``/tokenize`` is used). Counted are both system texts, both JSON schemas, the card of a
one-document corpus with an outline, and a question of 30 tokens, which goes up twice. Chat templates add a few tokens a
message.
"""

from __future__ import annotations

import json
import sys
from urllib.request import Request, urlopen

from minions.documents import DocumentFacts, Heading
from minions.privacy.card import describe
from minions_planners import schemas
from minions_planners.prompts import load

QUESTION = (
    "What was the company's total revenue from container handling in the fiscal year 2022, "
    "and how does it compare with the year before?"
)


def count(url: str, text: str) -> int:
    """Tokens of a text in the server's vocabulary."""
    body = json.dumps({"content": text}).encode()
    with urlopen(Request(f"{url}/tokenize", body, {"content-type": "application/json"})) as reply:  # noqa: S310
        return len(json.load(reply)["tokens"])


def main(url: str) -> None:
    """Print each part, and the sum."""
    outline = tuple(Heading(level=1, text=f"Section {n} of the annual report", start=n) for n in range(40))
    facts = DocumentFacts(
        id="a",
        path="annual_report_2022.pdf",
        title="Annual report",
        tokens=52_000,
        chunks=120,
        pages=88,
        outline=outline,
    )
    parts = {
        "plan: system text": load("plan"),
        "plan: schema": json.dumps(schemas.PLAN, separators=(",", ":")),
        "plan: card": describe([facts], "findings").text,
        "decision: system text": load("decide"),
        "decision: schema": json.dumps(schemas.DECISION, separators=(",", ":")),
        "question, twice": f"{QUESTION}\n{QUESTION}",
        "labels": "Documents: \nQuestion: \nQuestion: \nFindings:\n\nRounds left: 1",
    }
    counts = {name: count(url, text) for name, text in parts.items()}
    for name, tokens in (counts | {"together": sum(counts.values())}).items():
        print(f"{name:24}{tokens:5}")  # noqa: T201 - a script's result


if __name__ == "__main__":
    main(sys.argv[1])
