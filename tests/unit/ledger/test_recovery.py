"""A call whose process dies is on record before it is sent, paid once, and counted at its bound."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import BudgetExceededError, ServerError, StoppedError, StoreError
from minions.ledger.budgets import Budget
from minions.ledger.context import limited_by, working_for
from minions.ledger.egress import EgressLog
from minions.ledger.entries import LOST, OK
from minions.ledger.ledger import Ledger
from minions.ledger.meter import Meter
from minions.ledger.prices import PriceBook
from minions.ledger.recovery import Recovery
from minions.models.metered import metered
from minions.models.openai import OpenAIModel
from minions.network.reference import ModelRef
from minions.network.wire import note_request
from minions.stop_signal import Brake
from minions.store import Store
from minions.store.runs import Runs
from minions.testing import FakeClock, LoopbackServer
from minions.values.chat import ChatRequest, Completion, Message, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.ledger.entries import Entry

BOUND = 200  # 84 bytes and 16 for the message, and 100 of output
USAGE = Usage(input_tokens=40, output_tokens=20)
PRICES = PriceBook.parse(["m=1000000/1000000"])  # a dollar a token
BATCH = "batch-1"


def asking(text: str = "q") -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content=text * 84),), max_output_tokens=100)


class Backend:
    """A cloud model that notes its bytes, and then replies or fails."""

    reference, endpoint = "openai:m", "http://127.0.0.1:9/v1"

    def __init__(self, outcome: Usage | BaseException = USAGE) -> None:
        self.outcome, self.calls = outcome, 0

    async def complete(self, _: ChatRequest) -> Completion:
        self.calls += 1
        note_request(b"{}")
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return Completion(text="yes", finish_reason="stop", usage=self.outcome)

    async def aclose(self) -> None:
        pass


class Process:
    """One process of a batch: its budget and what it adopted of those before it."""

    def __init__(self, store: Store, *, max_tokens: int | None = None) -> None:
        self.store, self.ledger = store, Ledger(store)
        tokens, usd = self.ledger.spent(BATCH)
        self.budget = Budget(None, max_tokens, spent_tokens=tokens, spent_usd=usd)
        self.recovery = Recovery(store, self.ledger, self.budget)
        self.adopted = self.recovery.adopt(BATCH)

    def meter(self, **changes: Any) -> Meter:
        fields: dict[str, Any] = {
            "ledger": self.ledger,
            "prices": PRICES,
            "budget": self.budget,
            "egress": EgressLog(self.store),
            "role": "planner",
            "cloud": True,
            "clock": FakeClock(),
            "recovery": self.recovery,
        }
        return Meter(**{**fields, **changes})

    async def ask(self, backend: Any, text: str = "q", *, run: str = "r1") -> Completion:
        with working_for(run, 1):
            return await metered(backend, meter=self.meter()).complete(asking(text))

    async def die_asking(self, text: str = "q", *, run: str = "r1") -> None:
        """Leave the call as a kill does: on record, and never entered."""
        with working_for(run, 1):
            attempt = await self.meter().begin(Backend(), asking(text))
            attempt.depart(b"{}")

    @property
    def entries(self) -> list[Entry]:
        return self.ledger.entries()


@pytest.fixture
def store() -> Iterator[Store]:
    """A store with two runs of a batch."""
    with Store.memory() as opened:
        settings = {
            "planner": "p",
            "worker": "w",
            "protocol": "minions",
            "policy": "findings",
            "started_at": "2026",
        }
        for run in ("r1", "r2"):
            Runs(opened).start(run, question=run, item=(BATCH, run), **settings)
        yield opened


async def test_a_reply_that_was_paid_for_is_not_asked_for_again(store: Store) -> None:
    """A resumed run gets its replies again without paying: no call, no entry, the same words."""
    first = await Process(store).ask(Backend())
    backend, process = Backend(ServerError("down")), Process(store)
    assert await process.ask(backend) == first
    assert (backend.calls, len(process.entries), process.budget.spent_tokens) == (0, 1, 60)


async def test_a_reply_belongs_to_its_run_and_words(store: Store) -> None:
    """Another run's same question, and this run's other one, are asked."""
    process, backend = Process(store), Backend()
    await process.ask(backend)
    await process.ask(backend, "o")
    await process.ask(backend, run="r2")
    assert backend.calls == 3


async def test_replies_are_forgotten_when_their_run_is_over(store: Store) -> None:
    """Nothing is kept of a question whose result stands in the output."""
    process, backend = Process(store), Backend()
    await process.ask(backend)
    process.recovery.finish("r1")
    assert store.read("SELECT * FROM replies") == []
    await process.ask(backend)
    assert backend.calls == 2


async def test_a_failed_call_keeps_no_reply(store: Store) -> None:
    """It is entered as what it is, and asked again."""
    process = Process(store)
    with pytest.raises(ServerError):
        await process.ask(Backend(ServerError("down")))
    assert (await process.ask(backend := Backend())).text == "yes"
    assert backend.calls == 1
    assert [entry.status for entry in process.entries] == ["server_error", OK]
    assert process.ledger.open_attempts() == []


async def test_a_lost_call_is_on_record_before_anybody_knows_more(store: Store) -> None:
    """A process that was killed has left the call, with the most it can be billed for; the next one's limit counts
    that, though no entry says it yet.
    """
    await Process(store).die_asking()
    process = Process(store, max_tokens=BOUND + 50)
    (attempt,) = process.ledger.open_attempts(BATCH)
    assert (process.adopted, process.entries) == (1, [])
    assert (attempt.entry.status, attempt.entry.bound_tokens, attempt.entry.bound_usd) == (
        LOST,
        BOUND,
        Decimal(BOUND),
    )
    assert (process.budget.spent_tokens, process.budget.reserved_tokens) == (BOUND, 0)
    assert EgressLog(store).bodies("r1") == [b"{}"]
    assert not process.budget.has_room(BOUND, None)


async def test_a_lost_call_is_entered_with_what_its_repetition_took(store: Store) -> None:
    """The same words take the same tokens; that it is inferred is marked, and the limit counts the most."""
    await Process(store).die_asking()
    process = Process(store)
    await process.ask(Backend())
    lost, entry = process.entries
    assert (lost.status, entry.status) == (LOST, OK)
    assert (lost.input_tokens, lost.output_tokens, lost.cost_usd) == (40, 20, Decimal(60))
    assert (lost.usage_estimated, entry.usage_estimated) == (True, False)
    assert (process.budget.spent_tokens, process.budget.reserved_tokens) == (BOUND + 60, 0)
    assert Process(store).budget.spent_tokens == BOUND + 60
    assert Process(store).adopted == 0


async def test_only_the_same_words_tell_what_a_lost_call_took(store: Store) -> None:
    """Another call of the same run, and the same call of another run, leave it open."""
    await Process(store).die_asking()
    process = Process(store)
    await process.ask(Backend(), "o")
    await process.ask(Backend(), run="r2")
    assert [entry.status for entry in process.entries] == [OK, OK]
    assert len(process.ledger.open_attempts(BATCH)) == 1


async def test_what_is_never_asked_again_is_entered_as_unknown(store: Store) -> None:
    """A run that ends another way than it went before leaves a call of unknown cost: never 0, and counted at its
    bound.
    """
    await Process(store).die_asking()
    process = Process(store)
    process.recovery.finish("r1")
    (lost,) = process.entries
    assert (lost.status, lost.cost_usd, lost.usage_estimated) == (LOST, None, True)
    assert process.ledger.open_attempts() == []
    assert process.budget.spent_tokens == BOUND
    assert process.ledger.spent(BATCH) == (BOUND, Decimal(BOUND))


async def test_calls_of_other_batches_are_left_alone(store: Store) -> None:
    """Another process may be waiting for their replies."""
    await Process(store).die_asking(run="somebody else's")
    process = Process(store)
    assert (process.adopted, len(process.ledger.open_attempts())) == (0, 1)


async def test_what_a_batch_spent_is_known_exactly(store: Store) -> None:
    """Tokens and dollars of its own runs; where a reply was lost, the most it can have been."""
    process = Process(store)
    await process.ask(Backend())
    with pytest.raises(ServerError):
        await process.ask(Backend(ServerError("cut off")), "o")
    await process.ask(Backend(), run="not of the batch")
    assert process.ledger.spent(BATCH) == (60 + BOUND, Decimal(60 + BOUND))


async def test_nothing_leaves_before_it_is_on_record(tmp_path: Path) -> None:
    """A disk that takes no more writes keeps requests from leaving, and says that it is the disk."""
    with LoopbackServer(default="yes") as server, Store.open(tmp_path / "s.sqlite3") as store:
        model = OpenAIModel(ModelRef.parse("openai:m"), base_url=server.openai_url, api_key="k")
        budget = Budget(None, 1_000)
        meter = Process(store).meter(budget=budget, recovery=None)
        store._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError):
            await metered(model, meter=meter).complete(asking())
        assert server.requests == []
        assert (budget.spent_tokens, budget.reserved_tokens) == (0, 0)
        store._connection.execute("PRAGMA query_only = OFF")
        await metered(model, meter=meter).complete(asking())
        assert len(server.requests) == len(Ledger(store).entries()) == 1
        await model.aclose()


async def test_a_call_that_the_brake_kept_leaves_no_trace(store: Store) -> None:
    """Stopped before it began, it is neither on record nor counted."""
    process, brake, backend = Process(store), Brake(), Backend()
    brake.pull()
    with pytest.raises(StoppedError):
        await metered(backend, meter=process.meter(brake=brake)).complete(asking())
    assert (backend.calls, process.entries, process.ledger.open_attempts()) == (0, [], [])
    assert (process.budget.reserved_tokens, process.budget.spent_tokens) == (0, 0)


async def test_a_question_may_have_a_limit_besides_the_shared_one(store: Store) -> None:
    """Both count its calls; the tighter one refuses, and then nothing stays reserved in the other."""
    process, own = Process(store, max_tokens=1_000), Budget(None, BOUND + 50)
    with limited_by(own):
        await process.ask(Backend())
        assert (own.spent_tokens, process.budget.spent_tokens) == (60, 60)
        with pytest.raises(BudgetExceededError):
            await process.ask(Backend(), "o")
    assert (process.budget.reserved_tokens, own.reserved_tokens) == (0, 0)
    assert not process.budget.refused
    await process.ask(Backend(), "o")


async def test_a_lost_call_never_makes_anybody_wait(store: Store) -> None:
    """It counts as spent, so that what does not fit beside it is refused, rather than waiting for a call that nobody
    makes.
    """
    await Process(store).die_asking()
    process = Process(store, max_tokens=BOUND + 50)
    for run in ("r1", "r2"):
        with pytest.raises(BudgetExceededError):
            await asyncio.wait_for(process.ask(Backend(), run=run), 5)
