"""A batch that is killed again and again: every question answered once, nothing paid for twice, the books right.

``MINIONS_KILLS`` sets how often: 12 times in ``make test``, 50 in ``make test-full``.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from minions.ledger.entries import LOST, OK
from minions.ledger.ledger import Ledger
from minions.store import Store
from tests.sizes import size

if TYPE_CHECKING:
    from minions.ledger.entries import Entry

    World = Any

DOCUMENTS, QUESTIONS = 1_000, 200
KILLS = size("MINIONS_KILLS", small=12, full=50)
PLANNER_SLOTS, READER_SLOTS, TURNS = 8, 4, 2


def _kill_somewhere(world: World, chance: random.Random) -> bool:
    """Start the batch and kill it, after some requests or some time; whether it came to its end first."""
    asked = len(world.planner.requests) + len(world.reader.requests)
    requests, seconds = chance.randint(1, 120), chance.uniform(0.2, 20)
    began_s = time.monotonic()
    with world.start("-q") as process:
        while process.poll() is None:
            enough = len(world.planner.requests) + len(world.reader.requests) - asked >= requests
            if enough or time.monotonic() - began_s > seconds:
                time.sleep(chance.uniform(0, 0.01))  # anywhere within a call, not at its arrival
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        process.communicate(timeout=60)
    return bool(process.returncode == 0)


def _entries(world: World) -> list[Entry]:
    with Store.open(world.home / "minions.sqlite3") as store:
        return [entry for entry in Ledger(store).entries() if entry.role == "planner"]


def test_a_batch_survives_kills(world: World) -> None:
    """Every question has one answer, the right one; a finished cloud call is never made again; the ledger's tokens are
    the server's.
    """
    world.write(documents=DOCUMENTS, questions=QUESTIONS)
    chance = random.Random(20261124)  # noqa: S311 - reproducible moments, no secret
    ended = sum(_kill_somewhere(world, chance) for _ in range(KILLS))
    code, said = world.run()
    assert code == 0, said
    assert world.answers() == world.expected()
    assert ended < KILLS, "the batch was done before a kill could hit it"
    _nothing_was_paid_twice(world)
    _the_books_are_right(world)


def _nothing_was_paid_twice(world: World) -> None:
    """What was asked twice was in flight when the process died; that is a handful a kill at most."""
    entries, sent = _entries(world), Counter(request.body for request in world.planner.requests)
    lost = [entry for entry in entries if entry.status == LOST]
    assert Counter(entry.status for entry in entries) == Counter(
        {OK: 2 * QUESTIONS, LOST: len(lost)}
    )
    assert len(sent) == 2 * QUESTIONS
    assert sent.total() - len(sent) <= len(lost) <= KILLS * PLANNER_SLOTS
    read = Counter(request.body for request in world.reader.requests)
    assert read.total() - len(read) <= KILLS * READER_SLOTS * TURNS


def _the_books_are_right(world: World) -> None:
    """Tokens are equal to the last one, but for calls that were recorded and killed before they reached the server."""
    entries, usages = _entries(world), world.planner.usages
    never_arrived = len(entries) - len(world.planner.requests)
    assert 0 <= never_arrived <= KILLS
    counted = Counter((usage.input_tokens, usage.output_tokens) for usage in usages)
    entered = Counter((entry.input_tokens, entry.output_tokens) for entry in entries)
    assert counted <= entered
    assert (entered - counted).total() == never_arrived
    assert all(entry.cost_usd is not None for entry in entries)
    with sqlite3.connect(world.home / "minions.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM attempts").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM replies").fetchone() == (0,)
