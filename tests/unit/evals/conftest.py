"""Answers with citations, and a small corpus to follow evidence in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.corpus.index import Index
from minions.values.answers import Answer
from minions.values.findings import Citation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.corpus.port import Corpus

FILLER = "Nothing of note is said on this line about ships and quays.\n"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall.\n"
GUIDE = FILLER * 30 + SENTENCE + FILLER * 30
CUT = "The keeper of the light was paid in whale oil until the railway came to the island in spring"


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    """``guide.txt`` says in its middle how tall the lighthouse is; ``other.txt`` does not; both have several chunks."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "guide.txt").write_text(GUIDE)
    (folder / "other.txt").write_text(FILLER.replace("note", "use") * 40)
    with Index.open(tmp_path / "index.sqlite3") as index:
        yield index.update([folder], chunk_tokens=100)[0]


def make_answer(*citations: Citation, answer: str | None = "41 metres", **changes: Any) -> Answer:
    values = {
        "run_id": "r",
        "question": "?",
        "answer": answer,
        "confidence": 1.0,
        "stop_reason": "answered",
    }
    return Answer(**{**values, **changes}, citations=citations)


def make_citation(corpus: Corpus, document: str, start: int, end: int) -> Citation:
    return Citation(
        id="f1",
        document_id=document,
        path="guide.txt",
        page=None,
        start=start,
        end=end,
        quote=corpus.text(document)[start:end],
        status="exact",
        score=1.0,
    )


class Made:
    """The makers, as one fixture."""

    answer = staticmethod(make_answer)
    citation = staticmethod(make_citation)


@pytest.fixture
def made() -> Made:
    """Makers of answers and citations."""
    return Made()
