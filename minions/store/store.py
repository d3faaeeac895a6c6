"""The SQLite database on disk: one connection, shared by everything that is stored."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from minions.errors import StoreError
from minions.store.faults import explained
from minions.store.private import private_file, private_folder
from minions.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    Parameters = Sequence[Any] | Mapping[str, Any]

_BUSY_S = 10.0
# The wait after a first wait was in vain, until a write succeeds. Otherwise many calls would each
# wait for _BUSY_S, one after the other.
_BUSY_AGAIN_S = 0.1
_RETRY_S = 0.02
# 16 MB. A checkpoint waits for the disk, and writes a page once, however often it changed.
_CHECKPOINT_PAGES = 4000


class Store:
    """One SQLite database in WAL mode. All methods raise StoreError with a hint.

    Every write is committed when the call returns, and survives the end of the process; a
    ``durable`` write survives a power cut, too. Several processes may use the same file, and
    several threads the same store.
    """

    def __init__(
        self, connection: sqlite3.Connection, name: str, busy_timeout_s: float = _BUSY_S
    ) -> None:
        self._connection = connection
        self._name = name
        self._busy_timeout_s = busy_timeout_s
        self._locked_out = False  # True after a wait in vain for another process's lock
        self._lock = threading.RLock()
        self._inside = False  # True inside a transaction
        self._durable: bool | None = None  # the connection's setting; None if not set yet

    @classmethod
    def open(cls, path: Path, *, busy_timeout_s: float = _BUSY_S) -> Store:
        """Open or create the database at ``path``, and bring its tables up to date.

        Only its owner may read it.
        """
        with explained(str(path)):
            private_folder(path.parent)
            private_file(path)
            return cls._prepared(str(path), busy_timeout_s)

    @classmethod
    def memory(cls) -> Store:
        """Return a store in memory, whose contents are lost when it is closed."""
        with explained(":memory:"):
            return cls._prepared(":memory:", _BUSY_S)

    @classmethod
    def _prepared(cls, name: str, busy_timeout_s: float) -> Store:
        connection = sqlite3.connect(
            name, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            _use_wal(connection, busy_timeout_s)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")  # overwrite deleted data
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            migrate(connection, name)
        except BaseException:
            connection.close()
            raise
        return cls(connection, name, busy_timeout_s)

    def read(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock, explained(self._name):
            return self._connection.execute(sql, parameters).fetchall()

    def write(self, sql: str, parameters: Parameters = (), *, durable: bool = True) -> int:
        """Run one statement. Returns the id of the row that it inserted, or 0."""
        with self._lock:
            if not self._inside:  # a statement on its own is a transaction
                self._wait_for_disk(durable)
            return self._lock_and_run(sql, parameters).lastrowid or 0

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Make all writes of a block or none. An inner transaction is part of the outer one."""
        with self._lock:
            if self._inside:
                yield
                return
            self._wait_for_disk(durable)
            self._lock_and_run("BEGIN IMMEDIATE")
            self._inside = True
            try:
                yield
                self._run("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have rolled back already
                    self._run("ROLLBACK")
                raise
            finally:
                self._inside = False

    def sync(self) -> None:
        """Make everything written so far survive a power cut."""
        self.read("PRAGMA wal_checkpoint(PASSIVE)")

    def erase(self) -> bool:
        """Rewrite the database and empty its log, so that no deleted data is left in the files.

        Returns False where another process reads older data or writes, so that some of it has to
        stay. It must not be called inside a transaction.
        """
        with self._lock:
            self._run("PRAGMA temp_store = MEMORY")  # no copy of private data on disk
            try:
                self._lock_and_run("VACUUM")
            except StoreError as error:
                if not _is_busy(error.__cause__):
                    raise
                return False
            busy = self._run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy

    def close(self) -> None:
        """Release the file. May be called twice."""
        with self._lock, explained(self._name):
            self._connection.close()

    def _wait_for_disk(self, wait: bool) -> None:
        """Set whether commits wait for the disk from now on."""
        if wait is self._durable:
            return
        # In WAL mode a commit waits for the disk under FULL (4 ms), and not under NORMAL (0.04 ms).
        mode = "FULL" if wait else "NORMAL"
        self._run(f"PRAGMA synchronous = {mode}")
        self._durable = wait

    def _lock_and_run(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Run a statement that needs the lock for writing, and wait for the lock.

        After one long wait in vain, later waits are short.
        """
        try:
            cursor = self._run(sql, parameters)
        except StoreError as error:
            if not self._locked_out and _is_busy(error.__cause__):
                self._set_busy_timeout(min(_BUSY_AGAIN_S, self._busy_timeout_s))
                self._locked_out = True
            raise
        if self._locked_out:
            self._set_busy_timeout(self._busy_timeout_s)
            self._locked_out = False
        return cursor

    def _set_busy_timeout(self, seconds: float) -> None:
        self._run(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def _run(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        with explained(self._name):
            return self._connection.execute(sql, parameters)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _is_busy(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _use_wal(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Switch to WAL mode, and retry until the timeout while another process does the same.

    SQLite does not apply its own busy timeout to a change of a new file's journal mode.
    """
    deadline_s = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline_s:
                raise
            time.sleep(_RETRY_S)
        else:
            return
