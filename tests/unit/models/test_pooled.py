"""Several servers are one model: a chunk stays where it is cached, and dead servers are replaced
and taken back.
"""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import (
    AuthenticationError,
    BudgetExceededError,
    DeadlineError,
    RateLimitedError,
    ServerError,
    UnreachableError,
)
from minions.execution.executor import LocalExecutor
from minions.models.pool_seat import Member
from minions.models.pooled import pooled
from minions.testing import FakeClock
from minions.values.chat import ChatRequest, Completion, Message, Usage
from minions.values.jobs import Job, JobResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.ports import ChatModel
    from minions.values.events import Event

DOWN = UnreachableError("nothing answers")


class Server:
    """A ChatModel that raises ``trouble`` while it has any, and answers when its gate is open."""

    reference = "openai:m"

    def __init__(self, name: str) -> None:
        self.endpoint = f"http://{name}/v1"
        self.trouble: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.turns = 0
        self.asked: list[str | None] = []
        self.under_way = self.most = self.closed = 0

    async def complete(self, request: ChatRequest) -> Completion:
        """Count, wait for the gate, fail or answer with the server's own name."""
        self.asked.append(request.affinity)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
            await turns(self.turns)
            if self.trouble is not None:
                raise self.trouble
            return Completion(text=self.endpoint, finish_reason="stop", usage=Usage())
        finally:
            self.under_way -= 1

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


class SlowClock(FakeClock):
    """A clock on which much happens during a sleep."""

    async def sleep(self, seconds: float) -> None:
        await turns(30)
        await super().sleep(seconds)


class Bench:
    """A pool of servers ``a``, ``b``, ... with ``slots`` each, its clock, and its events."""

    def __init__(
        self, *slots: int, patience_s: float = 0.0, clock: FakeClock | None = None
    ) -> None:
        self.clock = clock or FakeClock()
        self.servers = [Server("abc"[number]) for number in range(len(slots))]
        self.events: list[Event] = []
        self.pool: ChatModel = pooled(
            [
                Member(server, slots=count)
                for server, count in zip(self.servers, slots, strict=True)
            ],
            clock=self.clock,
            patience_s=patience_s,
            observe=self.events.append,
        )

    async def ask(self, affinity: str | None = None) -> str:
        request = ChatRequest(
            messages=(Message(role="user", content="q"),), max_output_tokens=5, affinity=affinity
        )
        return (await self.pool.complete(request)).text

    def start(self, affinity: str | None = None) -> asyncio.Task[str]:
        return asyncio.create_task(self.ask(affinity))

    @property
    def messages(self) -> list[str]:
        return [getattr(event, "message", "") for event in self.events]


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


async def test_a_chunk_stays_where_it_is_cached() -> None:
    """All jobs on a chunk go to the server that has read it before, and chunks are spread over the
    servers.
    """
    bench = Bench(2, 2)
    homes = [
        {await bench.ask(chunk) for _ in range(3)} for chunk in ("one", "two", "three", "four")
    ]
    assert [len(home) for home in homes] == [1, 1, 1, 1]
    assert [len(server.asked) for server in bench.servers] == [6, 6]


async def test_the_least_loaded_server_is_next() -> None:
    """A server with three slots gets three times the work of one with one."""
    bench = Bench(1, 3)
    for server in bench.servers:
        server.gate.clear()
    tasks = [bench.start() for _ in range(4)]
    await turns()
    assert [server.under_way for server in bench.servers] == [1, 3]
    for server in bench.servers:
        server.gate.set()
    await asyncio.gather(*tasks)


async def test_no_server_gets_more_than_its_slots() -> None:
    """However many requests are sent, a server has no more than its slots, and all are answered."""
    bench = Bench(1, 2)
    for server in bench.servers:
        server.gate.clear()
    tasks = [bench.start(f"chunk {number % 4}") for number in range(20)]
    await turns()
    for server in bench.servers:
        server.gate.set()
    await asyncio.gather(*tasks)
    assert [server.most for server in bench.servers] == [1, 2]
    assert sum(len(server.asked) for server in bench.servers) == 20


async def test_a_chunk_waits_for_its_server_but_not_in_a_long_line() -> None:
    """One request of waiting is cheaper than reading the chunk anew elsewhere; two are not."""
    bench = Bench(1, 1)
    home, other = bench.servers
    await bench.ask("chunk")
    home.gate.clear()
    under_way, waiting = bench.start("chunk"), bench.start("chunk")
    await turns()
    assert (len(home.asked), len(other.asked)) == (2, 0)
    elsewhere = bench.start("chunk")
    await turns()
    assert await elsewhere == other.endpoint
    home.gate.set()
    assert await under_way == home.endpoint
    await waiting


