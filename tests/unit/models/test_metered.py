"""The meter: one ledger entry per physical attempt, however it ends."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import (
    BudgetExceededError,
    DeadlineError,
    MalformedReplyError,
    ModelError,
    PriceUnknownError,
    RateLimitedError,
)
from minions.ledger.budgets import Budget
from minions.ledger.context import working_for
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.meter import Meter, bound_input_tokens, request_key
from minions.ledger.prices import PriceBook
from minions.models.metered import metered
from minions.network.wire import note_request, note_response
from minions.store import Store
from minions.testing.clock import FakeClock
from minions.values.chat import ChatRequest, Completion, Message, Usage
from minions.values.events import CloudCallEvent, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.ledger.entries import Entry

REQUEST = ChatRequest(messages=(Message(role="user", content="q" * 84),), max_output_tokens=100)
BOUND = 200  # 84 bytes and 16 for the message, and 100 of output
USAGE = Usage(input_tokens=40, cached_input_tokens=10, output_tokens=20, reasoning_tokens=5)
PRICES = ["m=1000000/1000000"]  # a dollar a token


class Backend:
    """A model that notes its bytes as an adapter does, takes half a second, and returns or raises
    ``outcome``.
    """

    reference = "openai:m"
    endpoint = "http://127.0.0.1:9/v1"

    def __init__(
        self, clock: FakeClock, outcome: Usage | BaseException, body: bytes = b'{"model":"m"}'
    ) -> None:
        self.clock, self.outcome, self.body, self.closed, self.calls = clock, outcome, body, 0, 0

    async def complete(self, _: ChatRequest) -> Completion:
        """Note the bytes, then reply or fail."""
        self.calls += 1
        note_request(self.body)
        self.clock.advance(0.5)
        note_response(7)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return Completion(text="ok", finish_reason="stop", usage=self.outcome)

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


class Bench:
    """A ledger, a budget, an egress log and a clock around one backend."""

    def __init__(self, store: Store) -> None:
        self.ledger, self.egress, self.clock = Ledger(store), EgressLog(store), FakeClock()
        self.events: list[Event] = []
        self.budget = Budget(max_cost_usd=Decimal(1000), max_tokens=1000)

    async def ask(self, outcome: Usage | BaseException, **changes: Any) -> Completion:
        """Make one metered attempt in round 2 of run r1."""
        backend = Backend(self.clock, outcome)
        with working_for("r1", 2):
            return await metered(backend, meter=self.meter(**changes)).complete(REQUEST)

    def meter(self, **changes: Any) -> Meter:
        """A meter for the cloud planner."""
        parts: dict[str, Any] = {
            "ledger": self.ledger,
            "prices": PriceBook.parse(PRICES),
            "budget": self.budget,
            "egress": self.egress,
            "role": "planner",
            "cloud": True,
            "clock": self.clock,
            "observe": self.events.append,
        }
        return Meter(**{**parts, **changes})

    @property
    def entry(self) -> Entry:
        """The only entry there is."""
        (entry,) = self.ledger.entries()
        return entry

    @property
    def spent(self) -> tuple[int, Decimal]:
        """The budget's spent amount when no call is under way."""
        assert (self.budget.reserved_tokens, self.budget.reserved_usd) == (0, Decimal(0))
        return self.budget.spent_tokens, self.budget.spent_usd


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Everything empty."""
    with Store.memory() as store:
        yield Bench(store)


async def test_a_reply_is_entered_with_its_tokens_price_bytes_and_time(bench: Bench) -> None:
    """The entry has role, model, time, tokens and cost."""
    completion = await bench.ask(USAGE)
    entry = bench.entry
    assert completion.text == "ok"
    assert (entry.run_id, entry.round, entry.role, entry.provider, entry.model) == (
        "r1",
        2,
        "planner",
        "openai",
        "m",
    )
    assert (
        entry.input_tokens,
        entry.cached_input_tokens,
        entry.output_tokens,
        entry.reasoning_tokens,
    ) == (
        40,
        10,
        20,
        5,
    )
    assert (entry.cost_usd, entry.price_source, entry.status) == (Decimal(60), "stated", "ok")
    assert (entry.bytes_out, entry.bytes_in, entry.latency_s) == (13, 7, 0.5)
    assert (entry.at, entry.usage_estimated) == ("2026-01-01T00:00:00+00:00", False)
    assert bench.spent == (60, Decimal(60))


async def test_the_exact_bytes_that_left_are_kept(bench: Bench) -> None:
    """The egress log has the body, and the observer gets an event."""
    await bench.ask(USAGE)
    assert bench.egress.bodies("r1") == [b'{"model":"m"}']
    assert bench.events == [
        CloudCallEvent(
            run_id="r1",
            model="openai:m",
            status="ok",
            input_tokens=40,
            output_tokens=20,
            cost_usd=Decimal(60),
        )
    ]


async def test_what_left_is_told_by_kind(bench: Bench) -> None:
    """The log has each request's run and round, and the kinds of its bytes."""
    await bench.ask(USAGE, role="judge")
    (unknown,) = bench.egress.departures("r1")
    assert (unknown.role, unknown.round, unknown.at, unknown.kinds) == (
        "judge",
        2,
        bench.clock.now_iso(),
        None,
    )
    message = Message.of("user", ("prompt", "Question: "), ("question", "Who?"))
    request = REQUEST.model_copy(update={"messages": (message,)})
    body = b'{"messages":[{"role":"user","content":"Question: Who?"}]}'
    backend = Backend(bench.clock, USAGE, body)
    with working_for("r2", 1):
        await metered(backend, meter=bench.meter()).complete(request)
    (known,) = bench.egress.departures("r2")
    assert known.kinds == {"prompt": 10, "question": 4, "form": len(body) - 14}


