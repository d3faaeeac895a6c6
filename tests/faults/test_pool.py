"""Real servers that die, come back, stall and ask for time, behind the models as they are wired."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import stamina
from stamina.instrumentation import RetryDetails, get_on_retry_hooks, set_on_retry_hooks

from minions.errors import DeadlineError, UnreachableError
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.run import crew
from minions.settings import Settings
from minions.store.store import Store
from minions.testing import FakeClock, LoopbackServer, faults
from minions.values.chat import ChatRequest, Message
from minions.wiring import recruit
from minions.wiring.lineup import Lineup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from minions.ports import ChatModel
    from minions.values.events import Event

    Wire = Callable[..., Awaitable["Bench"]]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries without waits."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


class Bench:
    """The worker's model over servers, its ledger, and what was told."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.clock, self.ledger = clock, Ledger(store)
        self.told: list[Event] = []
        self.model: ChatModel
        self.books = crew.Books(
            ledger=self.ledger,
            prices=PriceBook({}),
            egress=EgressLog(store),
            budget=Budget(None, None),
            clock=clock,
            observe=self.told.append,
        )

    async def ask(self, affinity: str | None = None) -> str:
        request = ChatRequest(
            messages=(Message(role="user", content="q"),), max_output_tokens=5, affinity=affinity
        )
        return (await self.model.complete(request)).text

    @property
    def statuses(self) -> list[str]:
        return sorted(entry.status for entry in self.ledger.entries())

    @property
    def messages(self) -> list[str]:
        return [getattr(event, "message", "") for event in self.told]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """Wire a worker over addresses, as a run does."""
    async with AsyncExitStack() as stack:

        async def make(*urls: str, clock: FakeClock | None = None, **settings: Any) -> Bench:
            bench = Bench(stack.enter_context(Store.memory()), clock or FakeClock())
            worker = f"openai:m@{','.join(urls)}"
            chosen = Settings.load({**settings, "planner": "local", "worker": worker})
            lineup = Lineup.unchecked(chosen)
            wiring = recruit._Bench.of(lineup, chosen, bench.books)
            bench.model = wiring.model(await wiring.serve(lineup.worker, stack), "worker")
            return bench

        yield make


@pytest.fixture
def servers() -> Iterator[tuple[LoopbackServer, LoopbackServer]]:
    """Two servers of two slots each; they may be left earlier."""
    first, second = (
        LoopbackServer(default="first", slots=2),
        LoopbackServer(default="second", slots=2),
    )
    with first, second:
        yield first, second


def leave(server: LoopbackServer) -> None:
    """End a server, and remember its port for its return."""
    server.port = int(server.url.rpartition(":")[2])
    server.__exit__()


async def test_a_dying_servers_requests_are_served_by_the_other(
    wire: Wire, servers: tuple[LoopbackServer, LoopbackServer]
) -> None:
    """Nothing is lost when a server dies in the middle of a run, and the ledger has each request that a server got."""
    dying, other = servers
    bench = await wire(dying.openai_url, other.openai_url)
    stop, go = asyncio.Barrier(5), asyncio.Event()

    async def chunk(number: int) -> list[str]:
        texts = []
        for job in range(4):
            if job == 2:
                await stop.wait()
                await go.wait()
            texts.append(await bench.ask(f"chunk {number}"))
        return texts

    tasks = [asyncio.create_task(chunk(number)) for number in range(4)]
    await stop.wait()
    served_before = len(dying.requests)
    await asyncio.to_thread(leave, dying)
    go.set()
    texts = [text for chunk_texts in await asyncio.gather(*tasks) for text in chunk_texts]
    assert (len(texts), texts.count("first")) == (16, served_before)
    assert served_before == 4
    assert len(dying.requests) + len(other.requests) == bench.statuses.count("ok") == 16
    assert set(bench.statuses) == {"ok", "unreachable_error"}
    assert [
        message for message in bench.messages if "its requests go to the others" in message
    ] == bench.messages
    assert len(bench.messages) == 1


async def test_a_server_that_is_back_is_used_again(
    wire: Wire, servers: tuple[LoopbackServer, LoopbackServer]
) -> None:
    """A server that was restarted at its address takes its share again, without anybody's doing."""
    back, other = servers
    bench = await wire(back.openai_url, other.openai_url)
    await asyncio.to_thread(leave, back)
    assert {await bench.ask(f"chunk {number}") for number in range(4)} == {"second"}
    with back:
        bench.clock.advance(1)
        assert {await bench.ask(f"chunk {number}") for number in range(4, 8)} == {"first", "second"}
    assert [message.partition("/v1 ")[2] for message in bench.messages] == [
        "does not answer; its requests go to the others",
        "answers again",
    ]