async def test_a_chunk_is_finished_before_its_server_turns_to_another(make: Any) -> None:
    """With more slots at work than servers left, a cached chunk's next job goes first: others would
    push it out.
    """
    bench = Bench(1, clock=SlowClock())
    (server,) = bench.servers
    server.turns = 10

    class Reader:
        async def run(self, job: Job) -> JobResult:
            await bench.ask(job.chunk.id)
            return JobResult(job=job, status="abstained")

    jobs = [
        Job(
            id=f"{chunk}.{task}", task=make.task(f"task {task}"), chunk=make.chunk("text", id=chunk)
        )
        for chunk in ("one", "two", "three", "four")
        for task in range(3)
    ]
    async for _ in LocalExecutor(Reader(), concurrency=3).run(jobs):
        pass
    assert [chunk for chunk, _ in groupby(server.asked)] == ["one", "two", "three", "four"]
    assert len(server.asked) == len(jobs)


async def test_where_nobody_waits_no_place_is_kept() -> None:
    """With a slot for each chunk at work, the next chunk is begun without a pause."""
    bench = Bench(1)
    for chunk in ("one", "two", "three"):
        await bench.ask(chunk)
    assert bench.clock.slept == []


async def test_a_dead_servers_requests_go_to_the_others_at_once() -> None:
    """The only sign is one warning; the dead server is not asked again meanwhile."""
    bench = Bench(2, 2)
    dead, alive = bench.servers
    dead.trouble = DOWN
    assert {await bench.ask(f"chunk {number}") for number in range(6)} == {alive.endpoint}
    assert (len(dead.asked), len(alive.asked), bench.clock.slept) == (1, 6, [])
    assert bench.messages == ["http://a/v1 does not answer; its requests go to the others"]


async def test_requests_that_wait_for_a_server_that_dies_are_moved() -> None:
    """A request that waits for the chunk's server goes elsewhere when that dies, without trying it."""
    bench = Bench(1, 1)
    dead, alive = bench.servers
    await bench.ask("chunk")
    dead.gate.clear()
    dead.trouble = DOWN
    tasks = [bench.start("chunk"), bench.start("chunk")]
    await turns()
    dead.gate.set()
    assert await asyncio.gather(*tasks) == [alive.endpoint] * 2
    assert len(dead.asked) == 2


async def test_a_server_that_is_back_is_used_again() -> None:
    """After its cooldown one request tries it; then it takes its share, and a warning says so."""
    bench = Bench(1, 1)
    back, other = bench.servers
    back.trouble = DOWN
    await bench.ask()
    back.trouble = None
    bench.clock.advance(1)
    assert {await bench.ask(f"chunk {number}") for number in range(4)} == {
        back.endpoint,
        other.endpoint,
    }
    assert bench.messages[1:] == ["http://a/v1 answers again"]


async def test_only_one_request_tries_a_server_that_may_be_back() -> None:
    """A server that comes up does not get all waiting requests at once."""
    bench = Bench(4, 4)
    back, other = bench.servers
    back.trouble = DOWN
    await bench.ask()
    bench.clock.advance(1)
    back.gate.clear()
    tasks = [bench.start() for _ in range(5)]
    await turns()
    assert (back.under_way, len(other.asked)) == (1, 1 + 4)
    back.gate.set()
    assert await asyncio.gather(*tasks) == [other.endpoint] * 5


@pytest.mark.parametrize("trouble", [ServerError("500"), DeadlineError("slow")], ids=repr)
async def test_a_sick_server_is_left_after_three_failures(trouble: Exception) -> None:
    """One failure or two are for the retries; the third in a row moves its request to another
    server.
    """
    bench = Bench(1, 1)
    sick, well = bench.servers
    await bench.ask("chunk")
    sick.trouble = trouble
    for _ in range(2):
        with pytest.raises(type(trouble)):
            await bench.ask("chunk")
    assert await bench.ask("chunk") == well.endpoint
    assert len(bench.messages) == 1


@pytest.mark.parametrize(
    "trouble", [RateLimitedError("slow down"), AuthenticationError("no")], ids=repr
)
async def test_a_refusal_is_nobodys_death(trouble: Exception) -> None:
    """A server's refusal is raised to the caller, and the server stays in use."""
    bench = Bench(1, 1)
    refusing, _ = bench.servers
    await bench.ask("chunk")
    refusing.trouble = trouble
    for _ in range(4):
        with pytest.raises(type(trouble)):
            await bench.ask("chunk")
    assert bench.messages == []


async def test_a_lone_server_is_waited_for() -> None:
    """A server that is restarted within the patience costs its requests time, and nothing else."""
    bench = Bench(2, patience_s=3600)
    (server,) = bench.servers
    server.trouble = DOWN
    tasks = [bench.start("one"), bench.start("two")]
    await until(lambda: bench.clock.monotonic_s() > 10)
    server.trouble = None
    assert await asyncio.gather(*tasks) == [server.endpoint] * 2
    assert bench.clock.monotonic_s() < 3600
    assert bench.messages == [
        "http://a/v1 does not answer; waiting for it",
        "http://a/v1 answers again",
    ]