def test_what_words_are_made_of_is_no_part_of_a_request() -> None:
    """A kept reply is found by the words of its request, whatever their kinds."""
    plain, kinds = Message(role="user", content="Who?"), Message.of("user", ("question", "Who?"))
    backend = Backend(FakeClock(), USAGE)
    requests = [REQUEST.model_copy(update={"messages": (message,)}) for message in (plain, kinds)]
    assert request_key(backend, requests[0]) == request_key(backend, requests[1])
    assert request_key(backend, requests[0]) != request_key(backend, REQUEST)


async def test_a_local_call_costs_nothing_and_leaves_no_bytes(bench: Bench) -> None:
    """A model on this machine has no cost, uses no budget, and is not in the egress log."""
    await bench.ask(USAGE, cloud=False, role="worker")
    assert (bench.entry.cost_usd, bench.entry.price_source, bench.entry.cloud) == (
        Decimal(0),
        "local",
        False,
    )
    assert bench.spent == (0, Decimal(0))
    assert bench.egress.bodies("r1") == []
    assert bench.events == []


@pytest.mark.parametrize(
    ("error", "status", "cost_usd", "spent"),
    [
        (RateLimitedError("wait"), "rate_limited_error", Decimal(0), 0),
        (DeadlineError("late"), "deadline_error", None, BOUND),
        (MalformedReplyError("what", usage=USAGE), "malformed_reply_error", Decimal(60), 60),
        (
            MalformedReplyError("what", usage=Usage(input_tokens=9, estimated=True)),
            "malformed_reply_error",
            None,
            BOUND,
        ),
        (KeyError("a bug"), "key_error", None, BOUND),
        (asyncio.CancelledError(), "cancelled", None, BOUND),
    ],
)
async def test_a_failed_attempt_is_an_entry_too(
    bench: Bench, error: BaseException, status: str, cost_usd: Decimal | None, spent: int
) -> None:
    """An attempt that may have been billed counts as spent, at unknown cost; a refused one costs
    nothing.
    """
    with pytest.raises(type(error)):
        await bench.ask(error)
    assert (bench.entry.status, bench.entry.cost_usd) == (status, cost_usd)
    assert bench.spent == (spent, Decimal(spent))
    assert bench.egress.bodies("r1") == [b'{"model":"m"}']


async def test_a_failed_local_attempt_costs_nothing_and_keeps_its_tokens(bench: Bench) -> None:
    """Also when it was cancelled."""
    for error in (DeadlineError("late", usage=USAGE), asyncio.CancelledError()):
        with pytest.raises((ModelError, asyncio.CancelledError)):
            await bench.ask(error, cloud=False, role="worker")
    first, second = bench.ledger.entries()
    assert (first.input_tokens, first.cost_usd, second.cost_usd) == (40, Decimal(0), Decimal(0))


async def test_usage_that_nobody_counted_is_marked_and_reserved_in_full(bench: Bench) -> None:
    """A limit holds for the tokens that the server may have counted, not for our estimate."""
    await bench.ask(USAGE.model_copy(update={"estimated": True}))
    assert bench.entry.usage_estimated
    assert bench.spent == (BOUND, Decimal(BOUND))


async def test_an_attempt_that_could_pass_a_limit_is_not_made(bench: Bench) -> None:
    """Nothing is sent, nothing is entered, and the error has the numbers."""
    backend = Backend(bench.clock, USAGE)
    model = metered(
        backend, meter=bench.meter(budget=Budget(max_cost_usd=None, max_tokens=BOUND - 1))
    )
    with pytest.raises(BudgetExceededError) as caught:
        await model.complete(REQUEST)
    assert (caught.value.unit, caught.value.next_call, caught.value.spent) == ("tokens", BOUND, 0)
    assert backend.calls == 0
    assert bench.ledger.entries() == []


async def test_a_cost_limit_needs_a_price(bench: Bench) -> None:
    """The hint is the flag to type, with the model's name in it."""
    with pytest.raises(PriceUnknownError) as caught:
        await bench.ask(USAGE, prices=PriceBook({}))
    assert "--price openai:m=IN/OUT" in (caught.value.hint or "")
    assert bench.ledger.entries() == []


async def test_without_a_cost_limit_an_unknown_price_is_entered_as_unknown(bench: Bench) -> None:
    """Unknown is None, never 0."""
    await bench.ask(USAGE, prices=PriceBook({}), budget=None)
    assert (bench.entry.cost_usd, bench.entry.price_source) == (None, None)


async def test_the_wrapper_carries_its_models_name_and_closes_it(bench: Bench) -> None:
    """A metered model is a ChatModel like any other."""
    backend = Backend(bench.clock, USAGE)
    model = metered(backend, meter=bench.meter())
    await model.aclose()
    assert (model.reference, model.endpoint, backend.closed) == (
        backend.reference,
        backend.endpoint,
        1,
    )


def test_the_bound_counts_every_text_that_goes_up() -> None:
    """Messages and schema, in bytes."""
    plain = bound_input_tokens(REQUEST)
    with_schema = bound_input_tokens(REQUEST.model_copy(update={"json_schema": {"type": "object"}}))
    assert plain == 100
    assert with_schema >= plain + len('{"type":"object"}')
