"""How many questions are begun under a limit: as many as it pays answers for."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.batch.admission import Admission
from minions.batch.items import Item
from minions.errors import BudgetExceededError
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.settings import Settings
from minions.store.store import Store
from minions.testing import FakeClock
from minions.wiring import Books

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS = [Item(id=str(number), question="How tall is it?") for number in range(10)]
MOST = 7_000 + 2 * 15 + 6 * 700 + 2 * 2_000  # tokens of a plan and a decision, at the defaults


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store."""
    with Store.memory() as opened:
        yield opened


def admission(store: Store, *, spent_tokens: int = 0, **limits: Any) -> Admission:
    settings = Settings.load({"planner": "openai:gpt-5.4", "openai_api_key": "k", "prices": ["gpt-5.4=1/1"], **limits})
    books = Books(
        ledger=Ledger(store),
        prices=PriceBook.parse(settings.prices),
        egress=EgressLog(store),
        budget=Budget(settings.max_cost, settings.max_cloud_tokens, spent_tokens=spent_tokens),
        clock=FakeClock(),
        observe=lambda _: None,
    )
    return Admission(settings, books)


def begun(gate: Admission) -> int:
    """How many questions it lets begin while none ends."""
    for number, item in enumerate(ITEMS):
        if not gate.admits(item):
            return number
        gate.begin(item)
    return len(ITEMS)


def test_without_a_limit_all_may_begin(store: Store) -> None:
    """Nothing is held back that nobody limits; nor is a planner on this machine, which costs nothing."""
    assert begun(admission(store)) == len(ITEMS)
    assert begun(admission(store, planner="local", max_cost=Decimal("0.01"))) == len(ITEMS)


@pytest.mark.parametrize(
    "limits", [{"max_cloud_tokens": 3 * MOST + 50}, {"max_cost": Decimal(3 * MOST + 50) / 1_000_000}]
)
def test_as_many_begin_as_the_limit_pays_answers_for(store: Store, limits: dict[str, Any]) -> None:
    """In tokens or dollars: each question's plan and decision at their most. When one ends, another may begin."""
    gate = admission(store, **limits)
    assert begun(gate) == 3
    gate.end(ITEMS[0])
    assert gate.admits(ITEMS[3])


def test_what_was_spent_counts(store: Store) -> None:
    """A batch that goes on begins as many as what is left pays for."""
    assert begun(admission(store, max_cloud_tokens=3 * MOST, spent_tokens=2 * MOST)) == 1


def test_a_lone_question_may_always_begin(store: Store) -> None:
    """Its calls may well take less than the most: the budget decides about each of them."""
    assert begun(admission(store, max_cloud_tokens=10)) == 1


async def test_nothing_begins_after_a_call_was_refused(store: Store) -> None:
    """The budget is over: the batch ends, and says so."""
    gate = admission(store, max_cloud_tokens=10)
    before = gate.is_over
    with pytest.raises(BudgetExceededError):
        await gate._books.budget.reserve(11, None)
    assert (before, gate.is_over) == (False, True)
    assert not gate.admits(ITEMS[0])
