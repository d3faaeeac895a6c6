"""What a job costs besides its calls: ours against a bare loop of the same calls, over the same instant server."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import pytest
from openai import AsyncOpenAI

from minions.clock import SystemClock
from minions.execution.cache import ResultCache
from minions.ledger.budgets import Budget
from minions.ledger.context import working_for
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.models.chat_completions import Dialect, request_body
from minions.models.openai import OpenAIModel
from minions.models.scripted import Rule, ScriptedModel
from minions.network.reference import ModelRef
from minions.run import crew
from minions.settings import Settings
from minions.store.store import Store
from minions.values.documents import Chunk
from minions.values.jobs import Job
from minions.values.plans import Task
from minions.wiring import recruit
from minions.wiring.lineup import Lineup
from minions_workers.extractor import Extractor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from minions.values.chat import ChatRequest

pytestmark = pytest.mark.benchmark
JOBS: Final = int(os.environ.get("MINIONS_BENCH_JOBS", "10000"))
ROUNDS, CONCURRENCY, CALLS_A_JOB, LEAST = 10, 16, 2, 0.7
SERVER = Path(__file__).with_name("instant_server.py")
T = TypeVar("T")
TASK = Task(id="t1", instruction="What does the second line say?")
LINE = "Line {line} of passage {chunk} says what a line of a passage says, and is as long as a line of a text is."


class Pace(NamedTuple):
    """Calls a second, by the clock and by this process's own time."""

    per_s: float
    per_processor_s: float


@pytest.fixture
def url() -> Iterator[str]:
    """The base URL of a server that answers at once."""
    with subprocess.Popen(
        [sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.stdin.close()


def _jobs(first: int, count: int) -> list[Job]:
    """Jobs on passages of some 250 tokens that no other job reads."""
    return [
        Job(id=f"r1.t1.c{number}.0", task=TASK, chunk=_chunk(number))
        for number in range(first, first + count)
    ]


def _chunk(number: int) -> Chunk:
    text = "\n".join(LINE.format(line=line, chunk=number) for line in range(10))
    return Chunk(
        id=f"c{number}",
        document_id="d",
        path="d.txt",
        index=number,
        start=0,
        end=len(text),
        text=text,
        tokens=250,
    )


async def _requests(jobs: Sequence[Job]) -> list[ChatRequest]:
    """What a worker asks for the jobs."""
    model = ScriptedModel(
        rules=[Rule(first_token={"yes": -0.1}), Rule(reply={"lines": [2], "answer": "x"})]
    )
    extractor = Extractor(model)
    for job in jobs:
        await extractor.run(job)
    return model.requests


async def _calls(call: Callable[[T], Awaitable[object]], of: Iterable[T]) -> None:
    """What one would write by hand: so many loops that call until nothing is left."""
    left = iter(of)

    async def loop() -> None:
        for one in left:
            assert await call(one)

    await asyncio.gather(*(loop() for _ in range(CONCURRENCY)))


async def _create(client: AsyncOpenAI, body: dict[str, Any]) -> object:
    return await client.chat.completions.with_raw_response.create(**body)


async def _ours(crew: crew.Crew, jobs: Sequence[Job]) -> None:
    with working_for("run", 1):
        async with aclosing(crew.executor.run(jobs)) as results:
            statuses = Counter([result.status async for result in results])
    assert statuses == {"found": len(jobs)}


async def _pace(work: Any, calls: int) -> Pace:
    gc.collect()
    began_s, began_processor_s = time.perf_counter(), time.process_time()
    await work
    return Pace(
        calls / (time.perf_counter() - began_s), calls / (time.process_time() - began_processor_s)
    )


def _books(store: Store) -> crew.Books:
    clock = SystemClock()
    return crew.Books(
        ledger=Ledger(store),
        prices=PriceBook({}),
        egress=EgressLog(store),
        budget=Budget(None, None),
        clock=clock,
        observe=lambda _: None,
        cache=ResultCache(store, clock),
    )


async def test_jobs_reach_seven_tenths_of_the_pace_of_bare_calls(url: str, tmp_path: Path) -> None:
    """Cache, ledger, retries, limits, grounding and all cost less than half as much again as the client's own work:
    10,000 jobs of two calls each, and the same 20,000 calls in a bare loop, in turns.
    """
    worker = f"openai:instant@{url}"
    settings = Settings.load({"planner": "local", "worker": worker, "concurrency": CONCURRENCY})
    async with AsyncExitStack() as stack:
        store = stack.enter_context(Store.open(tmp_path / "store.sqlite3"))
        crew = await recruit.recruit(Lineup.of(settings), settings, _books(store))
        stack.push_async_callback(crew.aclose)
        client = await stack.enter_async_context(
            AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
        )
        adapter = OpenAIModel(ModelRef.parse(worker), base_url=url, api_key="none")
        stack.push_async_callback(adapter.aclose)
        paces: dict[str, list[Pace]] = {"ours": [], "client": [], "adapter": []}
        for number in range(ROUNDS + 1):
            jobs = _jobs(number * JOBS, JOBS // ROUNDS if number else CONCURRENCY)
            requests = await _requests(jobs)
            bodies = [
                request_body(request, model="instant", dialect=Dialect()) for request in requests
            ]
            paces["ours"].append(await _pace(_ours(crew, jobs), len(bodies)))
            paces["client"].append(
                await _pace(_calls(partial(_create, client), bodies), len(bodies))
            )
            paces["adapter"].append(await _pace(_calls(adapter.complete, requests), len(bodies)))
        assert store.read("SELECT count(*) FROM entries")[0][0] == CALLS_A_JOB * (
            JOBS + CONCURRENCY
        )
    assert _told(paces, "client") >= LEAST
    _told(paces, "adapter")


def _told(paces: dict[str, list[Pace]], bare: str) -> float:
    """Our pace as a part of another; the first round warms up."""
    ratios: list[float] = []
    for unit in Pace._fields:
        ours, theirs = (
            statistics.median(getattr(pace, unit) for pace in paces[who][1:])
            for who in ("ours", bare)
        )
        ratios.append(ours / theirs)
        print(f"\n{ours:.0f} calls {unit} of the bare {bare}'s {theirs:.0f}: {ours / theirs:.2f}")  # noqa: T201 - the report
    return ratios[0]
