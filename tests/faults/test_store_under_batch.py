"""A database that fills the disk or is locked while a batch runs: it says so, loses nothing, and goes on afterwards."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.errors import StoreError
from minions.ledger.entries import LOST, OK
from minions.ledger.ledger import Ledger
from minions.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minions.values.events import Event

    World = Any

QUESTIONS, PLANNER_SLOTS, IMPATIENT_S, WAITED_S = 40, 8, 0.2, 0.5


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """Every store that is opened, the last one last; none waits long for a lock."""
    stores: list[Store] = []
    prepared = Store._prepared.__func__  # type: ignore[attr-defined]

    def remembered(cls: type[Store], name: str, busy_timeout_s: float) -> Store:
        stores.append(prepared(cls, name, IMPATIENT_S))
        return stores[-1]

    monkeypatch.setattr(Store, "_prepared", classmethod(remembered))
    return stores


@pytest.fixture
def asked(world: World) -> World:
    """A world with questions to ask."""
    world.write(documents=QUESTIONS, questions=QUESTIONS)
    return world


async def _batch(
    world: World, trouble: Callable[[], object] = lambda: None, *, after: int = 10
) -> None:
    """The batch in this process; ``trouble`` comes after some questions."""
    left = after

    def observe(event: Event) -> None:
        nonlocal left
        left -= event.kind == "answer"
        if event.kind == "answer" and not left:
            trouble()

    asking = Minions(
        f"openai:planner@{world.planner.openai_url}",
        f"openai:reader@{world.reader.openai_url}",
        prices=("openai:planner=2/10",),
        home=world.home,
    )
    questions = [json.loads(line) for line in (world.folder / "in.jsonl").read_text().splitlines()]
    async for _ in asking.map(
        questions, world.folder / "docs", output=world.output, observe=observe
    ):
        pass


def _nothing_was_paid_twice(world: World) -> None:
    """But for calls whose reply came when nothing could be written: they are entered as lost, a slot each at most."""
    with Store.open(world.home / "minions.sqlite3") as store:
        entries = [entry for entry in Ledger(store).entries() if entry.role == "planner"]
    sent = Counter(request.body for request in world.planner.requests)
    statuses = Counter(entry.status for entry in entries)
    assert len(sent) == 2 * QUESTIONS
    assert statuses == Counter({OK: 2 * QUESTIONS, LOST: statuses[LOST]})
    assert sent.total() - len(sent) == statuses[LOST] <= PLANNER_SLOTS


async def test_a_full_disk_ends_the_batch_and_loses_nothing(
    asked: World, opened: list[Store]
) -> None:
    """The batch ends with what to do about it, its output has whole lines only, and with space again every question is
    answered once; what was paid for and written down is not paid for again.
    """

    def fill() -> None:
        pages = opened[-1].read("PRAGMA page_count")[0][0]
        opened[-1].read(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match="the disk is full") as raised:
        await _batch(asked, fill)
    assert "free some space" in str(raised.value.hint)
    assert len(asked.records()) < QUESTIONS
    assert asked.answers() <= asked.expected()
    await _batch(asked)
    assert asked.answers() == asked.expected()
    _nothing_was_paid_twice(asked)


@pytest.fixture
def intruder(asked: World) -> Iterator[sqlite3.Connection]:
    """Another program at the same database."""
    with Store.open(asked.home / "minions.sqlite3"):
        path = asked.home / "minions.sqlite3"
    with closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as connection:
        yield connection


async def test_a_database_that_stays_locked_ends_the_batch_and_loses_nothing(
    asked: World, intruder: sqlite3.Connection, opened: list[Store]
) -> None:
    """Who holds the lock is named as the reason; once it is gone, the batch goes on as after a full disk."""
    with pytest.raises(StoreError, match="another process keeps it locked") as raised:
        await _batch(asked, lambda: intruder.execute("BEGIN IMMEDIATE"))
    assert "wait for the other" in str(raised.value.hint)
    intruder.execute("ROLLBACK")
    assert asked.answers() <= asked.expected()
    await _batch(asked)
    assert asked.answers() == asked.expected()
    _nothing_was_paid_twice(asked)


async def test_a_short_lock_is_waited_for(asked: World, intruder: sqlite3.Connection) -> None:
    """Another program that writes for half a second disturbs nobody."""

    def hold() -> None:
        intruder.execute("BEGIN IMMEDIATE")
        threading.Timer(WAITED_S, intruder.execute, ["ROLLBACK"]).start()

    await _batch(asked, hold)
    assert asked.answers() == asked.expected()
    assert max(Counter(request.body for request in asked.planner.requests).values()) == 1
