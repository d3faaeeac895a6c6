"""Budgets: reserve the most that a call can take, make the call, then settle for what it took."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Generic, TypeVar

from minions.errors import BudgetExceededError, PriceUnknownError

Amount = TypeVar("Amount", int, Decimal)


def price_unknown(model: str) -> PriceUnknownError:
    """Return the error for a cost limit together with a model whose price is unknown."""
    return PriceUnknownError(
        f"a cost limit is set, and the price of {model} is not known",
        hint=f"state it in USD per million tokens: --price {model}=IN/OUT",
    )


class _Account(Generic[Amount]):
    """One limit, or none, with the amounts spent and reserved so far."""

    def __init__(self, unit: str, limit: Amount | None, spent: Amount) -> None:
        self.unit = unit
        self.limit: Amount | None = limit
        self.spent: Amount = spent
        self.reserved: Amount = spent - spent

    def refuse(self, amount: Amount) -> None:
        """Raise BudgetExceededError if ``amount`` cannot fit even if calls in flight are free."""
        if self.limit is not None and self.spent + amount > self.limit:
            raise BudgetExceededError(
                unit=self.unit, limit=self.limit, spent=self.spent, next_call=amount
            )

    def fits(self, amount: Amount) -> bool:
        return self.limit is None or self.spent + self.reserved + amount <= self.limit

    def close(self, reserved: Amount, spent: Amount) -> None:
        self.reserved -= reserved
        self.spent += spent


class Budget:
    """Limits on the cloud attempts of a run; None is no limit.

    A budget serves the tasks of one event loop. The amounts spent and reserved never exceed a
    limit, in whatever order the tasks run, as long as no call takes more than it reserved.
    """

    def __init__(
        self,
        max_cost_usd: Decimal | None,
        max_tokens: int | None,
        *,
        spent_usd: Decimal = Decimal(0),
        spent_tokens: int = 0,
    ) -> None:
        """``spent_usd`` and ``spent_tokens`` were spent on the same work by an earlier process."""
        self._cost = _Account("USD", max_cost_usd, spent_usd)
        self._tokens = _Account("tokens", max_tokens, spent_tokens)
        self._waiting: set[asyncio.Future[None]] = set()
        self.refused = False
        """True once a call was refused."""

    def resumed(self, *, spent_usd: Decimal, spent_tokens: int) -> Budget:
        """A new budget with the same limits, of which these amounts are spent."""
        return Budget(
            self._cost.limit,
            self._tokens.limit,
            spent_usd=spent_usd,
            spent_tokens=spent_tokens,
        )

    @property
    def is_limited(self) -> bool:
        """True if there is a limit at all."""
        return self._cost.limit is not None or self._tokens.limit is not None

    @property
    def spent_usd(self) -> Decimal:
        """Dollars spent so far."""
        return self._cost.spent

    @property
    def spent_tokens(self) -> int:
        """Tokens spent so far."""
        return self._tokens.spent

    @property
    def reserved_usd(self) -> Decimal:
        """The most that the calls in flight can still cost."""
        return self._cost.reserved

    @property
    def reserved_tokens(self) -> int:
        """The most that the calls in flight can still use."""
        return self._tokens.reserved

    async def reserve(
        self, tokens: int, cost_usd: Decimal | None, *, model: str = "MODEL"
    ) -> Reservation:
        """Reserve the most that a call can take, and wait while calls in flight may leave enough.

        Raises BudgetExceededError if they cannot, and PriceUnknownError if cost is limited and
        ``cost_usd`` is None.
        """
        if cost_usd is None and self._cost.limit is not None:
            raise price_unknown(model)
        cost = cost_usd or Decimal(0)
        while not self._grant(tokens, cost):
            await self._settlement()
        return Reservation(self, tokens, cost)

    def count(self, tokens: int, cost_usd: Decimal | None) -> None:
        """Count the amounts of a lost call as spent, even beyond a limit."""
        self._cost.spent += cost_usd or Decimal(0)
        self._tokens.spent += tokens

    def has_room(self, tokens: int, cost_usd: Decimal | None) -> bool:
        """Return whether these amounts fit, even if everything reserved is spent."""
        return self._cost.fits(cost_usd or Decimal(0)) and self._tokens.fits(tokens)

    def _grant(self, tokens: int, cost_usd: Decimal) -> bool:
        """Reserve the amounts if they fit now. Raises BudgetExceededError if they never can."""
        try:
            self._cost.refuse(cost_usd)
            self._tokens.refuse(tokens)
        except BudgetExceededError:
            self.refused = True
            raise
        if not (self._cost.fits(cost_usd) and self._tokens.fits(tokens)):
            return False
        self._cost.reserved += cost_usd
        self._tokens.reserved += tokens
        return True

    async def _settlement(self) -> None:
        """Wait until a reservation is closed."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting.add(woken)
        try:
            await woken
        finally:
            self._waiting.discard(woken)

    def _close(self, reservation: Reservation, tokens: int, cost_usd: Decimal) -> None:
        self._tokens.close(reservation.tokens, tokens)
        self._cost.close(reservation.cost_usd, cost_usd)
        # All waiting calls are woken: the first may need more than was freed, or be cancelled.
        for woken in tuple(self._waiting):
            if not woken.done():
                woken.set_result(None)


class Reservation:
    """The amounts reserved for one call. Close it exactly once; a second time raises ValueError."""

    def __init__(self, budget: Budget, tokens: int, cost_usd: Decimal) -> None:
        self._budget = budget
        self._open = True
        self.tokens = tokens
        self.cost_usd = cost_usd

    def settle(self, tokens: int, cost_usd: Decimal | None) -> None:
        """Close with the amounts that the call took.

        A cost of None counts as all that was reserved.
        """
        if cost_usd is None:
            cost_usd = self.cost_usd
        self._close(tokens, cost_usd)

    def release(self) -> None:
        """Close with nothing spent: the call was not billed."""
        self._close(0, Decimal(0))

    def keep(self) -> None:
        """Close with everything spent: the bill is unknown."""
        self._close(self.tokens, self.cost_usd)

    def _close(self, tokens: int, cost_usd: Decimal) -> None:
        if not self._open:
            raise ValueError("this reservation is closed")
        self._open = False
        self._budget._close(self, tokens, cost_usd)  # noqa: SLF001 - two halves of one mechanism
