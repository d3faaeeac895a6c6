"""Impossible usage is not believed; a server's lie neither lifts a limit nor breaks the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.ledger.budgets import Budget
from minions.ledger.context import working_for
from minions.ledger.ledger import Ledger
from minions.ledger.meter import Meter, bound_input_tokens
from minions.ledger.prices import PriceBook
from minions.models.credible import credible_usage
from minions.models.metered import metered
from minions.network.wire import note_request
from minions.store import Store
from minions.testing.clock import FakeClock
from minions.values.chat import ChatRequest, Completion, Message, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = ChatRequest(messages=(Message(role="user", content="q" * 84),), max_output_tokens=100)
BOUND = 200  # 84 bytes and 16 for the message, and 100 of output
TEXT = "a reply of some words"
HONEST = Usage(input_tokens=40, cached_input_tokens=10, output_tokens=20, reasoning_tokens=5)
LIES: list[dict[str, int]] = [
    {"input_tokens": -1_000_000},
    {"input_tokens": 0},
    {"input_tokens": 10**18},
    {"input_tokens": 10**30},
    {"output_tokens": -1_000_000},
    {"output_tokens": 0, "reasoning_tokens": 0},
    {"output_tokens": 10**18},
    {"cached_input_tokens": -1},
    {"cached_input_tokens": 41},
    {"reasoning_tokens": -1},
    {"reasoning_tokens": 21},
]


class Liar:
    """A cloud model that answers, with any usage."""

    reference = "openai:m"
    endpoint = "http://127.0.0.1:9/v1"

    def __init__(self, usage: Usage) -> None:
        self.usage = usage

    async def complete(self, _: ChatRequest) -> Completion:
        """Answer."""
        note_request(b"{}")
        return Completion(text=TEXT, finish_reason="stop", usage=self.usage)

    async def aclose(self) -> None:
        """Release nothing."""


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """An empty ledger."""
    with Store.memory() as store:
        yield Ledger(store)


def meter_of(ledger: Ledger, budget: Budget, **changes: Any) -> Meter:
    """A meter for a cloud planner at a dollar a token."""
    parts: dict[str, Any] = {
        "ledger": ledger,
        "prices": PriceBook.parse(["m=1000000/1000000"]),
        "budget": budget,
        "egress": None,
        "role": "planner",
        "cloud": True,
        "clock": FakeClock(),
    }
    return Meter(**{**parts, **changes})


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_counts_as_all_that_was_reserved_and_is_marked(
    ledger: Ledger, lie: dict[str, int]
) -> None:
    """No number that a server writes lowers the spend below the bound, or raises it above."""
    budget = Budget(max_cost_usd=Decimal(1000), max_tokens=1000)
    liar = Liar(HONEST.model_copy(update=lie))
    with working_for("r1", 1):
        completion = await metered(liar, meter=meter_of(ledger, budget)).complete(REQUEST)
    (entry,) = ledger.entries()
    assert entry.usage_estimated
    assert completion.usage.estimated
    assert 0 < entry.input_tokens <= bound_input_tokens(REQUEST)
    assert 0 < entry.output_tokens <= REQUEST.max_output_tokens
    assert (budget.spent_tokens, budget.reserved_tokens) == (BOUND, 0)
    assert ledger.spent_by("r1") == (BOUND, Decimal(BOUND))
    assert ledger.summary("run")[0].calls == 1


async def test_what_is_possible_is_believed(ledger: Ledger) -> None:
    """An honest count is entered as it is, and settles for exactly that."""
    budget = Budget(max_cost_usd=None, max_tokens=1000)
    with working_for("r1", 1):
        await metered(Liar(HONEST), meter=meter_of(ledger, budget)).complete(REQUEST)
    (entry,) = ledger.entries()
    assert not entry.usage_estimated
    assert (entry.input_tokens, entry.output_tokens, budget.spent_tokens) == (40, 20, 60)


@given(
    numbers=st.tuples(*[st.integers(-(10**30), 10**30) | st.integers(-5, 300)] * 4),
    text=st.text(max_size=300),
)
def test_no_usage_leaves_its_bounds(numbers: tuple[int, int, int, int], text: str) -> None:
    """Whatever a server reports: nothing negative, no part above its whole, nothing above a bound."""
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    told = Usage.model_validate(dict(zip(names, numbers, strict=True)))
    usage = credible_usage(told, REQUEST, text)
    most_output = max(REQUEST.max_output_tokens, len(text.encode("utf-8", "surrogatepass")))
    assert 0 < usage.input_tokens <= bound_input_tokens(REQUEST)
    assert 0 <= usage.output_tokens <= 4 * most_output
    assert 0 <= usage.cached_input_tokens <= usage.input_tokens
    assert 0 <= usage.reasoning_tokens <= usage.output_tokens
    assert usage == told or usage.estimated


class _Broken(PriceBook):
    def cost(self, *_: Any, **__: Any) -> Any:
        """Fail."""
        raise OverflowError("no such price")

    def bound_usd(self, *_: Any, **__: Any) -> Decimal:
        """A price that is known."""
        return Decimal(1)


async def test_a_settling_that_fails_leaves_nothing_reserved(ledger: Ledger) -> None:
    """Other calls would wait forever for it; what it may have cost counts as spent."""
    budget = Budget(max_cost_usd=Decimal(2), max_tokens=None)
    meter = meter_of(ledger, budget, prices=_Broken({}))
    with working_for("r1", 1), pytest.raises(OverflowError):
        await metered(Liar(HONEST), meter=meter).complete(REQUEST)
    assert (budget.reserved_usd, budget.spent_usd) == (Decimal(0), Decimal(1))
