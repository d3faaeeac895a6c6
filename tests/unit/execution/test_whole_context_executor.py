"""A round's jobs in one request: one result each, known ones from the cache, none begun while held."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from minions.evidence.finding import find
from minions.evidence.grounding import Location
from minions.execution.cache import ResultCache
from minions.execution.whole_context_executor import CachingHolder, WholeContextExecutor
from minions.store import Store
from minions.testing import FakeClock
from minions.values.chat import Usage
from minions.values.documents import Chunk
from minions.values.jobs import Job, JobResult
from minions.values.plans import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minions.values.jobs import JobStatus


class Holding:
    """A holder that finds the first word of the last chunk, and keeps its jobs."""

    def __init__(self, *, fingerprint: str = "prompts", others: JobStatus = "abstained") -> None:
        self.fingerprint, self.others = fingerprint, others
        self.asked: list[list[str]] = []

    async def read(self, jobs: Sequence[Job]) -> list[JobResult]:
        self.asked.append([job.id for job in jobs])
        *rest, last = jobs
        finding = find(last, Location(0, 5, "exact", 1.0), answer="words", confidence=0.7)
        found = JobResult(
            job=last, status="found", findings=(finding,), usage=Usage(input_tokens=50)
        )
        return [found, *(JobResult(job=job, status=self.others) for job in rest)]


@pytest.fixture
def cache() -> Iterator[ResultCache]:
    """An empty cache."""
    with Store.memory() as store:
        yield ResultCache(store, FakeClock())


def jobs(
    *texts: str, instruction: str = "What?", sample: int = 0, task_id: str = "t1"
) -> list[Job]:
    chunks = [
        Chunk(
            id=f"d:{n}",
            document_id="d",
            path="a.txt",
            index=n,
            start=0,
            end=len(text),
            text=text,
            tokens=3,
        )
        for n, text in enumerate(texts)
    ]
    task = Task(id=task_id, instruction=instruction)
    return [
        Job(id=f"r1.{task_id}.{c.id}.{sample}", task=task, chunk=c, sample=sample) for c in chunks
    ]


async def results_of(executor: WholeContextExecutor, asked: list[Job]) -> dict[str, JobResult]:
    return {result.job.id: result async for result in executor.run(asked)}


async def test_a_task_is_one_request_and_a_job_one_result() -> None:
    """Two tasks, one of them with a second sample: three requests, and no job is lost."""
    holding = Holding()
    asked = [
        *jobs("first", "second"),
        *jobs("first", "second", sample=1),
        *jobs("first", "second", task_id="t2"),
    ]
    results = await results_of(WholeContextExecutor(holding, concurrency=1), asked)
    assert list(map(len, holding.asked)) == [2, 2, 2]
    assert set(results) == {job.id for job in asked}


async def test_no_request_begins_while_it_is_held() -> None:
    """A graceful stop lets requests under way end, and begins none; two holds need two releases."""
    holding = Holding()
    executor = WholeContextExecutor(holding, concurrency=1)
    with executor.held():
        with executor.held():
            running = asyncio.create_task(results_of(executor, jobs("first")))
        for _ in range(3):
            await asyncio.sleep(0)
        assert holding.asked == []
    assert len(await running) == 1


async def test_what_is_held_again_at_once_was_never_let_go() -> None:
    """A hold may begin in the same turn in which the one before ends."""
    holding = Holding()
    executor = WholeContextExecutor(holding, concurrency=1)
    with executor.held():
        running = asyncio.create_task(results_of(executor, jobs("first")))
        await asyncio.sleep(0)
    with executor.held():
        for _ in range(3):
            await asyncio.sleep(0)
        assert holding.asked == []
    assert len(await running) == 1


async def test_the_same_message_over_the_same_passages_reads_nothing(cache: ResultCache) -> None:
    """The results come from the cache, with their findings, and used nothing."""
    holding = Holding()
    executor = WholeContextExecutor(CachingHolder(holding, cache, model="m"), concurrency=1)
    first = await results_of(executor, jobs("first", "words here"))
    again = await results_of(executor, jobs("first", "words here"))
    assert len(holding.asked) == 1
    assert [again[id_].findings for id_ in first] == [first[id_].findings for id_ in first]
    assert all(result.cached and result.usage == Usage() for result in again.values())


CHANGES: list[dict[str, Any]] = [
    {"texts": ("first",)},
    {"texts": ("other", "words here")},
    {"texts": ("words here", "first")},
    {"instruction": "Who?"},
    {"sample": 1},
    {"fingerprint": "other prompts"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
async def test_other_passages_or_another_message_are_read_anew(
    cache: ResultCache, change: dict[str, Any]
) -> None:
    """An answer over all chunks holds for exactly these, in this order."""
    first, second = Holding(), Holding(fingerprint=change.pop("fingerprint", "prompts"))
    await CachingHolder(first, cache, model="m").read(jobs("first", "words here"))
    texts = change.pop("texts", ("first", "words here"))
    await CachingHolder(second, cache, model="m").read(jobs(*texts, **change))
    assert len(second.asked) == 1


async def test_what_failed_is_tried_again(cache: ResultCache) -> None:
    """A chunk that did not fit may fit next time."""
    holding = Holding(others="failed")
    caching = CachingHolder(holding, cache, model="m")
    for _ in range(2):
        await caching.read(jobs("first", "words here"))
    assert len(holding.asked) == 2
