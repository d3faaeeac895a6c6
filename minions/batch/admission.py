"""How many questions may be under way under a shared limit, so that it pays for answers and not for plans alone."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from minions.tokens import bound_tokens
from minions.wiring import choose_models, is_cloud, priced_planner

if TYPE_CHECKING:
    from minions.batch.items import Item
    from minions.settings import Settings
    from minions.wiring import Books

_CALLS_BYTES = 7_000  # of a plan and a decision, schemas and card included, without question and digest
_BYTES_PER_TOKEN = 6  # of a digest; a token is bounded by a byte


class _Hold(NamedTuple):
    """The most that a question's plan and decision can take."""

    tokens: int
    usd: Decimal


class Admission:
    """Lets a question begin when the limits cover the first round of all that are under way, and its own."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self._settings, self._books = settings, books
        self._under_way: dict[str, _Hold] = {}
        planner, _, _ = choose_models(settings)
        self._limited = is_cloud(planner, settings) and (
            settings.max_cost is not None or settings.max_cloud_tokens is not None
        )

    @property
    def is_over(self) -> bool:
        """Whether the shared budget has refused a call: nothing further is begun."""
        return self._books.budget.refused

    def admits(self, item: Item) -> bool:
        """Whether a question may begin now. A lone one always may: the budget itself decides about its calls."""
        if self.is_over:
            return False
        if not self._limited or not self._under_way:
            return True
        holds = [*self._under_way.values(), self._hold(item)]
        most = sum(hold.tokens for hold in holds), sum((hold.usd for hold in holds), start=Decimal(0))
        return self._books.budget.has_room(*most)

    def begin(self, item: Item) -> None:
        """A question is under way."""
        self._under_way[item.id] = self._hold(item) if self._limited else _Hold(0, Decimal(0))

    def end(self, item: Item) -> None:
        """It is not any more."""
        del self._under_way[item.id]

    def _hold(self, item: Item) -> _Hold:
        settings = self._settings
        asked = _CALLS_BYTES + 2 * bound_tokens(item.question) + _BYTES_PER_TOKEN * settings.digest_tokens
        written = 2 * settings.planner_output_tokens
        reference, endpoint = priced_planner(settings)
        usd = self._books.prices.bound_usd(reference, endpoint, input_tokens=asked, output_tokens=written)
        return _Hold(asked + written, usd or Decimal(0))
