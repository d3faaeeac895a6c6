"""The egress log: byte for byte what left, and what it was made of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import StoreError
from minions.ledger.egress import EgressLog, EgressSummary, total_of
from minions.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.ledger.entries import Entry
    from minions.ledger.ledger import Ledger

AT = "2026-01-01T00:00:01+00:00"
KINDS = {"question": 3, "form": 4}


@given(bodies=st.lists(st.binary(max_size=200), max_size=4))
def test_bodies_come_back_byte_for_byte_and_in_order(
    bodies: list[bytes], entry: Callable[..., Entry]
) -> None:
    """The log shows exactly the bytes that were sent, whatever they were."""
    with Store.memory() as store:
        log = EgressLog(store)
        for number, body in enumerate(bodies):
            log.append(number, entry(), body, None, at=AT)
        log.append(99, entry(run_id="r2"), b"another run's", None, at=AT)
        assert log.bodies("r1") == bodies
        assert [item.entry_id for item in log.departures("r1")] == list(range(len(bodies)))


def test_a_request_is_logged_with_its_facts(store: Store, entry: Callable[..., Entry]) -> None:
    """When, to whom, for whom, how many bytes of what, and a digest that tells them from any others."""
    log = EgressLog(store)
    log.append(7, entry(role="judge", round=2), b"seven!!", KINDS, at=AT)
    (found,) = log.departures("r1")
    assert (found.run_id, found.entry_id, found.role, found.round, found.at) == (
        "r1",
        7,
        "judge",
        2,
        AT,
    )
    assert (found.endpoint, found.bytes, found.kinds) == ("https://api.openai.com/v1", 7, KINDS)
    assert (found.body, found.sha256) == (b"seven!!", hashlib.sha256(b"seven!!").hexdigest())


def test_without_text_a_log_keeps_all_but_the_bodies(
    store: Store, entry: Callable[..., Entry]
) -> None:
    """Without text on the disk, the log still shows how much was sent, and where to."""
    log = EgressLog(store, retain_text=False)
    log.append(1, entry(), b"seven!!", KINDS, at=AT)
    (found,) = log.departures("r1")
    assert (found.body, found.bytes, found.kinds) == (None, 7, KINDS)
    assert found.sha256 == hashlib.sha256(b"seven!!").hexdigest()
    assert log.bodies("r1") == []


def test_the_summary_adds_up_by_endpoint_and_kind(
    store: Store, entry: Callable[..., Entry]
) -> None:
    """Over all runs, or since a time; what nobody counted is unknown, so that the kinds add up to the bytes."""
    log = EgressLog(store)
    assert log.summary() == EgressSummary()
    for number, (kinds, at) in enumerate(
        [(KINDS, AT), (KINDS, AT), (None, AT), (KINDS, "2026-02-01T00:00:00+00:00")]
    ):
        log.append(number, entry(run_id=f"r{number}"), b"seven!!", kinds, at=at)
    log.append(9, entry(endpoint="https://a.example"), b"12345", {"card": 5}, at=AT)
    whole = log.summary()
    assert [(row.endpoint, row.requests, row.bytes) for row in whole.endpoints] == [
        ("https://a.example", 1, 5),
        ("https://api.openai.com/v1", 4, 28),
    ]
    assert whole.endpoints[1].kinds == {"question": 9, "form": 12, "unknown": 7}
    assert (whole.requests, whole.bytes) == (5, 33)
    assert whole.kinds == {"question": 9, "card": 5, "form": 12, "unknown": 7}
    assert log.summary(since="2026-02").kinds == KINDS
    assert total_of(log.departures("r2")).kinds == {"unknown": 7}


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
        log.append(ledger.append(entry()), entry(), b"{}", None, at=AT)
    assert [(row.entry_id, row.body) for row in log.departures("r1")] == [(1, b"{}")]
    with pytest.raises(RuntimeError):
        _fail_after_the_entry(ledger, entry())
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM egress",
        "UPDATE egress SET body = x'00'",
        "UPDATE egress SET endpoint = 'https://nowhere.example'",
        "UPDATE egress SET body = x'', sha256 = 'another'",
        "UPDATE egress SET body = x'', kinds = NULL",
        "UPDATE egress SET body = x'', bytes = 0",
        "UPDATE egress SET body = x'', id = 2",
    ],
)
def test_the_log_cannot_be_rewritten(
    store: Store, entry: Callable[..., Entry], statement: str
) -> None:
    """A request stays on record: its body may be deleted, and nothing else."""
    log = EgressLog(store)
    log.append(1, entry(), b"{}", KINDS, at=AT)
    with pytest.raises(StoreError, match="append-only"):
        store.write(statement)
    store.write("UPDATE egress SET body = x''")
    (found,) = log.departures("r1")
    assert (found.body, found.bytes, found.kinds) == (None, 2, KINDS)
