"""Explain errors of SQLite and the file system in words that a user can act on."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRIMARY_CODE = 0xFF  # the low byte of an extended result code is its primary code
_ELSEWHERE = "set MINIONS_HOME to another folder"
_LOCKED = (
    "another process keeps it locked",
    f"wait for the other `minions` to end, or {_ELSEWHERE}",
)
_EXPLAINED = {
    sqlite3.SQLITE_FULL: ("the disk is full", f"free some space, or {_ELSEWHERE}"),
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged",
        f"move it away to start a new one, or {_ELSEWHERE}",
    ),
    sqlite3.SQLITE_NOTADB: (
        "the file is not a SQLite database",
        f"move it away to start a new one, or {_ELSEWHERE}",
    ),
    sqlite3.SQLITE_READONLY: ("it cannot be written to", f"make it writable, or {_ELSEWHERE}"),
    sqlite3.SQLITE_PERM: ("access is denied", f"make it readable and writable, or {_ELSEWHERE}"),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened",
        f"check that its folder exists and is writable, or {_ELSEWHERE}",
    ),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", f"check the disk, or {_ELSEWHERE}"),
}


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn errors of SQLite and the file system in a block into StoreError.

    ``name`` is the database's name for the message.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        reason, hint = _EXPLAINED.get((code or 0) & _PRIMARY_CODE, (str(error), _ELSEWHERE))
        raise StoreError(f"the database {name} cannot be used: {reason}", hint=hint) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"the database {name} cannot be used: {reason}", hint=_ELSEWHERE
        ) from error
