"""Forgetting: runs with all they said and sent, or everything older than a time. What it cost stays in the ledger.

The egress log stays a log: to whom, when, how much of what, and the digest; only the bodies go.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.errors import UsageError
from minions.store.runs import Runs
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.store.store import Store

_RUNNING: Final = "running"
# :runs is a JSON array of ids; :before the time before which everything goes, or an empty text.
_THEIRS: Final = "run_id IN (SELECT value FROM json_each(:runs))"
_NOBODYS: Final = "run_id NOT IN (SELECT run_id FROM runs)"
_READ_THEN: Final = f"""
    EXISTS (SELECT 1 FROM runs WHERE {_THEIRS}
            AND results.at >= started_at AND results.at <= coalesce(finished_at, results.at))
"""  # noqa: S608 - a constant


class Removed(Value):
    """What was removed: ``runs`` with questions and answers, ``bodies`` of requests, ``replies`` kept for a batch,
    ``results`` of reading, ``documents`` of the index.

    ``kept_running`` are runs that were left, for they have not ended. ``erased``: nothing of it is left on the disk
    either; False where another process still reads what was there, or for a ``dry_run``, which removes nothing.
    """

    runs: int = 0
    bodies: int = 0
    replies: int = 0
    results: int = 0
    documents: int = 0
    kept_running: tuple[str, ...] = ()
    erased: bool = False
    dry_run: bool = False


class _Step(NamedTuple):
    """What goes: the rows of ``table`` where ``condition`` holds; its count has this name."""

    name: str
    table: str
    condition: str
    statement: str


def delete_runs(store: Store, references: Sequence[str], *, even_running: bool = False) -> Removed:
    """Forget runs, with the results that were kept of reading while they ran. Raises UsageError for one that there is
    not, or that has not ended, unless ``even_running``: its process may have died. StoreError.
    """
    run_ids = [Runs(store).find(reference) for reference in references]
    given = {"runs": json.dumps(run_ids), "running": _RUNNING}
    rows = store.read(f"SELECT run_id FROM runs WHERE {_THEIRS} AND status = :running", given)  # noqa: S608 - a constant
    running = [str(row["run_id"]) for row in rows]
    if running and not even_running:
        raise UsageError(
            f"run {running[0]} has not ended: it is under way, or its process died",
            hint=f"wait for it, or delete it all the same: minions runs delete {running[0]} --running",
        )
    return _remove(store, run_ids, before="", results=_READ_THEN, dry_run=False)


def purge(store: Store, *, before: str, dry_run: bool = False) -> Removed:
    """Forget all runs that began before a time (UTC, ISO 8601) and have ended, and all results as old. StoreError."""
    rows = store.read(
        "SELECT run_id, status FROM runs WHERE started_at < ? ORDER BY rowid", (before,)
    )
    running = tuple(str(row["run_id"]) for row in rows if row["status"] == _RUNNING)
    ended = [str(row["run_id"]) for row in rows if row["status"] != _RUNNING]
    removed = _remove(store, ended, before=before, results="at < :before", dry_run=dry_run)
    return removed.model_copy(update={"kept_running": running})


def _remove(
    store: Store, run_ids: Sequence[str], *, before: str, results: str, dry_run: bool
) -> Removed:
    old = ":before <> ''"
    steps = (
        _Step(
            "bodies",
            "egress",
            f"length(body) > 0 AND ({_THEIRS} OR (coalesce(at, '') < :before AND {_NOBODYS}))",
            "UPDATE egress SET body = x''",
        ),
        _Step("replies", "replies", f"{_THEIRS} OR ({old} AND {_NOBODYS})", "DELETE FROM replies"),
        _Step("results", "results", results, "DELETE FROM results"),
        _Step("runs", "runs", _THEIRS, "DELETE FROM runs"),
    )
    given = {"runs": json.dumps(run_ids), "before": before}
    counts: dict[str, int] = {}
    with store.transaction():
        if not dry_run:
            store.write(
                f"INSERT OR IGNORE INTO forgotten SELECT run_id, batch FROM runs WHERE batch IS NOT NULL AND {_THEIRS}",  # noqa: S608 - a constant
                given,
            )
        for step in steps:
            where = f"WHERE {step.condition}"
            rows = store.read(f"SELECT count(*) FROM {step.table} {where}", given)  # noqa: S608 - constants
            counts[step.name] = int(rows[0][0])
            if not dry_run:
                store.write(f"{step.statement} {where}", given)
        if not dry_run:
            store.write(
                "DELETE FROM batches WHERE started_at < :before AND batch_id NOT IN "
                "(SELECT batch FROM runs WHERE batch IS NOT NULL UNION SELECT batch FROM forgotten)",
                given,
            )
    return Removed.model_validate(
        {**counts, "erased": not dry_run and store.erase(), "dry_run": dry_run}
    )
