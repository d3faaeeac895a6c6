"""Measures what docs/experiments.md reports on search.

Run it with ``python tests/benchmarks/measure_search.py DATA [tokenizer|size]``.
``DATA`` is a folder of development sets (``passages``, ``contracts``, ``covid_papers``, ``altered_facts``), each with
``questions.jsonl`` and ``docs/`` or ``documents.jsonl``. The query is the raw question.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from minions.corpus.fts import matcher
from minions.corpus.fts.schema import TOKENIZER, open_database
from minions.corpus.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minions.corpus.local import LocalCorpus

TOKENIZERS = (
    "unicode61 remove_diacritics 2",
    "porter unicode61 remove_diacritics 2",
    "trigram",
)
HEADS_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 5.0)
CHUNK_TOKENS = (300, 500, 800)
DEPTH = 10
NEEDLE_CHARS = 80


def write_passages(data: Path, folder: Path) -> Path:
    """Write each of the passages out as a file of its own; the folder they are in."""
    folder.mkdir(parents=True, exist_ok=True)
    for record in read_lines(data / "passages" / "documents.jsonl"):
        (folder / record["name"]).write_text(record["text"], encoding="utf-8")
    return folder


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main(arguments: Sequence[str]) -> None:
    """Print one line a variant and set."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    data, part = Path(arguments[0]), arguments[1] if len(arguments) > 1 else "all"
    with tempfile.TemporaryDirectory() as scratch:
        if part in {"tokenizer", "all"}:
            _measure_tokenizers(data, Path(scratch))
        if part in {"size", "all"}:
            _measure_sizes(data, Path(scratch))


def _measure_tokenizers(data: Path, scratch: Path) -> None:
    sets = {"passages": write_passages(data, scratch / "passages")}
    sets |= {name: data / name / "docs" for name in ("contracts", "covid_papers", "altered_facts")}
    for number, tokenizer in enumerate(TOKENIZERS):
        path = scratch / f"{number}.sqlite3"
        with Index(path, open_database(path, tokenizer=tokenizer)) as index:
            for name, folder in sets.items():
                corpus, _ = index.update([folder])
                for weight in HEADS_WEIGHTS:
                    matcher.HEADS_WEIGHT = weight  # type: ignore[misc]
                    _report(
                        f"{tokenizer.split()[0]:10} heads {weight:3} {name:14}", corpus, data / name
                    )
    matcher.HEADS_WEIGHT = 2.0  # type: ignore[misc]


def _measure_sizes(data: Path, scratch: Path) -> None:
    for tokens in CHUNK_TOKENS:
        path = scratch / f"size-{tokens}.sqlite3"
        with Index(path, open_database(path, tokenizer=TOKENIZER)) as index:
            for name in ("contracts", "covid_papers", "altered_facts"):
                corpus, report = index.update([data / name / "docs"], chunk_tokens=tokens)
                mean = report.tokens / report.chunks
                _report(f"size {tokens} (mean {mean:3.0f}) {name:14}", corpus, data / name)


def _report(label: str, corpus: LocalCorpus, folder: Path) -> None:
    ranks = list(_ranks(corpus, read_lines(folder / "questions.jsonl")))
    found = [
        sum(rank is not None and rank <= depth for rank in ranks) for depth in (1, 4, 8, DEPTH)
    ]
    mean = sum(1 / rank for rank in ranks if rank) / len(ranks)
    counts = "  ".join(
        f"@{depth} {count}/{len(ranks)}" for depth, count in zip((1, 4, 8, 10), found, strict=True)
    )
    print(f"{label} {counts}  MRR {mean:.3f}", flush=True)  # noqa: T201 - a script


def _ranks(corpus: LocalCorpus, questions: Sequence[dict[str, Any]]) -> Iterator[int | None]:
    """For each question the rank of the first chunk with its evidence, or its answer where no evidence is given."""
    ids = {Path(facts.path).name: facts.id for facts in corpus.documents}
    for question in questions:
        everywhere = question["documents"] == ["*"]
        scope = None if everywhere else [ids[name] for name in question["documents"]]
        found = corpus.search([question["question"]], documents=scope, limit=DEPTH)
        if everywhere:
            wanted = {ids[item["document"]] for item in question["evidence"]}
            hits = [chunk.document_id in wanted for chunk in found]
        else:
            needles = [_squeeze(needle) for needle in _needles(question)]
            texts = [_squeeze(chunk.text) for chunk in found]
            hits = [any(needle in text for needle in needles) for text in texts]
        yield hits.index(True) + 1 if True in hits else None


def _needles(question: dict[str, Any]) -> list[str]:
    """What shows that a chunk holds the answer: its forms, each cut to what a chunk border rarely divides."""
    answer = question["answer"]
    return [form[:NEEDLE_CHARS] for form in (answer if isinstance(answer, list) else [answer])]


def _squeeze(text: str) -> str:
    """Text as it is compared: no difference of white space and case."""
    return " ".join(text.split()).lower()


if __name__ == "__main__":
    main(sys.argv[1:])
