"""Records of runs: question, models and result, which is saved even if it is partial."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from pydantic import ValidationError

from minions.clock import SystemClock
from minions.errors import StoreError, UsageError
from minions.store.retention import without_text
from minions.values.answers import Answer
from minions.values.base import Value

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from minions.ports import Clock
    from minions.store.store import Store

RunStatus = Literal["running", "answered", "no_answer", "budget", "timeout", "interrupted", "error"]

_COLUMNS: Final = (
    "run_id, started_at, finished_at, status, question, protocol, planner, worker, policy, answer"
)
_SHOWN: Final = 5
_AFTER_ANY_ID: Final = "\uffff"


class Run(Value):
    """The record of one run."""

    run_id: str
    started_at: str
    """The time in UTC, in ISO 8601."""
    finished_at: str | None
    """The time in UTC, in ISO 8601; None if the run has not ended."""
    status: RunStatus
    """The reason why the run ended; ``running`` also if its process died."""
    question: str
    protocol: str
    planner: str
    """The planner's model reference."""
    worker: str
    """The worker's model reference."""
    policy: str
    answer: Answer | None
    """The result that was saved last; None if there was none yet."""


class Runs:
    """The runs of a store. All methods raise StoreError.

    Without ``retain_text``, answers are kept without text (`minions.store.retention`). The answers
    of a batch lose it once they are in its output, since until then they may have to be written.
    """

    def __init__(
        self, store: Store, *, clock: Clock | None = None, retain_text: bool = True
    ) -> None:
        self._store = store
        self._retain_text = retain_text
        self._clock = clock or SystemClock()

    def start(
        self,
        run_id: str,
        *,
        question: str,
        planner: str,
        worker: str,
        protocol: str,
        policy: str,
        started_at: str,
        item: tuple[str, str] | None = None,
    ) -> None:
        """Record that a run has begun; ``item`` is the batch's id and the question's id in it."""
        batch_id, item_id = item or (None, None)
        self._store.write(
            f"INSERT INTO runs ({_COLUMNS}, batch, item) "  # noqa: S608 - a constant
            "VALUES (?, ?, NULL, 'running', ?, ?, ?, ?, ?, NULL, ?, ?)",
            (
                run_id,
                started_at,
                question,
                protocol,
                planner,
                worker,
                policy,
                batch_id,
                item_id,
            ),
        )

    def reopen(self, run_id: str, *, planner: str, worker: str, protocol: str, policy: str) -> None:
        """Record that an unfinished run goes on, and its new models, protocol and policy."""
        self._store.write(
            "UPDATE runs SET status = 'running', finished_at = NULL, "
            "planner = ?, worker = ?, protocol = ?, policy = ? WHERE run_id = ?",
            (planner, worker, protocol, policy, run_id),
        )

    def save(self, answer: Answer) -> None:
        """Save the partial result of a run that goes on."""
        self._store.write(
            "UPDATE runs SET answer = ? WHERE run_id = ?", (self._kept(answer), answer.run_id)
        )

    def finish(self, answer: Answer) -> None:
        """Save a run's result, complete or partial; its stop reason becomes the run's status."""
        self._store.write(
            "UPDATE runs SET answer = ?, status = ?, finished_at = ? WHERE run_id = ?",
            (self._kept(answer), answer.stop_reason, self._clock.now_iso(), answer.run_id),
        )

    def _kept(self, answer: Answer) -> str:
        if not self._retain_text and not self._is_awaited(answer.run_id):
            answer = without_text(answer)
        return answer.model_dump_json()

    def _is_awaited(self, run_id: str) -> bool:
        """Return whether the run belongs to a batch, and its result is not in the output yet."""
        rows = self._store.read(
            "SELECT batch IS NOT NULL AND NOT delivered FROM runs WHERE run_id = ?", (run_id,)
        )
        return bool(rows and rows[0][0])

    def get(self, reference: str) -> Run:
        """Return a run by its id, by the beginning of its id, or as ``last``.

        Raises UsageError if no run fits, or several do.
        """
        return self._select("WHERE run_id = ?", (self.find(reference),))[0]

    def find(self, reference: str) -> str:
        """Return the id of the run that ``get`` would return, without reading its record.

        Raises UsageError if no run fits, or several do.
        """
        # A command-line argument may hold bytes that are not text.
        reference = reference.encode("utf-8", "replace").decode()
        parameters: tuple[str | int, ...]
        if reference == "last":
            clauses = "ORDER BY started_at DESC, rowid DESC LIMIT 1"
            parameters = ()
        else:
            clauses = "WHERE run_id >= ? AND run_id < ? ORDER BY run_id = ? DESC, run_id LIMIT ?"
            parameters = (reference, reference + _AFTER_ANY_ID, reference, _SHOWN + 1)
        query = f"SELECT run_id FROM runs {clauses}"  # noqa: S608 - constants
        rows = self._store.read(query, parameters)
        found = [str(row["run_id"]) for row in rows]
        if not found or not reference:
            raise UsageError(f"there is no run {reference!r}", hint="`minions runs` lists them")
        if len(found) > 1 and found[0] != reference:
            names = ", ".join(found[:_SHOWN])
            raise UsageError(
                f"several runs have ids that begin with {reference!r}: {names}",
                hint="type more of the id",
            )
        return found[0]

    def recent(self, *, limit: int = 20, since: str | None = None) -> list[Run]:
        """Return the latest runs, newest first; ``since`` is a UTC time or date in ISO 8601."""
        return self._select(
            "WHERE started_at >= ? ORDER BY started_at DESC, rowid DESC LIMIT ?",
            (since or "", limit),
        )

    def _select(self, clauses: str, parameters: tuple[str | int, ...]) -> list[Run]:
        query = f"SELECT {_COLUMNS} FROM runs {clauses}"  # noqa: S608 - constants
        rows = self._store.read(query, parameters)
        return [_run(row) for row in rows]


def new_run_id(clock: Clock) -> str:
    """Return a unique id that sorts by time, such as ``20260131-235959-9f3a1c04be``."""
    digits = re.sub(r"\D", "", clock.now_iso())
    return f"{digits[:8]}-{digits[8:14]}-{secrets.token_hex(5)}"


def _run(row: sqlite3.Row) -> Run:
    values = dict(row)
    answer = values.pop("answer")
    with readable(values["run_id"]):
        if answer is not None:
            answer = Answer.model_validate_json(answer)
        return Run(**values, answer=answer)


@contextmanager
def readable(run_id: str) -> Iterator[None]:
    """Turn a validation error in a block that reads a run's record into StoreError."""
    try:
        yield
    except ValidationError:
        raise StoreError(
            f"the record of run {run_id} is damaged, or from another version of minions",
            hint="update minions, or remove old runs: minions purge --older-than 1d",
        ) from None
