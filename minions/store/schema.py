"""The tables, as an ordered list of migrations.

A released migration never changes: append a new one instead.

``PRAGMA user_version`` is the number of migrations that a database has had.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Final

from minions.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

_RUNS = """
CREATE TABLE runs (
    run_id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT NOT NULL,
    question TEXT NOT NULL,
    protocol TEXT NOT NULL,
    planner TEXT NOT NULL,
    worker TEXT NOT NULL,
    policy TEXT NOT NULL,
    answer TEXT
)
"""
_ENTRIES = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    role TEXT NOT NULL,
    cloud INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    at TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    usage_estimated INTEGER NOT NULL,
    cost_usd TEXT,
    price_source TEXT,
    price_date TEXT,
    bytes_out INTEGER NOT NULL,
    bytes_in INTEGER NOT NULL,
    latency_s REAL NOT NULL,
    status TEXT NOT NULL
)
"""
_EGRESS = """
CREATE TABLE egress (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    entry_id INTEGER NOT NULL REFERENCES entries (id),
    endpoint TEXT NOT NULL,
    body BLOB NOT NULL
)
"""
_BATCHES = """
CREATE TABLE batches (
    batch_id TEXT NOT NULL PRIMARY KEY,
    started_at TEXT NOT NULL,
    output TEXT NOT NULL
)
"""
_ATTEMPTS = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the id that its entry will have
    run_id TEXT NOT NULL,
    request TEXT NOT NULL,
    entry TEXT NOT NULL
)
"""
_REPLIES = """
CREATE TABLE replies (
    run_id TEXT NOT NULL,
    request TEXT NOT NULL,
    completion TEXT NOT NULL,
    PRIMARY KEY (run_id, request)
) WITHOUT ROWID
"""
_RESULTS = """
CREATE TABLE results (
    key BLOB PRIMARY KEY,
    model TEXT NOT NULL,
    at TEXT NOT NULL,
    result TEXT NOT NULL
) WITHOUT ROWID
"""


# Older versions logged only a request's body. The other columns are filled in from the body, and
# from the request's ledger entry or open attempt.
_EGRESS_FACTS = """
UPDATE egress SET
    role = coalesce(
        (SELECT role FROM entries WHERE entries.id = entry_id),
        (SELECT json_extract(entry, '$.role') FROM attempts WHERE attempts.id = entry_id)),
    round = coalesce(
        (SELECT round FROM entries WHERE entries.id = entry_id),
        (SELECT json_extract(entry, '$.round') FROM attempts WHERE attempts.id = entry_id)),
    at = coalesce(
        (SELECT at FROM entries WHERE entries.id = entry_id),
        (SELECT json_extract(entry, '$.at') FROM attempts WHERE attempts.id = entry_id)),
    bytes = inflated_bytes(body),
    sha256 = inflated_sha256(body)
"""
_EGRESS_COLUMNS = (
    "id",
    "run_id",
    "entry_id",
    "endpoint",
    "role",
    "round",
    "at",
    "bytes",
    "kinds",
    "sha256",
)
_SAME = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _EGRESS_COLUMNS)
_ONLY_EMPTIED = f"""
CREATE TRIGGER egress_no_update BEFORE UPDATE ON egress
WHEN NOT (NEW.body = x'' AND {_SAME})
BEGIN SELECT RAISE(ABORT, 'egress is append-only: a body can be emptied, and nothing else'); END
"""


def _append_only(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("update", "delete")
    )


MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        _RUNS,
        _ENTRIES,
        _EGRESS,
        "CREATE INDEX runs_by_start ON runs (started_at)",
        "CREATE INDEX entries_by_run ON entries (run_id)",
        "CREATE INDEX entries_by_time ON entries (at)",
        "CREATE INDEX egress_by_run ON egress (run_id)",
        *_append_only("entries"),
        *_append_only("egress"),
    ),
    (
        "ALTER TABLE runs ADD COLUMN batch TEXT",
        "ALTER TABLE runs ADD COLUMN item TEXT",
        "ALTER TABLE runs ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX runs_by_item ON runs (batch, item)",
        _BATCHES,
        "ALTER TABLE entries ADD COLUMN bound_tokens INTEGER",
        "ALTER TABLE entries ADD COLUMN bound_usd TEXT",
        _ATTEMPTS,
        _REPLIES,
        _RESULTS,
        "CREATE INDEX attempts_by_run ON attempts (run_id)",
        "CREATE INDEX results_by_time ON results (at)",
    ),
    (
        "ALTER TABLE egress ADD COLUMN role TEXT",
        "ALTER TABLE egress ADD COLUMN round INTEGER",
        "ALTER TABLE egress ADD COLUMN at TEXT",
        "ALTER TABLE egress ADD COLUMN bytes INTEGER",
        "ALTER TABLE egress ADD COLUMN kinds TEXT",  # JSON; NULL where the kinds are unknown
        "ALTER TABLE egress ADD COLUMN sha256 TEXT",
        "DROP TRIGGER egress_no_update",
        _EGRESS_FACTS,
        _ONLY_EMPTIED,
        "CREATE INDEX egress_by_time ON egress (at)",
    ),
    # Deleted runs of batches: their calls still count against the limits of their batch.
    (
        (
            "CREATE TABLE forgotten "
            "(run_id TEXT NOT NULL PRIMARY KEY, batch TEXT NOT NULL) WITHOUT ROWID"
        ),
    ),
)


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Apply the missing migrations, all of them or none.

    Raises StoreError if a newer version of this program wrote the database.
    """
    if _version(connection, name) == len(MIGRATIONS):
        return
    connection.create_function(
        "inflated_bytes", 1, lambda body: len(zlib.decompress(body)), deterministic=True
    )
    connection.create_function(
        "inflated_sha256",
        1,
        lambda body: hashlib.sha256(zlib.decompress(body)).hexdigest(),
        deterministic=True,
    )
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated while this one waited for the lock.
        for number in range(_version(connection, name), len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, name: str) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{name} was written by a newer version of this program"
            f" (schema {version}, known {len(MIGRATIONS)})",
            hint="upgrade with `pip install -U local-minions`, or set MINIONS_HOME to another"
            " folder",
        )
    return version
