"""The database file: private, shared between processes, and clear about its troubles."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from minions.errors import StoreError
from minions.store import Store
from minions.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

RUN = "INSERT INTO runs VALUES (?, '2026', NULL, 'running', ?, 'minions', 'p', 'w', 'findings', NULL, NULL, NULL, 0)"
WRITER = f"""
import sys
from pathlib import Path
from minions.store import Store
with Store.open(Path(sys.argv[1])) as store:
    for number in range(50):
        store.write({RUN!r}, (f"{{sys.argv[2]}}-{{number}}", "q"), durable=False)
"""


def _count(store: Store) -> int:
    return int(store.read("SELECT COUNT(*) FROM runs")[0][0])


def _write_twice(store: Store) -> None:
    with store.transaction():
        store.write(RUN, ("a", "q"))
        store.write(RUN, ("a", "q"))


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    """A home keeps its state, and its folder is made when it is missing."""
    path = tmp_path / "new" / "home" / "minions.sqlite3"
    with Store.open(path) as store:
        store.write(RUN, ("a", "q"))
    with Store.open(path) as store:
        assert _count(store) == 1


def test_the_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """Questions and what left the device are nobody else's business."""
    path = tmp_path / "home" / "minions.sqlite3"
    with Store.open(path):
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0


def test_two_processes_share_a_home(tmp_path: Path) -> None:
    """Two commands at once, on a home that does not exist yet, both write everything they have to write."""
    path = tmp_path / "home" / "minions.sqlite3"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    with Store.open(path) as store:
        assert _count(store) == 100


def test_threads_share_a_store(tmp_path: Path) -> None:
    """A worker thread may write through the same store."""
    with Store.open(tmp_path / "s.sqlite3") as store:

        def write(name: str) -> None:
            for number in range(20):
                store.write(RUN, (f"{name}-{number}", "q"), durable=False)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert _count(store) == 80


def test_a_transaction_is_whole_or_not_at_all() -> None:
    """When the second of two writes fails, the first is not there either, and the store goes on."""
    with Store.memory() as store:
        with pytest.raises(StoreError):
            _write_twice(store)
        assert _count(store) == 0
        store.write(RUN, ("a", "q"))
        assert _count(store) == 1


def test_a_full_disk_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    """The message says the disk is full and what to do; what was written before stays."""
    with Store.open(tmp_path / "s.sqlite3") as store:
        store.write(RUN, ("a", "q"))
        pages = store.read("PRAGMA page_count")[0][0]
        store.read(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="the disk is full") as caught:
            store.write(RUN, ("b", "q" * 100_000))
        assert "MINIONS_HOME" in (caught.value.hint or "")
        assert _count(store) == 1


def test_a_locked_database_is_named(tmp_path: Path) -> None:
    """When another program never lets go, the message says so after the busy timeout."""
    path = tmp_path / "s.sqlite3"
    with Store.open(path, busy_timeout_s=0) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.write(RUN, ("a", "q"))
        other.execute("ROLLBACK")
        other.close()
        store.write(RUN, ("a", "q"))
        assert _count(store) == 1


def test_waiting_in_vain_is_done_once(tmp_path: Path) -> None:
    """When the wait for a lock was in vain, the next writes do not wait as long again, until one succeeds."""
    path = tmp_path / "s.sqlite3"
    with Store.open(path, busy_timeout_s=0.5) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waits_ms = []
            for _ in range(2):
                with pytest.raises(StoreError, match="locked"):
                    store.write(RUN, ("a", "q"))
                waits_ms.append(store.read("PRAGMA busy_timeout")[0][0])
        store.write(RUN, ("a", "q"))
        waits_ms.append(store.read("PRAGMA busy_timeout")[0][0])
    assert waits_ms == [100, 100, 500]


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """A file of something else is refused with a hint, and not overwritten."""
    path = tmp_path / "s.sqlite3"
    path.write_text("these are my notes, not a database; " * 50)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a SQLite database") as caught:
        Store.open(path)
    assert caught.value.hint
    assert path.read_bytes() == before


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    """A database whose pages were overwritten gives StoreError, not nonsense."""
    path = tmp_path / "s.sqlite3"
    with Store.open(path) as store:
        for number in range(50):
            store.write(RUN, (str(number), "q" * 500), durable=False)
    raw = bytearray(path.read_bytes())
    raw[200:] = b"\xa5" * (len(raw) - 200)
    path.write_bytes(bytes(raw))
    with pytest.raises(StoreError, match="damaged"), Store.open(path) as store:
        store.read("SELECT * FROM runs")


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    """The operating system's reason is passed on."""
    with pytest.raises(StoreError, match="directory"):
        Store.open(tmp_path)


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """An old program does not touch what it does not understand."""
    path = tmp_path / "s.sqlite3"
    with Store.open(path) as store:
        store.write(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="newer version") as caught:
        Store.open(path)
    assert "upgrade" in (caught.value.hint or "")


def test_a_closed_store_raises_its_own_error() -> None:
    """Use after close is StoreError; closing twice is harmless."""
    store = Store.memory()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.read("SELECT 1")
