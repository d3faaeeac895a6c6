"""Budgets under concurrency: whatever the interleaving, a limit holds and nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minions.errors import BudgetExceededError, PriceUnknownError
from minions.ledger.budgets import Budget

if TYPE_CHECKING:
    from minions.ledger.budgets import Reservation

CALLERS = 64
LIMIT = 1000


def _close(reservation: Reservation, chance: random.Random) -> None:
    match chance.randrange(3):
        case 0:
            part = chance.randint(0, reservation.tokens)
            reservation.settle(part, Decimal(part) / 100)
        case 1:
            reservation.release()
        case _:
            reservation.keep()


async def _caller(budget: Budget, chance: random.Random) -> None:
    tokens = chance.randint(1, LIMIT // 4)
    reservation = await budget.reserve(tokens, Decimal(tokens) / 100)
    try:
        for _ in range(chance.randrange(5)):
            assert budget.spent_tokens + budget.reserved_tokens <= LIMIT
            assert budget.spent_usd + budget.reserved_usd <= Decimal(LIMIT) / 100
            await asyncio.sleep(0)
    finally:
        _close(reservation, chance)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_sixty_four_callers_never_pass_a_limit(seed: int) -> None:
    """Callers that settle, fail, keep or are cancelled at any point leave the budget within its limits, at rest."""

    async def race() -> list[BaseException | None]:
        chance = random.Random(seed)  # noqa: S311 - a reproducible interleaving, no secret
        budget = Budget(max_cost_usd=Decimal(LIMIT) / 100, max_tokens=LIMIT)
        tasks = [asyncio.create_task(_caller(budget, chance)) for _ in range(CALLERS)]
        for task in chance.sample(tasks, 8):
            await asyncio.sleep(0)
            task.cancel()
        async with asyncio.timeout(10):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert (budget.reserved_tokens, budget.reserved_usd) == (0, Decimal(0))
        assert budget.spent_tokens <= LIMIT
        assert budget.spent_usd <= Decimal(LIMIT) / 100
        return results

    for result in asyncio.run(race()):
        assert result is None or isinstance(result, (BudgetExceededError, asyncio.CancelledError))


async def _turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_a_call_waits_for_those_in_flight_and_goes_when_they_took_less() -> None:
    """Reserving the worst case does not stop a run that in fact fits."""
    budget = Budget(max_cost_usd=None, max_tokens=100)
    first = await budget.reserve(80, None)
    second = asyncio.create_task(budget.reserve(80, None))
    await _turns()
    assert not second.done()
    first.settle(20, None)
    assert (await second).tokens == 80
    assert (budget.spent_tokens, budget.reserved_tokens) == (20, 80)


async def test_a_waiting_call_is_refused_when_those_in_flight_took_too_much() -> None:
    """The error names the limit, what is spent, and what the call would have taken."""
    budget = Budget(max_cost_usd=Decimal(1), max_tokens=None)
    first = await budget.reserve(1, Decimal("0.8"))
    second = asyncio.create_task(budget.reserve(1, Decimal("0.8")))
    await _turns()
    first.keep()
    with pytest.raises(BudgetExceededError) as caught:
        await second
    error = caught.value
    assert (error.unit, error.limit, error.spent, error.next_call) == (
        "USD",
        1,
        Decimal("0.8"),
        Decimal("0.8"),
    )
    assert error.hint == "raise it with --max-cost 1.8"


async def test_a_call_that_could_never_fit_is_refused_at_once() -> None:
    """It does not wait for others that cannot help it."""
    budget = Budget(max_cost_usd=None, max_tokens=10)
    first = await budget.reserve(5, None)
    with pytest.raises(BudgetExceededError):
        await budget.reserve(11, None)
    first.release()
    assert (budget.spent_tokens, budget.reserved_tokens) == (0, 0)


async def test_a_limit_can_be_used_to_its_last_token() -> None:
    """A limit is a limit, not one less."""
    budget = Budget(max_cost_usd=Decimal("0.10"), max_tokens=10)
    (await budget.reserve(10, Decimal("0.1"))).settle(10, Decimal("0.1"))
    (await budget.reserve(0, Decimal(0))).release()
    with pytest.raises(BudgetExceededError):
        await budget.reserve(1, Decimal(0))


async def test_a_cancelled_waiter_takes_nothing_and_wakes_nobody_too_few() -> None:
    """When one of two waiters is cancelled as room appears, the other gets it."""
    budget = Budget(max_cost_usd=None, max_tokens=10)
    first = await budget.reserve(10, None)
    waiters = [asyncio.create_task(budget.reserve(10, None)) for _ in range(2)]
    await _turns()
    first.release()
    waiters[0].cancel()
    await asyncio.gather(waiters[0], return_exceptions=True)
    async with asyncio.timeout(10):
        assert (await waiters[1]).tokens == 10
    assert budget.reserved_tokens == 10


async def test_a_reservation_is_closed_once() -> None:
    """Nothing can be given back twice."""
    budget = Budget(max_cost_usd=None, max_tokens=10)
    reservation = await budget.reserve(10, None)
    reservation.release()
    with pytest.raises(ValueError, match="closed"):
        reservation.release()
    assert budget.reserved_tokens == 0


async def test_an_unknown_price_matters_only_under_a_cost_limit() -> None:
    """With one, nothing starts; without, everything does."""
    with pytest.raises(PriceUnknownError) as caught:
        await Budget(max_cost_usd=Decimal(1), max_tokens=None).reserve(1, None)
    assert "--price MODEL=IN/OUT" in (caught.value.hint or "")
    (await Budget(max_cost_usd=None, max_tokens=None).reserve(10**9, None)).keep()


async def test_a_reply_dearer_than_its_reservation_is_counted_in_full() -> None:
    """If a server counts more than any tokenizer could, the next call pays attention to it."""
    budget = Budget(max_cost_usd=None, max_tokens=10)
    (await budget.reserve(5, None)).settle(12, None)
    with pytest.raises(BudgetExceededError, match="12 of 10"):
        await budget.reserve(1, None)
