"""What goes up in a one-round run before any finding, by protocol, counted with a real vocabulary or with our estimate.

python tests/benchmarks/measure_prompt.py [URL]

URL is a llama.cpp server (its ``/tokenize`` is used); without it, `minions.text.tokens` estimates. Counted are both
system texts, both JSON schemas, and what the planner writes around nothing found: the card of a one-document corpus
with an outline, and a question of 30 tokens, twice. Chat templates add a few tokens a message.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from minions.privacy.card import describe
from minions.testing import ScriptedModel
from minions.text.tokens import estimate_tokens
from minions.values.documents import DocumentFacts, Heading
from minions.values.findings import Digest
from minions.values.plans import History
from minions_planners.chat import ChatPlanner
from minions_planners.cloud import CloudPlanner

if TYPE_CHECKING:
    from minions.ports import Planner

QUESTION = (
    "What was the company's total revenue from container handling in the fiscal year 2022, "
    "and how does it compare with the year before?"
)


def count(url: str | None, text: str) -> int:
    """Tokens of a text in the server's vocabulary, or about how many."""
    if url is None:
        return estimate_tokens(text)
    body = json.dumps({"content": text}).encode()
    with urlopen(Request(f"{url}/tokenize", body, {"content-type": "application/json"})) as reply:  # noqa: S310
        return len(json.load(reply)["tokens"])


async def main(url: str | None) -> None:
    """Print each part, and the sums: of the first call, and of the second, which a further round costs again."""
    outline = tuple(
        Heading(level=1, text=f"Section {n} of the annual report", start=n) for n in range(40)
    )
    facts = DocumentFacts(
        id="a",
        path="annual_report_2022.pdf",
        title="Annual report",
        tokens=52_000,
        chunks=120,
        pages=88,
        outline=outline,
    )
    model = ScriptedModel([{"tasks": []}, {"answer": "12"}, {"message": "x"}, {"answer": "12"}])
    planners: dict[str, Planner] = {
        "minions": CloudPlanner(model, max_tasks=6),
        "minion": ChatPlanner(model, max_turns=4),
    }
    for protocol, planner in planners.items():
        await planner.plan(QUESTION, describe([facts], "findings"))
        await planner.decide(
            QUESTION, Digest(text="", findings=(), gist="", tokens=0), History(rounds_left=1)
        )
        for request in model.requests[-2:]:
            system, user = (message.content for message in request.messages)
            schema = json.dumps(request.json_schema, separators=(",", ":"))
            counts = {
                name: count(url, text)
                for name, text in (("system", system), ("schema", schema), ("user", user))
            }
            for name, tokens in (counts | {"together": sum(counts.values())}).items():
                print(f"{protocol:9}{request.schema_name:10}{name:9}{tokens:5}")  # noqa: T201 - a script's result


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
