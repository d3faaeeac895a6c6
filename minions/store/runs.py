"""Runs: what was asked, with what, and how it ended; the result is on disk even when it is partial."""

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
    """A run as recorded. ``status`` stays ``running`` when the process died; ``answer`` is then the last one saved."""

    run_id: str
    started_at: str
    finished_at: str | None
    status: RunStatus
    question: str
    protocol: str
    planner: str
    worker: str
    policy: str
    answer: Answer | None


class Runs:
    """The runs of a store. All methods raise StoreError.

    Without ``retain_text`` their answers are kept without words (`minions.store.retention`); those of a batch once
    their results stand in its output, for until then it may have to write them.
    """

    def __init__(
        self, store: Store, *, clock: Clock | None = None, retain_text: bool = True
    ) -> None:
        self._store, self._retain_text = store, retain_text
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
        """Record that a run has begun; ``item``: for which question of a batch (its id, the question's)."""
        self._store.write(
            f"INSERT INTO runs ({_COLUMNS}, batch, item) VALUES (?, ?, NULL, 'running', ?, ?, ?, ?, ?, NULL, ?, ?)",  # noqa: S608 - constant
            (
                run_id,
                started_at,
                question,
                protocol,
                planner,
                worker,
                policy,
                *(item or (None, None)),
            ),
        )

    def reopen(self, run_id: str, *, planner: str, worker: str, protocol: str, policy: str) -> None:
        """Record that a run which had ended midway goes on, and with what."""
        self._store.write(
            "UPDATE runs SET status = 'running', finished_at = NULL, planner = ?, worker = ?, protocol = ?, policy = ? "
            "WHERE run_id = ?",
            (planner, worker, protocol, policy, run_id),
        )

    def save(self, answer: Answer) -> None:
        """Keep what a run has so far; it goes on."""
        self._store.write(
            "UPDATE runs SET answer = ? WHERE run_id = ?", (self._kept(answer), answer.run_id)
        )

    def finish(self, answer: Answer) -> None:
        """Record a run's result, complete or partial; its stop reason becomes the run's status."""
        self._store.write(
            "UPDATE runs SET answer = ?, status = ?, finished_at = ? WHERE run_id = ?",
            (self._kept(answer), answer.stop_reason, self._clock.now_iso(), answer.run_id),
        )

    def _kept(self, answer: Answer) -> str:
        kept = (
            answer if self._retain_text or self._is_awaited(answer.run_id) else without_text(answer)
        )
        return kept.model_dump_json()

    def _is_awaited(self, run_id: str) -> bool:
        rows = self._store.read(
            "SELECT batch IS NOT NULL AND NOT delivered FROM runs WHERE run_id = ?", (run_id,)
        )
        return bool(rows and rows[0][0])

    def get(self, reference: str) -> Run:
        """The run with this id or unique beginning of one, or ``last``. Raises UsageError for none or several."""
        return self._select("WHERE run_id = ?", (self.find(reference),))[0]

    def find(self, reference: str) -> str:
        """The id of that run, whether or not its record can be read. Raises UsageError for none or several."""
        reference = reference.encode(
            "utf-8", "replace"
        ).decode()  # an argument may hold bytes that are no text
        parameters: tuple[str | int, ...]
        if reference == "last":
            clauses, parameters = "ORDER BY started_at DESC, rowid DESC LIMIT 1", ()
        else:
            clauses = "WHERE run_id >= ? AND run_id < ? ORDER BY run_id = ? DESC, run_id LIMIT ?"
            parameters = (reference, reference + _AFTER_ANY_ID, reference, _SHOWN + 1)
        rows = self._store.read(f"SELECT run_id FROM runs {clauses}", parameters)  # noqa: S608 - constants
        found = [str(row["run_id"]) for row in rows]
        if not found or not reference:
            raise UsageError(f"there is no run {reference!r}", hint="`minions runs` lists them")
        if len(found) > 1 and found[0] != reference:
            names = ", ".join(found[:_SHOWN])
            raise UsageError(
                f"{reference!r} begins the ids of several runs: {names}", hint="type more of it"
            )
        return found[0]

    def recent(self, *, limit: int = 20, since: str | None = None) -> list[Run]:
        """The latest runs, last one first; ``since`` is a UTC time or date in ISO 8601."""
        return self._select(
            "WHERE started_at >= ? ORDER BY started_at DESC, rowid DESC LIMIT ?",
            (since or "", limit),
        )

    def _select(self, clauses: str, parameters: tuple[str | int, ...]) -> list[Run]:
        rows = self._store.read(f"SELECT {_COLUMNS} FROM runs {clauses}", parameters)  # noqa: S608 - constants of this file
        return [_run(row) for row in rows]


def new_run_id(clock: Clock) -> str:
    """A unique name that sorts by time, such as ``20260131-235959-9f3a1c04be``."""
    digits = re.sub(r"\D", "", clock.now_iso())
    return f"{digits[:8]}-{digits[8:14]}-{secrets.token_hex(5)}"


def _run(row: sqlite3.Row) -> Run:
    values = dict(row)
    answer = values.pop("answer")
    with readable(values["run_id"]):
        return Run(
            **values, answer=Answer.model_validate_json(answer) if answer is not None else None
        )


@contextmanager
def readable(run_id: str) -> Iterator[None]:
    """Let the block read the record of a run. Raises StoreError for one that is none."""
    try:
        yield
    except ValidationError:
        raise StoreError(
            f"the record of run {run_id} is broken, or of another version",
            hint="update minions, or remove old runs: minions purge --older-than 1d",
        ) from None
