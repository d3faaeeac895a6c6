"""Batches: which run answers which question of which output file, so that a batch resumes where it was."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from minions.store.retention import without_text
from minions.store.runs import RunStatus, readable
from minions.values.answers import Answer
from minions.values.base import Value

if TYPE_CHECKING:
    import sqlite3

    from minions.ports import Clock
    from minions.store.store import Store


class ItemRun(Value):
    """The run of one question of a batch, before its result is known to stand in the output."""

    run_id: str
    item: str
    question: str
    status: RunStatus
    answer: Answer | None


class Batches:
    """The batches of a store. All methods raise StoreError. Without ``retain_text`` a run's answer is kept without its
    words once its result stands in the output.
    """

    def __init__(self, store: Store, clock: Clock, *, retain_text: bool = True) -> None:
        self.store, self._clock, self._retain_text = store, clock, retain_text

    def open(self, output: str, *, fresh: bool, empty: bool = False) -> str:
        """The id of the batch that writes to ``output``: the one that did, unless the file is ``fresh``, or ``empty``
        although that one's results stood in it.
        """
        known = self.store.read(
            "SELECT batch_id FROM batches WHERE output = ? ORDER BY rowid DESC LIMIT 1", (output,)
        )
        if known and not fresh and not (empty and self._has_delivered(str(known[0]["batch_id"]))):
            return str(known[0]["batch_id"])
        batch = f"batch-{secrets.token_hex(8)}"
        self.store.write(
            "INSERT INTO batches (batch_id, started_at, output) VALUES (?, ?, ?)",
            (batch, self._clock.now_iso(), output),
        )
        return batch

    def left_behind(self, output: str, batch: str) -> list[str]:
        """Other batches that wrote to ``output``, and left runs whose results never stood in it."""
        rows = self.store.read(
            "SELECT batch_id FROM batches WHERE output = ? AND batch_id <> ? AND EXISTS "
            "(SELECT 1 FROM runs WHERE batch = batch_id AND NOT delivered)",
            (output, batch),
        )
        return [str(row["batch_id"]) for row in rows]

    def _has_delivered(self, batch: str) -> bool:
        return bool(
            self.store.read("SELECT 1 FROM runs WHERE batch = ? AND delivered LIMIT 1", (batch,))
        )

    def undelivered(self, batch: str) -> list[ItemRun]:
        """The latest run of each question whose result may not stand in the output yet."""
        rows = self.store.read(
            "SELECT run_id, item, question, status, answer FROM runs WHERE batch = ? AND NOT delivered ORDER BY rowid",
            (batch,),
        )
        latest = {row["item"]: row for row in rows}
        return list(map(_item_run, latest.values()))

    def deliver(self, run_id: str) -> None:
        """Record that a run's result stands in the output."""
        self.store.write("UPDATE runs SET delivered = 1 WHERE run_id = ?", (run_id,))
        if not self._retain_text:
            self._take_words(run_id)

    def _take_words(self, run_id: str) -> None:
        for row in self.store.read(
            "SELECT answer FROM runs WHERE run_id = ? AND answer IS NOT NULL", (run_id,)
        ):
            with readable(run_id):
                bare = without_text(Answer.model_validate_json(row["answer"])).model_dump_json()
            self.store.write("UPDATE runs SET answer = ? WHERE run_id = ?", (bare, run_id))


def _item_run(row: sqlite3.Row) -> ItemRun:
    with readable(row["run_id"]):
        answer = Answer.model_validate_json(row["answer"]) if row["answer"] else None
        return ItemRun.model_validate({**dict(row), "answer": answer})
