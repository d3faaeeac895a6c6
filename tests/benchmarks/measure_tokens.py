"""Measures the token estimate against a real vocabulary, as docs/experiments.md reports it.

Run it with ``python tests/benchmarks/measure_tokens.py DATA URL``: ``DATA`` is the folder of development sets,
``URL`` a llama.cpp server, whose ``/tokenize`` counts. Prints for each kind of text the error over all, and the range.
"""

from __future__ import annotations

import json
import random
import sys
import sysconfig
import urllib.request
from pathlib import Path

from minions.corpus.readers import read_document
from minions.text.tokens import estimate_tokens

PIECES = 40
PIECE_CHARS = (400, 1500, 3000)


def main(data: Path, url: str) -> None:
    """Print one line a kind of text."""
    chance = random.Random(1)  # noqa: S311 - samples, not secrets
    for kind, texts in _kinds(data).items():
        pieces = [_piece(chance, chance.choice(texts)) for _ in range(PIECES)]
        counted = [_count(piece, url) for piece in pieces]
        estimated = [estimate_tokens(piece) for piece in pieces]
        errors = sorted(guess / count - 1 for guess, count in zip(estimated, counted, strict=True))
        total = sum(estimated) / sum(counted) - 1
        print(f"{kind:16} {total:+.1%}  pieces {errors[0]:+.0%} to {errors[-1]:+.0%}", flush=True)  # noqa: T201 - a script


def _kinds(data: Path) -> dict[str, list[str]]:
    kinds = {}
    for name in (
        "covid_papers",
        "papers",
        "reviews_counts",
        "altered_facts",
        "contracts",
        "filings",
        "papers_pdf",
    ):
        kinds[name] = [
            read_document(path).text for path in sorted((data / name / "docs").iterdir())
        ]
    rows = "\n".join(
        line
        for text in kinds["filings"]
        for line in text.split("\n")
        if sum(map(str.isdigit, line)) > 5
    )
    kinds["table rows"] = [rows]
    kinds["JSONL"] = [(data / "passages" / "documents.jsonl").read_text(encoding="utf-8")[:400_000]]
    library = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[::4]
    kinds["Python"] = [path.read_text(encoding="utf-8") for path in library]
    return kinds


def _piece(chance: random.Random, text: str) -> str:
    size = chance.choice(PIECE_CHARS)
    start = chance.randrange(max(1, len(text) - size))
    return text[start : start + size]


def _count(text: str, url: str) -> int:
    body = json.dumps({"content": text}).encode()
    request = urllib.request.Request(f"{url}/tokenize", body, {"content-type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - the URL is the caller's
        return len(json.load(reply)["tokens"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