async def test_patience_ends() -> None:
    """If a server does not come back within the patience, its last error is raised, after attempts
    that grow rarer.
    """
    bench = Bench(1, patience_s=60)
    (server,) = bench.servers
    server.trouble = DOWN
    with pytest.raises(UnreachableError, match="nothing answers"):
        await bench.ask()
    assert bench.clock.monotonic_s() == 60
    assert len(server.asked) == 7  # at 0, 1, 3, 7, 15, 31 s, and once more when patience is over
    asked = len(server.asked)
    with pytest.raises(UnreachableError):
        await bench.ask()
    assert (len(server.asked) - asked, bench.clock.monotonic_s()) == (1, 60)


async def test_a_request_that_always_fails_is_not_patiently_repeated() -> None:
    """A server may fail at one request alone: each try is then one or two attempts, whatever the
    patience, so that it is not paid for again and again.
    """
    bench = Bench(1, patience_s=3600)
    (server,) = bench.servers
    server.trouble = ServerError("a bug in the runner")
    for _ in range(8):
        with pytest.raises(ServerError):
            await bench.ask()
    assert len(server.asked) == 8


async def test_without_patience_every_request_makes_its_attempt() -> None:
    """Retries alone decide how often a server that is down is tried: no request waits, and each
    makes an attempt.
    """
    bench = Bench(1)
    (server,) = bench.servers
    server.trouble = DOWN
    for _ in range(4):
        with pytest.raises(UnreachableError):
            await bench.ask()
    server.trouble = None
    assert await bench.ask() == server.endpoint
    assert (len(server.asked), bench.clock.slept, bench.messages) == (5, [], [])


async def test_without_patience_each_server_is_tried_once() -> None:
    """With all servers down, a request ends after one attempt at each."""
    bench = Bench(1, 1, 1)
    for server in bench.servers:
        server.trouble = DOWN
    with pytest.raises(UnreachableError):
        await bench.ask()
    assert [len(server.asked) for server in bench.servers] == [1, 1, 1]


async def test_a_cancelled_request_leaves_its_place() -> None:
    """A request that is cancelled, in the queue or at a server, frees its slot."""
    bench = Bench(1)
    (server,) = bench.servers
    server.gate.clear()
    tasks = [bench.start("chunk") for _ in range(3)]
    await turns()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    server.gate.set()
    assert await bench.ask() == server.endpoint
    assert bench.pool._queue == []  # type: ignore[attr-defined]


async def test_a_cancelled_probe_does_not_lock_a_server_out() -> None:
    """The next request is the probe then."""
    bench = Bench(1, patience_s=60)
    (server,) = bench.servers
    server.trouble = DOWN
    first = bench.start()
    await until(lambda: len(server.asked) == 2)
    server.gate.clear()
    server.trouble = None
    await until(lambda: server.under_way == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    server.gate.set()
    assert await bench.ask() == server.endpoint


async def test_a_limit_of_our_own_says_nothing_about_a_server() -> None:
    """A budget that stops a call is raised as it is, and opens no breaker."""
    bench = Bench(1)
    (server,) = bench.servers
    server.trouble = BudgetExceededError(unit="tokens", limit=1, spent=1, next_call=1)
    for _ in range(4):
        with pytest.raises(BudgetExceededError):
            await bench.ask()
    assert bench.messages == []


async def test_memory_of_chunks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million chunks do not fill the memory; the servers of the last ones are known."""
    monkeypatch.setattr("minions.models.pooled._REMEMBERED_CHUNKS", 2)
    bench = Bench(1, 1)
    for chunk in ("one", "two", "one", "three"):
        await bench.ask(chunk)
    assert list(bench.pool._homes) == ["one", "three"]  # type: ignore[attr-defined]


async def test_a_pool_is_one_model() -> None:
    """It has the name of its servers' model, names all endpoints, and closes all of them."""
    bench = Bench(1, 1)
    await bench.pool.aclose()
    assert (bench.pool.reference, bench.pool.endpoint) == ("openai:m", "http://a/v1, http://b/v1")
    assert [server.closed for server in bench.servers] == [1, 1]


async def test_chaos_loses_nothing() -> None:
    """Servers that come and go under twenty callers: every request is answered, and all places are
    free at the end.
    """
    bench = Bench(2, 1, 3, patience_s=3600)

    async def weather() -> None:
        for number in range(200):
            bench.servers[number % 3].trouble = DOWN if number % 5 < 3 else None
            await asyncio.sleep(0)
        for server in bench.servers:
            server.trouble = None

    storm = asyncio.create_task(weather())
    answers = await asyncio.gather(*(bench.ask(f"chunk {number % 7}") for number in range(20)))
    await storm
    assert len(answers) == 20
    assert [seat.in_flight for seat in bench.pool._seats] == [0, 0, 0]  # type: ignore[attr-defined]
