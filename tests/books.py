"""Where the calls of a test are entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.clock import SystemClock
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.run.crew import Books

if TYPE_CHECKING:
    from minions.store import Store


def books_in(store: Store) -> Books:
    """Books of a store, without prices, limits or observers."""
    return Books(
        ledger=Ledger(store),
        prices=PriceBook({}),
        egress=EgressLog(store),
        budget=Budget(None, None),
        clock=SystemClock(),
        observe=lambda _: None,
    )
