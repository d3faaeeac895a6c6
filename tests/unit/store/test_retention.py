"""Where no text may be kept, an answer on record is numbers and places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.store import Runs, Store
from minions.store.batches import Batches
from minions.store.retention import is_without_text, without_text
from minions.testing import FakeClock
from minions.values.answers import Answer, Calculation, Coverage, RoundSummary
from minions.values.documents import Unreadable
from minions.values.findings import Citation

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "the lamp burns whale oil"


def _answer(**changes: Any) -> Answer:
    citation = Citation(
        id="f1",
        document_id="d",
        path="a.md",
        page=2,
        start=3,
        end=27,
        quote=SECRET,
        status="exact",
        score=1.0,
    )
    values: dict[str, Any] = {
        "run_id": "r1",
        "question": "What does it burn?",
        "answer": SECRET,
        "confidence": 0.9,
        "stop_reason": "answered",
        "citations": (citation,),
        "calculations": (Calculation(expression=SECRET, result=SECRET),),
        "coverage": Coverage(
            documents=2, unreadable=(Unreadable(path="b.pdf", reason="empty file"),)
        ),
        "rounds": (RoundSummary(tasks=1, jobs=2, found=1),),
        "warnings": (f"the planner says: {SECRET}", "another"),
    }
    return Answer(**{**values, **changes})


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    with Store.memory() as opened:
        yield opened


def _start(runs: Runs, **changes: Any) -> None:
    using: dict[str, Any] = {
        "planner": "p",
        "worker": "w",
        "protocol": "minions",
        "policy": "findings",
        **changes,
    }
    runs.start("r1", question="What does it burn?", started_at="2026", **using)


def test_no_text_of_a_document_is_left_in_an_answer() -> None:
    """Words, quotes, arithmetic and warnings go; the question, spans, statuses, coverage and numbers stay."""
    bare = without_text(_answer())
    assert SECRET not in bare.model_dump_json()
    assert (bare.answer, bare.calculations) == (None, ())
    assert bare.warnings == ("warnings that were not kept: 2",)
    (citation,) = bare.citations
    assert (citation.quote, citation.path, citation.start, citation.end, citation.status) == (
        "",
        "a.md",
        3,
        27,
        "exact",
    )
    same = {
        "question",
        "confidence",
        "stop_reason",
        "coverage",
        "rounds",
        "usage",
        "egress",
        "elapsed_s",
    }
    assert bare.model_dump(include=same) == _answer().model_dump(include=same)
    assert is_without_text(bare)
    assert without_text(bare) == bare


def test_an_answer_that_had_no_words_is_not_one_that_lost_them() -> None:
    """No answer is no answer."""
    assert not is_without_text(without_text(_answer(answer=None, stop_reason="no_answer")))
    assert not is_without_text(_answer())


def test_runs_keep_no_text_where_none_is_to_be_kept(store: Store) -> None:
    """Neither while they run nor once they end."""
    runs = Runs(store, retain_text=False)
    _start(runs)
    for keep in (runs.save, runs.finish):
        keep(_answer())
        assert SECRET not in str([dict(row) for row in store.read("SELECT * FROM runs")])
    kept = runs.get("r1")
    assert (kept.question, kept.status) == ("What does it burn?", "answered")


def test_a_batch_keeps_an_answer_until_it_stands_in_the_output(store: Store) -> None:
    """A process that died before it wrote the line has it still; then its words go."""
    runs, batches = Runs(store, retain_text=False), Batches(store, FakeClock(), retain_text=False)
    _start(runs, item=("b1", "q1"))
    runs.finish(_answer())
    (left,) = batches.undelivered("b1")
    assert left.answer == _answer()
    batches.deliver("r1")
    assert runs.get("r1").answer == without_text(_answer())
    assert batches.undelivered("b1") == []
