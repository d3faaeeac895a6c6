"""Delete runs with everything they said and sent, or everything older than a given time.

The ledger keeps their costs. The egress log keeps each request's receiver, time, size, kinds and
digest; only the bodies are deleted.
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
# :runs is a JSON array of run ids; :before is the time before which everything is deleted, or
# empty.
_THEIRS: Final = "run_id IN (SELECT value FROM json_each(:runs))"
_NOBODYS: Final = "run_id NOT IN (SELECT run_id FROM runs)"
_READ_THEN: Final = f"""
    EXISTS (SELECT 1 FROM runs WHERE {_THEIRS}
            AND results.at >= started_at AND results.at <= coalesce(finished_at, results.at))
"""  # noqa: S608 - a constant


class Removed(Value):
    """Counts of everything that was deleted."""

    runs: int = 0
    """Runs, with their questions and answers."""
    bodies: int = 0
    """Bodies of requests in the egress log."""
    replies: int = 0
    """Replies of cloud models kept for a batch."""
    results: int = 0
    """Cached results of workers."""
    documents: int = 0
    """Documents of the index."""
    kept_running: tuple[str, ...] = ()
    """Ids of runs that were kept because they have not ended."""
    erased: bool = False
    """True if none of the deleted data is left on the disk.

    False while another process still reads the old data, and for a dry run.
    """
    dry_run: bool = False
    """True if nothing was deleted, so that these are the counts of a deletion to come."""


class _Step(NamedTuple):
    """One table to delete from: ``statement`` applies to its rows that meet ``condition``."""

    name: str
    """The field of Removed that counts the rows."""
    table: str
    condition: str
    statement: str


def delete_runs(store: Store, references: Sequence[str], *, even_running: bool = False) -> Removed:
    """Delete runs, and the workers' results that were cached while they ran.

    Raises UsageError for an unknown run, and for one that has not ended unless ``even_running``:
    its process may have died. Raises StoreError where the database cannot be used.
    """
    run_ids = [Runs(store).find(reference) for reference in references]
    given = {"runs": json.dumps(run_ids), "running": _RUNNING}
    query = f"SELECT run_id FROM runs WHERE {_THEIRS} AND status = :running"  # noqa: S608
    rows = store.read(query, given)
    running = [str(row["run_id"]) for row in rows]
    if running and not even_running:
        raise UsageError(
            f"run {running[0]} has not ended: it is still running, or its process died",
            hint=f"wait for it, or delete it anyway: minions runs delete {running[0]} --running",
        )
    return _remove(store, run_ids, before="", results=_READ_THEN, dry_run=False)


def purge(store: Store, *, before: str, dry_run: bool = False) -> Removed:
    """Delete all runs and cached results older than a time in UTC, in ISO 8601.

    Runs that have not ended are kept. Raises StoreError where the database cannot be used.
    """
    rows = store.read(
        "SELECT run_id, status FROM runs WHERE started_at < ? ORDER BY rowid", (before,)
    )
    running: list[str] = []
    ended: list[str] = []
    for row in rows:
        runs = running if row["status"] == _RUNNING else ended
        runs.append(str(row["run_id"]))
    removed = _remove(store, ended, before=before, results="at < :before", dry_run=dry_run)
    return removed.model_copy(update={"kept_running": tuple(running)})


def _remove(
    store: Store, run_ids: Sequence[str], *, before: str, results: str, dry_run: bool
) -> Removed:
    """Delete what belongs to the runs, and everything without a run before the time ``before``.

    ``results`` is the condition for cached results.
    """
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
                "INSERT OR IGNORE INTO forgotten "  # noqa: S608 - a constant
                f"SELECT run_id, batch FROM runs WHERE batch IS NOT NULL AND {_THEIRS}",
                given,
            )
        for step in steps:
            where = f"WHERE {step.condition}"
            query = f"SELECT count(*) FROM {step.table} {where}"  # noqa: S608 - constants
            rows = store.read(query, given)
            counts[step.name] = int(rows[0][0])
            if not dry_run:
                store.write(f"{step.statement} {where}", given)
        if not dry_run:
            store.write(
                "DELETE FROM batches WHERE started_at < :before AND batch_id NOT IN ("
                "SELECT batch FROM runs WHERE batch IS NOT NULL "
                "UNION SELECT batch FROM forgotten)",
                given,
            )
    erased = not dry_run and store.erase()
    return Removed.model_validate({**counts, "erased": erased, "dry_run": dry_run})
