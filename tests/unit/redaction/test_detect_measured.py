"""Recall and precision over the labelled set do not fall, and the project's own texts hold nothing to redact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minions.redaction.detector import detector
from minions_planners import schemas
from tests.benchmarks.redaction.measure_redaction import labelled, scores

ROOT = Path(__file__).parents[3]
PROMPTS = [
    *(ROOT / "planners" / "minions_planners" / "prompts").glob("*.txt"),
    *(ROOT / "workers" / "minions_workers" / "prompts").glob("*.txt"),
    *(ROOT / "minions" / "evals" / "prompts").glob("*.txt"),
]
SCAFFOLDING = [
    "t1 What was net revenue in 2022? (read 12 of 40 chunks; 3 found; answers differ: 12.4 million (f1, f4), 11 (f2))",
    "f1 12.4 million | report.pdf p.12, Results > Revenue: 2021 | 2022 / Net revenue 10.1 12.4 / Cost 3.0 4.1",
    "212 documents (1.2M tokens, 8812 pages): filing_#.txt (212); for example filing_1.txt, filing_2.txt",
    "see f1, f4\n(14 more left out)\nthe index's best lines, unread:",
]


@pytest.mark.parametrize(
    ("split", "recall", "precision"),
    [("dev", 0.97, 0.98), ("heldout", 0.94, 0.97)],
)
def test_the_labelled_values_are_found_and_little_else(
    split: str, recall: float, precision: float
) -> None:
    """Of what must stay at least so much stays, and of what is withheld at most so much was harmless."""
    snippets = [snippet for snippet in labelled() if snippet.split == split]
    measured = scores(snippets, detector())
    assert sum(not snippet.values for snippet in snippets) > len(snippets) / 3
    assert measured["all"].recall >= recall
    assert measured["all"].precision >= precision


@pytest.mark.parametrize("kind", ["EMAIL", "PHONE", "ACCOUNT", "CARD", "ID", "SECRET", "ADDRESS"])
def test_no_kind_is_left_behind(kind: str) -> None:
    """A good average does not hide one bad kind."""
    measured = scores(labelled(), detector())[kind]
    assert measured.values >= 30  # enough to say something
    assert measured.recall >= (0.93 if kind == "ADDRESS" else 0.95)
    assert measured.precision >= 0.95


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.name)
def test_no_prompt_holds_a_value(path: Path) -> None:
    """A placeholder in the instructions would be an instruction to nobody."""
    assert detector()(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        *SCAFFOLDING,
        json.dumps([value for name, value in sorted(vars(schemas).items()) if name.isupper()]),
    ],
)
def test_neither_schemas_nor_the_words_around_findings_hold_a_value(text: str) -> None:
    """The words that hold a request together are sent as they are."""
    assert detector()(text) == []
