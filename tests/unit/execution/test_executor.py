"""The executor: every job once, bounded, chunk by chunk, and stopped cleanly."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from minions.errors import AuthenticationError
from minions.execution.executor import LocalExecutor
from minions.jobs import Job, JobResult


class CountingWorker:
    """Abstains from every job, after giving others a turn; notes how many run at once and in what order."""

    def __init__(self, *, breaks_at: str | None = None) -> None:
        self.order: list[str] = []
        self.running: Counter[str] = Counter()
        self.most = 0
        self._breaks_at = breaks_at

    async def run(self, job: Job) -> JobResult:
        self.order.append(job.id)
        self.running[job.chunk.id] += 1
        self.most = max(self.most, self.running.total())
        assert self.running[job.chunk.id] == 1, "two jobs of a chunk ran at once"
        await asyncio.sleep(0)
        self.running[job.chunk.id] -= 1
        if job.id == self._breaks_at:
            raise AuthenticationError("no")
        return JobResult(job=job, status="abstained")


def _jobs(make: Any, chunks: int, tasks: int) -> list[Job]:
    return [
        Job(id=f"{c}.{t}", task=make.task(id=f"t{t}", instruction=f"Find {t}"), chunk=make.chunk("x", id=f"d:{c}"))
        for c in range(chunks)
        for t in range(tasks)
    ]


@pytest.mark.parametrize("concurrency", [1, 3, 50])
async def test_each_job_runs_exactly_once(make: Any, concurrency: int) -> None:
    """No result is lost or doubled, whatever the concurrency, and never more run than allowed."""
    worker = CountingWorker()
    jobs = _jobs(make, 20, 3)
    results = [result async for result in LocalExecutor(worker, concurrency=concurrency).run(jobs)]
    assert Counter(result.job.id for result in results) == Counter(job.id for job in jobs)
    assert worker.most <= concurrency


async def test_one_slot_reads_chunk_by_chunk(make: Any) -> None:
    """With one slot the order is the plan's: a prefix cache is used to the full."""
    worker = CountingWorker()
    jobs = _jobs(make, 5, 2)
    async for _ in LocalExecutor(worker, concurrency=1).run(jobs):
        pass
    assert worker.order == [job.id for job in jobs]


async def test_no_jobs_is_no_results(make: Any) -> None:
    """An empty plan ends at once."""
    assert [result async for result in LocalExecutor(CountingWorker(), concurrency=2).run([])] == []


async def test_what_must_end_the_run_is_raised_and_the_other_slots_stop(make: Any) -> None:
    """A wrong key stops everything, and leaves no task behind."""
    worker = CountingWorker(breaks_at="1.0")
    before = asyncio.all_tasks()
    with pytest.raises(AuthenticationError):
        async for _ in LocalExecutor(worker, concurrency=2).run(_jobs(make, 50, 1)):
            pass
    assert len(worker.order) < 20
    assert asyncio.all_tasks() == before


async def test_leaving_early_stops_the_work(make: Any) -> None:
    """Who stops listening stops the jobs."""
    worker = CountingWorker()
    before = asyncio.all_tasks()
    results = LocalExecutor(worker, concurrency=2).run(_jobs(make, 500, 1))
    async for _ in results:
        break
    await results.aclose()
    assert len(worker.order) < 100
    assert asyncio.all_tasks() == before


async def test_a_run_that_begins_as_the_last_slot_ends_is_not_forgotten(make: Any) -> None:
    """Whoever asks in the very moment that another's last job ends gets a slot of its own."""
    executor = LocalExecutor(CountingWorker(), concurrency=1)
    async with asyncio.timeout(5):
        async for _ in executor.run(_jobs(make, 1, 1)):
            assert len([result async for result in executor.run(_jobs(make, 2, 1))]) == 2
