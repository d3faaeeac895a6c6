"""What goes up in a one-round run before any finding, by protocol, counted with a real vocabulary or with our estimate.

python tests/benchmarks/measure_prompt.py [URL]

URL is a llama.cpp server (its ``/tokenize`` is used); without it, `minions.tokens` estimates. Counted are both system
texts, both JSON schemas, the card of a one-document corpus with an outline, and a question of 30 tokens, which goes up
twice. Chat templates add a few tokens a message.
"""

from __future__ import annotations

import json
import sys
from urllib.request import Request, urlopen

from minions.documents import DocumentFacts, Heading
from minions.privacy.card import describe
from minions.tokens import estimate_tokens
from minions_planners import schemas
from minions_planners.prompts import load

QUESTION = (
    "What was the company's total revenue from container handling in the fiscal year 2022, "
    "and how does it compare with the year before?"
)
CALLS = {
    "minions": (("plan", schemas.PLAN), ("decide", schemas.DECISION)),
    "minion": (("message", schemas.MESSAGE), ("reply", schemas.reply(last=False))),
}
LABELS = ("Documents: \nQuestion: ", "Question: \nFindings:\n\nRounds left: 1")


def count(url: str | None, text: str) -> int:
    """Tokens of a text in the server's vocabulary, or about how many."""
    if url is None:
        return estimate_tokens(text)
    body = json.dumps({"content": text}).encode()
    with urlopen(Request(f"{url}/tokenize", body, {"content-type": "application/json"})) as reply:  # noqa: S310
        return len(json.load(reply)["tokens"])


def main(url: str | None) -> None:
    """Print each part, and the sums: of the first call, and of the second, which a further round costs again."""
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
    cards = (describe([facts], "findings").text, "")
    for protocol, calls in CALLS.items():
        for (prompt, schema), card, labels in zip(calls, cards, LABELS, strict=True):
            parts = {
                "system text": load(prompt),
                "schema": json.dumps(schema, separators=(",", ":")),
                "card": card,
                "question": QUESTION,
                "labels": labels,
            }
            counts = {name: count(url, text) for name, text in parts.items()}
            for name, tokens in (counts | {"together": sum(counts.values())}).items():
                print(f"{protocol:9}{prompt:9}{name:13}{tokens:5}")  # noqa: T201 - a script's result


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
