"""Whether the chunks that hold the evidence are among those that would be read.

Run it with ``python tests/benchmarks/measure_recall.py DATA``, a folder of development sets. Asked with the bare
question, and with its sentences and quoted phrases besides.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from minions.corpus.index import Index
from minions.evals.dataset import read_dataset
from minions.evals.evaluate import unpacked
from minions.evals.losses import gold_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.evals.dataset import Example
    from minions.ports import Corpus

DEPTHS = (4, 8, 10, 20)
SETS = ("passages", "contracts", "papers", "covid_papers", "altered_facts")


def phrases(question: str) -> list[str]:
    """The question, its sentences, and what it quotes."""
    return [question, *re.split(r"(?<=[.?!])\s+", question), *re.findall(r'"([^"]+)"', question)]


def reached(example: Example, corpus: Corpus, gold: set[str], searched: Sequence[str]) -> list[bool]:
    """For each depth, whether a chunk with the evidence is among so many."""
    ids = corpus.contents.select(example.documents).ids if example.documents else None
    found = [chunk.id in gold for chunk in corpus.search(searched, documents=ids, limit=DEPTHS[-1])]
    return [any(found[:depth]) for depth in DEPTHS]


def measure(name: str, data: Path, scratch: Path) -> None:
    """Print two lines: bare, and divided."""
    listed = data / name / "documents.jsonl"
    documents = unpacked(listed, scratch / "documents") if listed.exists() else data / name / "docs"
    with Index.open(scratch / "index.sqlite3") as index:
        corpus, _ = index.update([documents])
        examples = [one for one in read_dataset(data / name / "questions.jsonl") if one.kind != "yesno"]
        gold = {one.id: {chunk.id for chunk in gold_chunks(one, corpus)} for one in examples}
        known = [one for one in examples if gold[one.id]]
        for label, divide in (("bare", lambda question: [question]), ("divided", phrases)):
            rows = [reached(one, corpus, gold[one.id], divide(one.question)) for one in known]
            columns = zip(DEPTHS, zip(*rows, strict=True), strict=True)
            counts = ", ".join(f"@{depth} {sum(column)}" for depth, column in columns)
            print(f"{name}, {label}: {counts} of {len(known)}", flush=True)  # noqa: T201 - a script


def main(arguments: Sequence[str]) -> None:
    """Measure each set that is there."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for name in SETS:
        if (Path(arguments[0]) / name).is_dir():
            with tempfile.TemporaryDirectory() as scratch:
                measure(name, Path(arguments[0]), Path(scratch))


if __name__ == "__main__":
    main(sys.argv[1:])
