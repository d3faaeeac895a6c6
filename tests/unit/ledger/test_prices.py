"""Prices: stated ones first, bundled ones next, and unknown is unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ConfigError
from minions.ledger.prices import Cost, Price, PriceBook
from minions.values.chat import Usage

OPENAI = "https://api.openai.com/v1"
GATEWAY = "http://127.0.0.1:9/v1"
MILLION = Usage(input_tokens=1_000_000, cached_input_tokens=400_000, output_tokens=1_000_000)


@pytest.mark.parametrize(
    ("text", "model", "price"),
    [
        ("m=1/2", "m", Price(input_usd=Decimal(1), output_usd=Decimal(2))),
        ("openai:m=1.5/2/0.1", "openai:m", Price.parse("x=1.5/2/0.1")[1]),
        ("ollama:llama3.2:3b=$1/$2", "ollama:llama3.2:3b", Price.parse("x=1/2")[1]),
        ("a=b=0/0", "a=b", Price(input_usd=Decimal(0), output_usd=Decimal(0))),
    ],
)
def test_a_stated_price_is_understood(text: str, model: str, price: Price) -> None:
    """MODEL=IN/OUT and MODEL=IN/OUT/CACHED, whatever signs the model's name has."""
    assert Price.parse(text) == (model, price)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "m=",
        "m=1",
        "m=1/2/3/4",
        "=1/2",
        "m=a/b",
        "m=-1/2",
        "m=nan/1",
        "m=inf/1",
        "m=1//2",
        "m=1e99/1",
        "m=1e-99/1",
    ],
)
def test_a_price_that_is_none_is_answered_with_an_example(text: str) -> None:
    """The hint can be copied."""
    with pytest.raises(ConfigError) as caught:
        PriceBook.parse([text])
    assert "--price openai:gpt-5.4=2.50/15.00" in (caught.value.hint or "")


@given(text=st.text(max_size=30))
def test_reading_a_price_raises_nothing_but_its_own_error(text: str) -> None:
    """No input makes the parser fall over."""
    try:
        model, price = Price.parse(text)
    except ConfigError:
        return
    assert model
    assert price.input_usd >= 0


def test_cached_input_costs_its_own_price_or_that_of_input() -> None:
    """Cached is inside input; nobody gets a rebate that was not stated."""
    with_cached = PriceBook.parse(["m=2/10/0.5"]).cost("openai:m", GATEWAY, MILLION)
    without = PriceBook.parse(["m=2/10"]).cost("openai:m", GATEWAY, MILLION)
    assert with_cached == Cost(usd=Decimal("11.4"), source="stated")
    assert without == Cost(usd=Decimal(12), source="stated")


@pytest.mark.parametrize("name", ["gpt-5.4", "openai:gpt-5.4"])
def test_a_stated_price_wins_over_the_bundled_one(name: str) -> None:
    """With or without the provider in its name; another provider's model of that full name is not meant."""
    book = PriceBook.parse([f"{name}=1/1"])
    cost = book.cost("openai:gpt-5.4", OPENAI, Usage(input_tokens=1_000_000))
    assert cost == Cost(usd=Decimal(1), source="stated")
    other = book.cost("azure:gpt-5.4", GATEWAY, Usage(input_tokens=1_000_000))
    assert (other is not None and other.source == "stated") == (name == "gpt-5.4")


@pytest.mark.parametrize("endpoint", [OPENAI, GATEWAY])
def test_bundled_prices_name_their_source(endpoint: str) -> None:
    """A known model has a price, with cached input cheaper, at its maker's endpoint and behind a gateway."""
    book = PriceBook({})
    full = book.cost("openai:gpt-5.4", endpoint, Usage(input_tokens=1000, output_tokens=10))
    cached = book.cost(
        "openai:gpt-5.4",
        endpoint,
        Usage(input_tokens=1000, cached_input_tokens=900, output_tokens=10),
    )
    assert full is not None
    assert cached is not None
    assert 0 < cached.usd < full.usd
    assert full.source.startswith("genai-prices 0.")
    assert full.date is None


def test_the_endpoints_provider_sets_the_price() -> None:
    """A model asked of another company's endpoint is not billed at OpenAI's prices."""
    usage = Usage(input_tokens=1000)
    assert PriceBook({}).cost("openai:gpt-5.4", "https://api.anthropic.com/v1", usage) is None


@pytest.mark.parametrize("reference", ["openai:no-such-model", "nobody:model", "model"])
def test_what_nobody_prices_is_unknown(reference: str) -> None:
    """None, never 0."""
    book = PriceBook({})
    assert book.cost(reference, GATEWAY, Usage(input_tokens=1)) is None
    assert book.bound_usd(reference, GATEWAY, input_tokens=1, output_tokens=1) is None


def test_impossible_counts_of_a_server_do_not_stop_a_run() -> None:
    """More cached input than input is read as all of it cached."""
    cost = PriceBook.parse(["m=2/10/1"]).cost(
        "openai:m", GATEWAY, Usage(input_tokens=10, cached_input_tokens=50)
    )
    assert cost is not None
    assert cost.usd == Decimal("0.00001")
    assert (
        PriceBook({}).cost("openai:gpt-5.4", OPENAI, Usage(input_tokens=10, cached_input_tokens=50))
        is not None
    )


@given(cached=st.integers(0, 1000), total=st.integers(0, 1000), output=st.integers(0, 1000))
def test_no_usage_within_a_bound_costs_more_than_it(cached: int, total: int, output: int) -> None:
    """The reserved amount is enough, even where cached input is the more expensive one."""
    for book in (PriceBook.parse(["gpt-5.4=1/2/3"]), PriceBook({})):
        bound = book.bound_usd("openai:gpt-5.4", GATEWAY, input_tokens=1000, output_tokens=1000)
        usage = Usage(input_tokens=total, cached_input_tokens=cached, output_tokens=output)
        cost = book.cost("openai:gpt-5.4", GATEWAY, usage)
        assert bound is not None
        assert cost is not None
        assert cost.usd <= bound
