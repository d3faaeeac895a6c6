"""Records of batches, so that a batch can resume: the runs of its questions and its output file."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from minions.store.retention import without_text
from minions.store.runs import RunStatus, readable
from minions.values.answers import Answer
from minions.values.base import Value

if TYPE_CHECKING:
    from minions.ports import Clock
    from minions.store.store import Store


class ItemRun(Value):
    """The run of one question of a batch, until its result is known to be in the output."""

    run_id: str
    item: str
    """The id of the question in its batch."""
    question: str
    status: RunStatus
    answer: Answer | None
    """The run's result; None if it was never saved."""


class Batches:
    """The batches of a store. All methods raise StoreError.

    Without ``retain_text``, the text of an answer is removed once the answer is in the output.
    """

    def __init__(self, store: Store, clock: Clock, *, retain_text: bool = True) -> None:
        self.store = store
        self._clock = clock
        self._retain_text = retain_text

    def open(self, output: str, *, fresh: bool, empty: bool = False) -> str:
        """Return the id of the batch that writes to ``output``.

        It is the last batch that wrote there, if any. A new batch begins if the file is ``fresh``,
        or if it is ``empty`` although results of the last batch were in it.
        """
        rows = self.store.read(
            "SELECT batch_id FROM batches WHERE output = ? ORDER BY rowid DESC LIMIT 1", (output,)
        )
        if rows and not fresh:
            last = str(rows[0]["batch_id"])
            had_results = self.store.read(
                "SELECT 1 FROM runs WHERE batch = ? AND delivered LIMIT 1", (last,)
            )
            if not (empty and had_results):
                return last
        batch = f"batch-{secrets.token_hex(8)}"
        self.store.write(
            "INSERT INTO batches (batch_id, started_at, output) VALUES (?, ?, ?)",
            (batch, self._clock.now_iso(), output),
        )
        return batch

    def wrote(self, output: str) -> bool:
        """Return whether some batch has written to ``output``."""
        return bool(
            self.store.read("SELECT 1 FROM batches WHERE output = ? LIMIT 1", (output,)),
        )

    def left_behind(self, output: str, batch: str) -> list[str]:
        """Return other batches that wrote to ``output`` and have results that never got there."""
        rows = self.store.read(
            "SELECT batch_id FROM batches WHERE output = ? AND batch_id <> ? AND EXISTS "
            "(SELECT 1 FROM runs WHERE batch = batch_id AND NOT delivered)",
            (output, batch),
        )
        return [str(row["batch_id"]) for row in rows]

    def undelivered(self, batch: str) -> list[ItemRun]:
        """Return the latest run of each question whose result may not be in the output yet."""
        rows = self.store.read(
            "SELECT run_id, item, question, status, answer FROM runs "
            "WHERE batch = ? AND NOT delivered ORDER BY rowid",
            (batch,),
        )
        latest = {row["item"]: row for row in rows}
        runs: list[ItemRun] = []
        for row in latest.values():
            values = dict(row)
            with readable(row["run_id"]):
                if row["answer"]:
                    values["answer"] = Answer.model_validate_json(row["answer"])
                else:
                    values["answer"] = None
                runs.append(ItemRun.model_validate(values))
        return runs

    def deliver(self, run_id: str) -> None:
        """Record that a run's result is in the output."""
        self.store.write("UPDATE runs SET delivered = 1 WHERE run_id = ?", (run_id,))
        if self._retain_text:
            return
        rows = self.store.read(
            "SELECT answer FROM runs WHERE run_id = ? AND answer IS NOT NULL", (run_id,)
        )
        for row in rows:
            with readable(run_id):
                bare = without_text(Answer.model_validate_json(row["answer"])).model_dump_json()
            self.store.write("UPDATE runs SET answer = ? WHERE run_id = ?", (bare, run_id))
