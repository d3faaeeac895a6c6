"""Deleted data is gone from the records and the disk; its cost and the size of its requests stay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import UsageError
from minions.ledger.egress import EgressLog
from minions.ledger.entries import Entry
from minions.ledger.ledger import Ledger
from minions.store import Runs, Store
from minions.store.deletion import delete_runs, purge
from minions.values.answers import Answer
from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = "2026-01-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00"
BETWEEN = "2026-02-01T00:00:00+00:00"


class Home:
    """A store with runs that said, sent, kept and read something of their own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "minions.sqlite3"
        self.store = Store.open(self.path)

    def run(self, run_id: str, at: str, *, ends: bool = True) -> None:
        """A run that began at a time, everything in it marked with its id."""
        store, runs = self.store, Runs(self.store)
        using: dict[str, Any] = {
            "planner": "p",
            "worker": "w",
            "protocol": "minions",
            "policy": "findings",
        }
        runs.start(run_id, question=f"question of {run_id}", started_at=at, **using)
        entry = Entry(
            run_id=run_id,
            round=1,
            role="planner",
            cloud=True,
            provider="openai",
            model="m",
            endpoint="https://api.example",
            at=at,
            cost_usd=Decimal("0.5"),
            latency_s=1,
            status="ok",
        )
        body = f"body of {run_id}".encode()
        EgressLog(store).append(
            Ledger(store).append(entry), entry, body, {"question": len(body)}, at=at
        )
        completion = Completion(text=f"reply of {run_id}", finish_reason="stop", usage=Usage())
        store.write(
            "INSERT INTO replies VALUES (?, 'key', ?)", (run_id, completion.model_dump_json())
        )
        store.write(
            "INSERT INTO results VALUES (?, 'm', ?, ?)",
            (run_id.encode(), at, f"result of {run_id}"),
        )
        if ends:
            answer = Answer(
                run_id=run_id,
                question="q",
                answer=f"answer of {run_id}",
                confidence=1,
                stop_reason="answered",
            )
            runs.finish(answer)
            store.write("UPDATE runs SET finished_at = ? WHERE run_id = ?", (at, run_id))

    def on_disk(self, text: str) -> bool:
        """Return whether a text is anywhere in the database's files."""
        return any(text.encode() in file.read_bytes() for file in self.path.parent.iterdir())

    def kept(self, run_id: str) -> tuple[int, ...]:
        """Count the runs, bodies, replies and results of a run."""
        log = EgressLog(self.store)
        counts = [
            self.store.read(f"SELECT count(*) FROM {table} WHERE {where}", (run_id,))[0][0]  # noqa: S608 - constants
            for table, where in (
                ("runs", "run_id = ?"),
                ("replies", "run_id = ?"),
                ("results", "CAST(key AS TEXT) = ?"),
            )
        ]
        return (counts[0], len(log.bodies(run_id)), *counts[1:])


@pytest.fixture
def home(tmp_path: Path) -> Any:
    """An old run, a new one, and an old one that has not ended."""
    made = Home(tmp_path)
    made.run("old", OLD)
    made.run("new", NEW)
    made.run("unended", OLD, ends=False)
    yield made
    made.store.close()


def test_a_deleted_run_is_gone_and_its_cost_stays(home: Home) -> None:
    """Question, answer, bodies, replies, what was read then: in the records and in the bytes of the files."""
    home.store.write("UPDATE results SET at = ? WHERE key = ?", (BETWEEN, b"unended"))
    marks = [f"{kind} of old" for kind in ("question", "answer", "reply", "result")]
    assert all(home.on_disk(mark) for mark in marks)
    before = EgressLog(home.store).summary(), Ledger(home.store).entries()
    removed = delete_runs(home.store, ["old"])
    assert (removed.runs, removed.bodies, removed.replies, removed.results, removed.erased) == (
        1,
        1,
        1,
        1,
        True,
    )
    assert home.kept("old") == (0, 0, 0, 0)
    assert home.kept("new") == home.kept("unended") == (1, 1, 1, 1)
    assert not any(home.on_disk(mark) for mark in marks)
    assert (EgressLog(home.store).summary(), Ledger(home.store).entries()) == before
    (departure,) = EgressLog(home.store).departures("old")
    assert (departure.bytes, departure.kinds, departure.body) == (11, {"question": 11}, None)