async def test_a_chunks_requests_go_to_one_server(
    wire: Wire, servers: tuple[LoopbackServer, LoopbackServer]
) -> None:
    """What a server has read it keeps for all jobs of the chunk; the chunks themselves are shared out."""
    bench = await wire(*(server.openai_url for server in servers))

    async def chunk(number: int) -> set[str]:
        return {await bench.ask(f"chunk {number}") for _ in range(5)}

    homes = [
        home
        for _ in range(3)
        for home in await asyncio.gather(*(chunk(number) for number in range(4)))
    ]
    assert [len(home) for home in homes] == [1] * 12
    assert homes[:4] == homes[4:8] == homes[8:]
    assert [len(server.requests) for server in servers] == [30, 30]


async def test_a_servers_own_wait_is_honoured_and_does_not_count_against_it(wire: Wire) -> None:
    """429 with Retry-After: nothing goes out before the time that the server named, and it is still in use then."""
    waits: list[float] = []
    waiting = asyncio.Event()

    def note(details: RetryDetails) -> None:
        waits.append(details.wait_for)
        waiting.set()

    hooks = get_on_retry_hooks()
    set_on_retry_hooks([note])
    try:
        with LoopbackServer(default="fine") as server, stamina.set_testing(False):
            server.fail_next(faults.rate_limited("60"))
            bench = await wire(server.openai_url)
            task = asyncio.create_task(bench.ask())
            await waiting.wait()
            assert (waits, len(server.requests), bench.statuses) == (
                [60.0],
                1,
                ["rate_limited_error"],
            )
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await bench.ask() == "fine"
    finally:
        set_on_retry_hooks(hooks)


class Stopped(FakeClock):
    """A clock on which nobody wakes by himself."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


class Starting(FakeClock):
    """A clock on which a server starts while somebody sleeps for the third time."""

    def __init__(self, server: LoopbackServer) -> None:
        super().__init__()
        self._server = server

    async def sleep(self, seconds: float) -> None:
        if len(self.slept) == 2:
            self._server.__enter__()
        await super().sleep(seconds)


async def test_a_lone_server_is_waited_for(wire: Wire) -> None:
    """With patience, a server that is started anew costs time, and no request; each knock is in the ledger."""
    server = LoopbackServer(default="fine")
    with server:
        url = server.openai_url
        server.port = int(server.url.rpartition(":")[2])
    bench = await wire(url, clock=Starting(server), patience_s=3600)
    try:
        assert await bench.ask() == "fine"
    finally:
        server.__exit__()
    assert bench.clock.slept == [1, 2, 4]
    assert bench.statuses == ["ok", *["unreachable_error"] * 3]
    assert [message.partition("/v1 ")[2] for message in bench.messages] == [
        "does not answer; waiting for it",
        "answers again",
    ]


async def test_without_patience_the_attempts_decide(wire: Wire) -> None:
    """A question to a server that is down fails after as many attempts as were set, all of them real."""
    bench = await wire("http://127.0.0.1:1/v1", attempts=3)
    with pytest.raises(UnreachableError):
        await bench.ask()
    assert bench.statuses == ["unreachable_error"] * 3
    assert bench.clock.slept == []


async def test_a_stalled_server_is_given_up_in_the_time_that_was_set(wire: Wire) -> None:
    """A server that takes a request and says nothing is left after --first-token-timeout, and asked again."""
    with LoopbackServer(default="fine") as server:
        bench = await wire(server.openai_url, first_token_timeout_s=0.15, attempts=2)
        server.fail_next(faults.stall(30), faults.stall(30))
        with pytest.raises(DeadlineError, match=r"within 0\.15 s"):
            await bench.ask()
        assert await bench.ask() == "fine"
    assert bench.statuses == ["deadline_error", "deadline_error", "ok"]


async def test_a_stalling_server_is_left_for_the_other(
    wire: Wire, servers: tuple[LoopbackServer, LoopbackServer]
) -> None:
    """After three silences its chunk is read elsewhere."""
    stalling, _ = servers
    bench = await wire(*(server.openai_url for server in servers), first_token_timeout_s=0.15)
    stalling.fail_next(*[faults.stall(30)] * 3)
    assert await bench.ask("chunk") == "second"
    assert bench.statuses == [*["deadline_error"] * 3, "ok"]


async def test_a_sick_server_is_left_for_the_other(
    wire: Wire, servers: tuple[LoopbackServer, LoopbackServer]
) -> None:
    """A server that answers 500 to everything takes no part, whatever the number of requests."""
    sick, _ = servers
    bench = await wire(*(server.openai_url for server in servers), clock=Stopped())
    sick.fail_next(*[faults.server_error()] * 100)
    texts = await asyncio.gather(*(bench.ask() for _ in range(30)))
    assert set(texts) == {"second"}
    assert len(sick.requests) <= 4
    assert "keeps failing; its requests go to the others" in bench.messages[0]
