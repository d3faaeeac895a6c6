"""The index's database: tables, opening, and recovery from damage. It is a cache of the files."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from minions.errors import StoreError
from minions.store.private import private_file, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA_VERSION: Final = 4
TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
BUSY_TIMEOUT_S: Final = 60.0
ROWS_PER_QUERY: Final = 500
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# FTS5 merges segments at sixteen, not at its default of four. Inserting takes a quarter less time,
# a search half a millisecond more.
# The database keeps this text, with its comments. A backslash continues a line.
_TABLES: Final = """
CREATE TABLE documents (
    pk INTEGER PRIMARY KEY AUTOINCREMENT,  -- never another document's, \
not even after this one is gone
    id TEXT NOT NULL,              -- hash of the file's bytes
    suffix TEXT NOT NULL,          -- the same bytes read differently under another suffix
    recipe TEXT NOT NULL,          -- versions of reader and chunker, and the chunk size
    title TEXT,                    -- NULL: the file's name
    tokens INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    first_chunk INTEGER NOT NULL,  -- its chunks have the rows from here on, one after the other
    pages TEXT,                    -- JSON: where each page starts; NULL without pages
    outline TEXT NOT NULL,         -- JSON: [[level, start, text], ...]
    UNIQUE (id, suffix, recipe)
);
CREATE TABLE files (
    path TEXT PRIMARY KEY,         -- absolute
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    document INTEGER NOT NULL REFERENCES documents (pk)
) WITHOUT ROWID;
CREATE TABLE chunks (
    pk INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents (pk),
    position INTEGER NOT NULL,
    start INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    page INTEGER,
    heads TEXT NOT NULL,           -- title and headings, separated by U+001F
    table_header TEXT,
    text TEXT NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 \
(heads, text, content='chunks', content_rowid='pk', tokenize='{tokenizer}');
INSERT INTO words (words, rank) VALUES ('automerge', 16);
"""

_log = structlog.get_logger()


def open_database(path: Path, *, tokenizer: str = TOKENIZER) -> sqlite3.Connection:
    """Open or create the index at ``path``, in WAL mode and with autocommit.

    Statements wait up to a minute for other writers. A new file is readable by its owner only. An
    index of another version is deleted, and a file that is not a database is moved aside. Raises
    StoreError.
    """
    with translated(path):
        private_folder(path.parent)
        try:
            return _open(path, tokenizer)
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
        move_aside(path)
        return _open(path, tokenizer)


def open_snapshot(path: Path) -> sqlite3.Connection:
    """A read-only connection that sees the index at ``path`` as it is now, until it is closed.

    Later writes do not show, and writers do not wait for it. It is one open transaction, which must
    not be ended. Raises sqlite3.Error.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("BEGIN")
        # The transaction's snapshot is taken at its first read.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def is_corrupt(error: sqlite3.Error) -> bool:
    """True if the database file is damaged, so that it must be replaced by a new one."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _CORRUPT


def move_aside(path: Path) -> None:
    """Rename a damaged index, so that a new one can be built in its place. Raises StoreError."""
    aside = path.with_name(path.name + ".damaged")
    _log.warning(
        "index_damaged", path=str(path), moved_to=str(aside), action="the documents are read again"
    )
    with translated(path):
        path.replace(aside)
        _drop_companions(path)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file at ``path`` into StoreError with a hint."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            f"the index at {path} cannot be used: {error}", hint=_hint(str(error), path)
        ) from error
    except OSError as error:
        raise StoreError(
            f"the index at {path} cannot be used: {error.strerror or error}",
            hint=_hint("open", path),
        ) from error


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction. Other writers wait for it, and readers see the data from before it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _open(path: Path, tokenizer: str) -> sqlite3.Connection:
    private_file(path)
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        if _version(connection) not in {0, SCHEMA_VERSION}:
            action = "the documents are read again"
            _log.warning("index_version_differs", path=str(path), action=action)
            connection.close()
            path.unlink()
            _drop_companions(path)
            return _open(path, tokenizer)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4096")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -65536")
        if _version(connection) == 0:
            with writing(connection):
                if _version(connection) == 0:  # else another process was first
                    for statement in _TABLES.format(tokenizer=tokenizer).split(";\n"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _drop_companions(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _hint(message: str, path: Path) -> str:
    if "malformed" in message or "not a database" in message:
        return f"delete {path}: it is a cache, and the next run builds it again"
    if "closed" in message:
        return "use a corpus while its index is open"
    if "locked" in message:
        return "another run is writing to it: wait for it to end, or use another folder with --home"
    if "full" in message:
        return "free some disk space, or use a folder on another disk with --home"
    return "check that the folder exists and can be written, or use another one with --home"
