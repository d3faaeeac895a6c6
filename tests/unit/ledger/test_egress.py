"""The egress log: byte for byte what left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import StoreError
from minions.ledger.egress import Departure, EgressLog
from minions.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.ledger.entries import Entry
    from minions.ledger.ledger import Ledger


@given(bodies=st.lists(st.binary(max_size=200), max_size=4))
def test_bodies_come_back_byte_for_byte_and_in_order(bodies: list[bytes]) -> None:
    """What the log shows is what was sent, whatever bytes it was."""
    with Store.memory() as store:
        log = EgressLog(store)
        for number, body in enumerate(bodies):
            log.append("r1", number, "https://api.example", body)
        log.append("r2", 99, "https://api.example", b"another run's")
        assert log.bodies("r1") == bodies
        assert [item.entry_id for item in log.departures("r1")] == list(range(len(bodies)))


def _fail_after_the_entry(ledger: Ledger, entry: Entry) -> None:
    with ledger.transaction():
        ledger.append(entry)
        raise RuntimeError


def test_an_entry_and_its_bytes_are_there_together_or_not_at_all(
    store: Store, ledger: Ledger, entry: Callable[..., Entry]
) -> None:
    """No entry without its bytes: when the log cannot be written, neither is."""
    log = EgressLog(store)
    with ledger.transaction():
        log.append("r1", ledger.append(entry()), "https://api.example", b"{}")
    assert log.departures("r1") == [Departure(1, "https://api.example", b"{}")]
    with pytest.raises(RuntimeError):
        _fail_after_the_entry(ledger, entry())
    assert len(ledger.entries()) == 1


def test_the_log_cannot_be_rewritten(store: Store) -> None:
    """What left the device stays on record."""
    EgressLog(store).append("r1", 1, "https://api.example", b"{}")
    with pytest.raises(StoreError, match="append-only"):
        store.write("DELETE FROM egress")
