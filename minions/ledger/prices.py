"""Prices: what the user stated, else the tables bundled with genai-prices. Nothing is fetched."""

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
_EXAMPLE: Final = "in USD per million tokens: --price openai:gpt-5.4=2.50/15.00, or with cached input =2.50/15.00/0.25"
_PARTS: Final = (2, 3)


class Cost(Value):
    """What some tokens cost; ``date`` is the price's day where its source tells, in ISO 8601."""

    usd: Usd
    source: str
    date: str | None = None


class Price(Value):
    """US dollars per million tokens. Without a price for cached input, it costs like input."""

    input_usd: Usd
    output_usd: Usd
    cached_input_usd: Usd | None = None

    @classmethod
    def parse(cls, text: str) -> tuple[str, Price]:
        """Read ``MODEL=IN/OUT`` or ``MODEL=IN/OUT/CACHED``; the model and its price. Raises ConfigError."""
        model, _, figures = text.rpartition("=")
        parts = figures.split("/")
        try:
            amounts = [Decimal(part.strip().removeprefix("$")) for part in parts]
        except InvalidOperation:
            amounts = []
        plain = all(amount.is_finite() and 0 <= amount <= _MILLION for amount in amounts)
        if not model.strip() or len(amounts) not in _PARTS or not plain:
            raise ConfigError(f"{text!r} is not a price", hint=_EXAMPLE)
        cached = amounts[2] if len(amounts) == _PARTS[1] else None
        try:
            return model.strip(), cls(
                input_usd=amounts[0], output_usd=amounts[1], cached_input_usd=cached
            )
        except ValidationError:  # of more digits than a ledger keeps
            raise ConfigError(f"{text!r} is not a price", hint=_EXAMPLE) from None

    def cost_usd(self, usage: Usage) -> Decimal:
        """What ``usage`` costs at this price."""
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        fresh_tokens = usage.input_tokens - usage.cached_input_tokens
        total = fresh_tokens * self.input_usd + usage.cached_input_tokens * cached_usd
        return (total + usage.output_tokens * self.output_usd) / _MILLION


class PriceBook:
    """Prices of models by reference (``provider:model``); ``overrides`` name them with or without the provider."""

    def __init__(self, overrides: Mapping[str, Price]) -> None:
        self._overrides = dict(overrides)

    @classmethod
    def parse(cls, statements: Iterable[str]) -> PriceBook:
        """A book of prices stated as in ``Price.parse``; of two for a model the later holds. Raises ConfigError."""
        return cls(dict(Price.parse(text) for text in statements))

    def cost(self, reference: str, endpoint: str, usage: Usage) -> Cost | None:
        """What ``usage`` costs, or None when nobody states a price.

        A stated price holds first; then the table of the provider whose endpoint it is; then, for an endpoint that no
        provider owns (a gateway, say), the table of the reference's provider.
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
        """The most that so many tokens can cost, whatever part of the input is cached; None when unknown."""
        costs = (
            self.cost(
                reference,
                endpoint,
                Usage(
                    input_tokens=input_tokens,
                    cached_input_tokens=cached,
                    output_tokens=output_tokens,
                ),
            )
            for cached in (0, input_tokens)
        )
        known = [cost.usd for cost in costs if cost is not None]
        return max(known, default=None)


def _consistent(usage: Usage) -> Usage:
    """Usage whose parts fit their wholes: servers have been seen to report more cached input than input."""
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
    # The package states no day for its tables; its version says which ones they are.
    return Cost(usd=price.total_price, source=f"genai-prices {genai_prices.__version__}")


def _owner(endpoint: str) -> str | None:
    """The provider whose endpoint it is, by genai-prices' name."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider(None, None, endpoint).id
    except LookupError:
        return None
