"""Estimate of a batch: the sum of the questions that it would ask, each over its own documents."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.batch.estimate import BatchEstimate

REMOTE: dict[str, Any] = {"protocol": "remote", "policy": "open"}


@pytest.fixture
def minions() -> Iterator[Minions]:
    """The API with models that nobody calls."""
    models: Any = {"planner": "openai:p", "worker": "ollama:w", "prices": ("openai:p=2/10",)}
    with Minions(**models, openai_api_key="k") as instance:
        yield instance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A short document and a long one."""
    (tmp_path / "docs").mkdir()
    for name, times in (("short", 10), ("long", 400)):
        (tmp_path / "docs" / f"{name}.txt").write_text(
            f"The {name} one tells of lighthouses.\n\n" * times
        )
    return tmp_path


def ask(id_: str, *documents: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "question": "How tall is it?", "documents": list(documents), **more}


def estimate(
    minions: Minions, folder: Path, *questions: dict[str, Any], **options: Any
) -> BatchEstimate:
    source = folder / "in.jsonl"
    source.write_text("\n".join(map(json.dumps, questions)))
    return minions.estimate_batch(source, folder / "docs", **options)


def test_each_question_is_over_its_own_documents(minions: Minions, folder: Path) -> None:
    """Documents that are sent whole cost their own tokens; the sum is that of the questions alone."""
    short, long = (
        estimate(minions, folder, ask("a", f"{name}.txt"), **REMOTE) for name in ("short", "long")
    )
    both = estimate(
        minions,
        folder,
        ask("a", "short.txt"),
        ask("b", "long.txt"),
        ask("c", "short.txt"),
        **REMOTE,
    )
    assert short.typical_usd is not None
    assert long.typical_usd is not None
    assert long.typical_usd > 5 * short.typical_usd
    assert both.typical_usd == 2 * short.typical_usd + long.typical_usd
    assert (both.left, both.one) == (3, short.one)


def test_documents_that_are_not_there_cannot_be_asked(minions: Minions, folder: Path) -> None:
    """Such a question will be a record with an error, and costs nothing."""
    alone = estimate(minions, folder, ask("a", "short.txt"))
    estimated = estimate(minions, folder, ask("a", "short.txt"), ask("b", "gone.txt"))
    assert (estimated.left, estimated.bad_lines, estimated.total) == (1, 1, 2)
    assert estimated.typical_usd == alone.typical_usd


def test_a_question_may_have_more_rounds(minions: Minions, folder: Path) -> None:
    """Its most is another than the batch's."""
    usual, more = (estimate(minions, folder, ask("a", max_rounds=rounds)) for rounds in (None, 5))
    assert usual.one is not None
    assert more.one is not None
    assert (usual.one.upper.rounds, more.one.upper.rounds) == (2, 5)


def test_what_failed_is_counted_where_it_is_asked_again(minions: Minions, folder: Path) -> None:
    """As the batch itself takes them: what is done is not asked, what a budget stopped is, errors when told to."""
    questions = [ask("done"), ask("failed"), ask("late"), ask("stopped"), ask("new")]
    ends: dict[str, dict[str, Any]] = {
        "done": {"stop_reason": "answered"},
        "failed": {"stop_reason": "error", "error": {}},
        "late": {"stop_reason": "timeout"},
        "stopped": {"stop_reason": "budget"},
    }
    output = folder / "out.jsonl"
    output.write_text("".join(f"{json.dumps({'id': id_, **end})}\n" for id_, end in ends.items()))
    assert estimate(minions, folder, *questions, output=output).left == 2
    assert estimate(minions, folder, *questions, output=output, retry_errors=True).left == 4


def test_nothing_left_takes_nothing(minions: Minions, folder: Path) -> None:
    """No question, no money, and none to show."""
    output = folder / "out.jsonl"
    output.write_text('{"id": "a", "stop_reason": "answered"}\n')
    estimated = estimate(minions, folder, ask("a"), output=output)
    assert (estimated.left, estimated.minutes, estimated.typical_usd) == (0, 0.0, Decimal(0))
    assert estimated.one is None


def test_an_unknown_price_is_unknown(minions: Minions, folder: Path) -> None:
    """It is not left out of a sum."""
    estimated = estimate(minions, folder, ask("a", "short.txt"), ask("b", "long.txt"), prices=())
    assert (estimated.left, estimated.typical_usd, estimated.upper_usd) == (2, None, None)