def test_what_a_batch_spent_counts_after_its_runs_are_forgotten(home: Home) -> None:
    """A batch that is resumed after a deletion or a purge does not begin to spend anew."""
    store, batch = home.store, "batch-1"
    store.write(
        "INSERT INTO batches (batch_id, started_at, output) VALUES (?, ?, 'out.jsonl')",
        (batch, OLD),
    )
    store.write("UPDATE runs SET batch = ?", (batch,))
    before = Ledger(store).spent(batch)
    assert before[1] == Decimal("1.5")
    delete_runs(store, ["new"])
    purge(store, before=NEW)
    assert Ledger(store).spent(batch) == before
    assert store.read("SELECT count(*) FROM batches WHERE batch_id = ?", (batch,))[0][0] == 1


def test_a_run_that_has_not_ended_is_deleted_on_request_only(home: Home) -> None:
    """Nobody loses the record of what is under way by a slip; one whose process died can go all the same."""
    with pytest.raises(UsageError, match="has not ended") as caught:
        delete_runs(home.store, ["old", "unended"])
    assert "--running" in (caught.value.hint or "")
    assert home.kept("old") == (1, 1, 1, 1)
    assert delete_runs(home.store, ["unended"], even_running=True).runs == 1
    assert home.kept("unended")[0] == 0


def test_a_run_that_is_not_there_is_an_error_and_nothing_is_deleted(home: Home) -> None:
    """A list with a slip in it deletes none of its runs."""
    with pytest.raises(UsageError, match="there is no run"):
        delete_runs(home.store, ["old", "odd"])
    assert home.kept("old") == (1, 1, 1, 1)


def test_a_record_that_cannot_be_read_can_be_deleted(home: Home) -> None:
    """One that is broken, or of another version, is in nobody's way."""
    home.store.write("UPDATE runs SET answer = '{' WHERE run_id = 'old'")
    assert delete_runs(home.store, ["old", "old"]).runs == 1
    assert home.kept("old") == (0, 0, 0, 0)


def test_a_purge_takes_what_is_older_and_nothing_else(home: Home) -> None:
    """Old runs and old results; not what is newer, nor a run that has not ended, which is named."""
    removed = purge(home.store, before=BETWEEN)
    assert (removed.runs, removed.bodies, removed.replies, removed.results) == (1, 1, 1, 2)
    assert (removed.kept_running, removed.erased) == (("unended",), True)
    assert (home.kept("old"), home.kept("new")) == ((0, 0, 0, 0), (1, 1, 1, 1))
    assert home.kept("unended") == (1, 1, 1, 0)
    assert not home.on_disk("answer of old")
    assert len(Ledger(home.store).entries()) == 3
    assert purge(home.store, before=BETWEEN).runs == 0


def test_a_purge_takes_what_belongs_to_no_run_any_more(home: Home) -> None:
    """Bodies of a judge that read for a run that is gone, and replies that nobody will ask for."""
    home.store.write("DELETE FROM runs WHERE run_id IN ('old', 'new')")
    removed = purge(home.store, before=BETWEEN)
    assert (removed.runs, removed.bodies, removed.replies) == (0, 1, 2)
    assert home.kept("new") == (0, 1, 0, 1)


def test_a_dry_run_counts_and_removes_nothing(home: Home) -> None:
    """It says what would go."""
    preview = purge(home.store, before=BETWEEN, dry_run=True)
    assert (preview.runs, preview.results, preview.dry_run, preview.erased) == (1, 2, True, False)
    assert home.kept("old") == (1, 1, 1, 1)


def test_another_reader_is_told_of(home: Home) -> None:
    """While another process looks at what was there, its pages have to stay: the caller hears of it, and the next
    purge is rid of them.
    """
    with closing(sqlite3.connect(home.path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM runs").fetchone()
        home.store.read("PRAGMA busy_timeout = 0")
        assert not purge(home.store, before=BETWEEN).erased
    assert purge(home.store, before=BETWEEN).erased
    assert not home.on_disk("answer of old")
