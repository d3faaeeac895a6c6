"""Entries and stores for tests of the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.ledger.entries import Entry
from minions.ledger.ledger import Ledger
from minions.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _entry(**changes: Any) -> Entry:
    values = {
        "run_id": "r1",
        "round": 1,
        "role": "planner",
        "cloud": True,
        "provider": "openai",
        "model": "gpt-5.4",
        "endpoint": "https://api.openai.com/v1",
        "at": "2026-01-01T00:00:00+00:00",
        "input_tokens": 10,
        "output_tokens": 2,
        "cost_usd": Decimal("0.5"),
        "latency_s": 0.25,
        "status": "ok",
    }
    return Entry(**{**values, **changes})


@pytest.fixture(scope="session")
def entry() -> Callable[..., Entry]:
    """Make an entry of a cloud call."""
    return _entry


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    with Store.memory() as opened:
        yield opened


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """An empty ledger."""
    return Ledger(store)
