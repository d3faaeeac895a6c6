"""Prices: those that the user states, or else the tables bundled with genai-prices.

Nothing is fetched from the network.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from minions.errors import ConfigError
from minions.ledger.entries import Usd
from minions.values.base import Value
from minions.values.chat import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MILLION: Final = Decimal(1_000_000)
_EXAMPLE: Final = (
    "in USD per million tokens: --price openai:gpt-5.4=2.50/15.00, or with cached input"
    " =2.50/15.00/0.25"
)
_PARTS: Final = (2, 3)


class Cost(Value):
    """The cost of some tokens."""

    usd: Usd
    source: str
    """The source of the price."""
    date: str | None = None
    """The day of the price, in ISO 8601; None if the source does not state it."""


class Price(Value):
    """A price in US dollars per million tokens."""

    input_usd: Usd
    output_usd: Usd
    cached_input_usd: Usd | None = None
    """None: cached input costs the same as other input."""

    @classmethod
    def parse(cls, text: str) -> tuple[str, Price]:
        """Read a model and its price from ``MODEL=IN/OUT[/CACHED]``. Raises ConfigError."""
        model, _, figures = text.rpartition("=")
        parts = figures.split("/")
        try:
            amounts = [Decimal(part.strip().removeprefix("$")) for part in parts]
        except InvalidOperation:
            amounts = []
        in_range = all(amount.is_finite() and 0 <= amount <= _MILLION for amount in amounts)
        if not model.strip() or len(amounts) not in _PARTS or not in_range:
            raise ConfigError(f"{text!r} is not a price", hint=_EXAMPLE)
        cached = amounts[2] if len(amounts) == _PARTS[1] else None
        try:
            return model.strip(), cls(
                input_usd=amounts[0], output_usd=amounts[1], cached_input_usd=cached
            )
        except ValidationError:  # more digits than the ledger keeps
            raise ConfigError(f"{text!r} is not a price", hint=_EXAMPLE) from None

    def cost_usd(self, usage: Usage) -> Decimal:
        """Return the cost of ``usage`` at this price."""
        cached_usd = self.cached_input_usd
        if cached_usd is None:
            cached_usd = self.input_usd
        fresh_tokens = usage.input_tokens - usage.cached_input_tokens
        total = fresh_tokens * self.input_usd + usage.cached_input_tokens * cached_usd
        return (total + usage.output_tokens * self.output_usd) / _MILLION


class PriceBook:
    """The prices of all models.

    ``overrides`` are stated prices, by the model's reference (``provider:model``) or its name
    alone.
    """

    def __init__(self, overrides: Mapping[str, Price]) -> None:
        self._overrides = dict(overrides)

    @classmethod
    def parse(cls, statements: Iterable[str]) -> PriceBook:
        """Read stated prices as ``Price.parse`` does; a later one replaces an earlier one.

        Raises ConfigError.
        """
        return cls(dict(Price.parse(text) for text in statements))

    def cost(self, reference: str, endpoint: str, usage: Usage) -> Cost | None:
        """Return the cost of ``usage``, or None if the price is unknown.

        A stated price counts first, then the table of the provider that owns the endpoint, and
        then, for an endpoint that no provider owns (such as a gateway), the table of the
        reference's provider.
        """
        provider, _, model = reference.partition(":")
        counted = _consistent(usage)
        stated = self._overrides.get(reference) or self._overrides.get(model)
        if stated is not None:
            return Cost(usd=stated.cost_usd(counted), source="stated")
        return _bundled_cost(provider, model, endpoint, counted)

    def bound_usd(
        self, reference: str, endpoint: str, *, input_tokens: int, output_tokens: int
    ) -> Decimal | None:
        """Return the highest cost of so many tokens, whatever part of the input is cached.

        None if the price is unknown.
        """
        known: list[Decimal] = []
        for cached_tokens in (0, input_tokens):
            usage = Usage(
                input_tokens=input_tokens,
                cached_input_tokens=cached_tokens,
                output_tokens=output_tokens,
            )
            cost = self.cost(reference, endpoint, usage)
            if cost is not None:
                known.append(cost.usd)
        return max(known, default=None)


def _consistent(usage: Usage) -> Usage:
    """Return the usage without contradictions: some servers report more cached input than input."""
    total = max(usage.input_tokens, 0)
    return Usage(
        input_tokens=total,
        cached_input_tokens=min(max(usage.cached_input_tokens, 0), total),
        output_tokens=max(usage.output_tokens, 0),
    )


def _bundled_cost(provider: str, model: str, endpoint: str, usage: Usage) -> Cost | None:
    import genai_prices

    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        price = genai_prices.calc_price(counted, model, provider_id=_owner(endpoint) or provider)
    except (LookupError, ValueError):
        return None
    # The package states no day for its tables, so its version stands for them.
    return Cost(usd=price.total_price, source=f"genai-prices {genai_prices.__version__}")


def _owner(endpoint: str) -> str | None:
    """Return the provider that owns an endpoint, by its name in genai-prices; else None."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider(None, None, endpoint).id
    except LookupError:
        return None
