"""A database of an earlier version goes on: nothing is lost, and what it did not know is not made up."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from minions.ledger.egress import EgressLog
from minions.store import Store
from minions.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = (
    "INSERT INTO entries VALUES (1, 'r1', 2, 'planner', 1, 'openai', 'm', 'https://api.example', '2026-01-01', "
    "1, 0, 1, 0, 0, '1', NULL, NULL, 3, 3, 0.5, 'ok', NULL, NULL)"
)
OPEN_ATTEMPT = """INSERT INTO attempts VALUES (2, 'r1', 'x', '{"role": "worker", "round": 3, "at": "2026-01-02"}')"""


@pytest.fixture
def second_version(tmp_path: Path) -> Path:
    """A database as the second version left it: three requests, of which one ended, one is open, one is of nobody."""
    path = tmp_path / "minions.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        for migration in MIGRATIONS[:2]:
            for statement in migration:
                old.execute(statement)
        old.execute("PRAGMA user_version = 2")
        old.execute(ENTRY)
        old.execute(OPEN_ATTEMPT)
        for entry_id in (1, 2, 3):
            body = zlib.compress(b"body %d" % entry_id)
            row = (entry_id, body)
            old.execute("INSERT INTO egress VALUES (NULL, 'r1', ?, 'https://api.example', ?)", row)
    return path


def test_earlier_requests_get_the_facts_that_can_be_known(second_version: Path) -> None:
    """Size and digest from the body, role, round and time from the ledger; their kinds stay unknown."""
    with Store.open(second_version) as store:
        ended, under_way, lost = EgressLog(store).departures("r1")
        summary = EgressLog(store).summary()
    assert (ended.role, ended.round, ended.at, ended.kinds) == ("planner", 2, "2026-01-01", None)
    assert (under_way.role, under_way.round, under_way.at) == ("worker", 3, "2026-01-02")
    assert (lost.role, lost.round, lost.at) == (None, None, None)
    assert [departure.body for departure in (ended, under_way, lost)] == [
        b"body 1",
        b"body 2",
        b"body 3",
    ]
    assert (ended.bytes, ended.sha256) == (6, hashlib.sha256(b"body 1").hexdigest())
    assert summary.kinds == {"unknown": 18}
