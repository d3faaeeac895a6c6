"""What is on record, in Python: each command that shows or forgets it has its method."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from minions import Minions, UsageError
from minions.testing import LoopbackServer, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = "How tall is the lighthouse at Skerrow?"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
RULES = [
    Rule(
        contains="You plan how",
        reply={"tasks": [{"instruction": QUESTION, "search": ["lighthouse tall"]}]},
    ),
    Rule(
        contains="Findings:",
        reply={"answer": "41 metres", "findings": ["f1"], "confidence": 0.9, "tasks": []},
    ),
    Rule(contains="Answer yes or no", first_token={"yes": -0.1}),
]
LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def cloud() -> Iterator[LoopbackServer]:
    """A server for both roles."""
    with LoopbackServer(rules=RULES, default={"lines": [1], "answer": "41 metres"}) as server:
        yield server


@pytest.fixture
def minions(cloud: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Minions]:
    """A planner and a worker on this machine."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-test")
    with Minions(
        planner=f"openai:p@{cloud.openai_url}", worker=f"openai:w@{cloud.openai_url}"
    ) as made:
        yield made


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with the document that answers the question."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "guide.md").write_text(f"{SENTENCE}\nAnna Reid built it.\n")
    return folder


def test_what_left_can_be_read_and_summed(minions: Minions, docs: Path) -> None:
    """The requests of a run with their kinds, and sums of all runs that are the same bytes."""
    run_id = minions.ask(QUESTION, docs).run_id
    departures = minions.departures(run_id)
    assert [one.body for one in departures] == minions.egress(run_id)
    assert all(one.kinds and one.kinds["question"] == len(QUESTION) for one in departures)
    summary = minions.egress_summary()
    assert (summary.requests, summary.bytes) == (2, sum(one.bytes for one in departures))
    assert minions.egress_summary(since="2100").requests == 0


def test_a_run_can_be_deleted(minions: Minions, docs: Path) -> None:
    """It is not there any more; what it cost is."""
    run_id = minions.ask(QUESTION, docs).run_id
    removed = minions.delete_run(run_id)
    assert (removed.runs, removed.bodies, removed.erased) == (1, 2, True)
    assert (minions.runs(), minions.egress_summary().requests) == ([], 2)
    with pytest.raises(UsageError):
        minions.delete_run(run_id)


@pytest.mark.parametrize(
    ("older_than", "gone"), [(timedelta(days=30), 0), (LONG_AFTER, 1), (timedelta(days=-1), 1)]
)
def test_old_runs_can_be_purged(
    minions: Minions, docs: Path, older_than: timedelta | datetime, gone: int
) -> None:
    """By age or before a time; with the index, the documents are read again when they are asked about."""
    minions.ask(QUESTION, docs)
    assert minions.purge(older_than=older_than, dry_run=True).runs == gone
    removed = minions.purge(older_than=older_than, index=True)
    assert (removed.runs, removed.documents, len(minions.runs())) == (gone, 1, 1 - gone)
    assert minions.index(docs).added == 1


def test_without_retention_nothing_of_a_text_is_kept(
    minions: Minions, docs: Path, cloud: LoopbackServer
) -> None:
    """For one question, or in a batch; and what was kept before is not used."""
    kept = minions.ask(QUESTION, docs)
    assert minions.show().answer == kept
    asked = len(cloud.requests)
    answer = minions.ask(QUESTION, docs, retain_text=False)
    assert answer.answer == kept.answer
    assert len(cloud.requests) == 2 * asked
    record = minions.show().answer
    assert record is not None
    assert (record.answer, record.citations[0].quote, record.citations[0].start) == (None, "", 0)
    assert [one.body for one in minions.departures()] == [None, None]


async def test_a_batch_without_retention(minions: Minions, docs: Path, tmp_path: Path) -> None:
    """Its lines hold the answers, the home does not."""
    questions = [{"id": "q1", "question": QUESTION}]
    async for answer in minions.map(
        questions, docs, output=tmp_path / "out.jsonl", retain_text=False
    ):
        assert answer.answer == "41 metres"
    record = minions.show().answer
    assert record is not None
    assert record.answer is None
    assert SENTENCE in (tmp_path / "out.jsonl").read_text()
    assert SENTENCE.encode() not in (minions.home / "minions.sqlite3").read_bytes()
