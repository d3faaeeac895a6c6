"""The executor: every job once, bounded, chunk by chunk, and stopped cleanly."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from minions.errors import AuthenticationError, BudgetExceededError
from minions.execution.executor import LocalExecutor
from minions.ledger.context import current_run, working_for
from minions.values.jobs import Job, JobResult


class CountingWorker:
    """Abstains from every job, after giving others a turn; notes the most that run at once, and
    their order.
    """

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
        Job(
            id=f"{c}.{t}",
            task=make.task(id=f"t{t}", instruction=f"Find {t}"),
            chunk=make.chunk("x", id=f"d:{c}"),
        )
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
    """A consumer that stops iterating stops the jobs."""
    worker = CountingWorker()
    before = asyncio.all_tasks()
    results = LocalExecutor(worker, concurrency=2).run(_jobs(make, 500, 1))
    async for _ in results:
        break
    await results.aclose()
    assert len(worker.order) < 100
    assert asyncio.all_tasks() == before


async def test_a_run_that_begins_as_the_last_slot_ends_is_not_forgotten(make: Any) -> None:
    """A run that begins in the very moment in which another's last job ends gets a slot of its own."""
    executor = LocalExecutor(CountingWorker(), concurrency=1)
    async with asyncio.timeout(5):
        async for _ in executor.run(_jobs(make, 1, 1)):
            assert len([result async for result in executor.run(_jobs(make, 2, 1))]) == 2


class GatedWorker(CountingWorker):
    """Waits at each job until the gate is open; notes which run each job was for."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.runs: list[str] = []
        self.broken_off: list[str] = []

    async def run(self, job: Job) -> JobResult:
        self.runs.append(current_run().run_id)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.broken_off.append(job.id)
            raise
        return await super().run(job)


def _job(make: Any, chunk: str, asked: str = "Find it", *, run: str = "") -> Job:
    return Job(
        id=f"{run}{chunk}.{asked}",
        task=make.task(instruction=asked),
        chunk=make.chunk("x", id=chunk),
    )


async def _results(
    executor: LocalExecutor, jobs: list[Job], run_id: str = "none"
) -> list[JobResult]:
    with working_for(run_id, 1):
        return [result async for result in executor.run(jobs)]


async def _turns(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_a_chunk_is_read_for_all_runs_that_want_it(make: Any) -> None:
    """Tasks of different questions on one chunk follow each other in one slot: its prefix is
    computed once.
    """
    worker = CountingWorker()
    executor = LocalExecutor(worker, concurrency=1)
    with executor.held():
        runs = [
            asyncio.create_task(
                _results(executor, [_job(make, chunk, f"Find {run}") for chunk in ("a", "b")])
            )
            for run in range(3)
        ]
        await _turns()
        assert worker.order == []
    await asyncio.gather(*runs)
    assert worker.order == [f"{chunk}.Find {run}" for chunk in ("a", "b") for run in range(3)]


async def test_who_comes_while_a_chunk_is_read_joins_its_slot(make: Any) -> None:
    """A later question's task on the chunk under way comes before the first question's other
    chunks.
    """
    worker = GatedWorker()
    executor = LocalExecutor(worker, concurrency=1)
    first = asyncio.create_task(_results(executor, [_job(make, "a"), _job(make, "b")]))
    await _turns()
    second = asyncio.create_task(
        _results(executor, [_job(make, "c", "Later"), _job(make, "a", "Later")])
    )
    await _turns()
    worker.gate.set()
    await asyncio.gather(first, second)
    assert worker.order == ["a.Find it", "a.Later", "b.Find it", "c.Later"]


async def test_the_oldest_run_is_served_first(make: Any) -> None:
    """Questions end in about their order, rather than all at the end."""
    worker = CountingWorker()
    executor = LocalExecutor(worker, concurrency=1)
    with executor.held():
        runs = [
            asyncio.create_task(
                _results(executor, [_job(make, f"{run}{number}") for number in range(3)])
            )
            for run in "abc"
        ]
        await _turns()
    await asyncio.gather(*runs)
    assert worker.order == [f"{run}{number}.Find it" for run in "abc" for number in range(3)]


async def test_identical_tasks_are_one_job(make: Any) -> None:
    """Two questions that ask the same of a chunk get a result each, under their own ids, for one
    reading.
    """
    worker = CountingWorker()
    executor = LocalExecutor(worker, concurrency=2)
    mine, yours = _job(make, "a", run="mine-"), _job(make, "a", run="yours-")
    with executor.held():
        runs = [asyncio.create_task(_results(executor, [job])) for job in (mine, yours)]
        await _turns()
    (first,), (second,) = await asyncio.gather(*runs)
    assert worker.order == [mine.id]
    assert (first.job, first.cached, second.job, second.cached) == (mine, False, yours, True)


async def test_samples_of_a_task_are_not_one_job(make: Any) -> None:
    """Samples of one task are read as often as they were asked for."""
    worker = CountingWorker()
    jobs = [
        _job(make, "a").model_copy(update={"id": str(sample), "sample": sample})
        for sample in range(3)
    ]
    assert len(await _results(LocalExecutor(worker, concurrency=1), jobs)) == 3
    assert worker.order == ["0", "1", "2"]


async def test_a_run_that_leaves_takes_nothing_from_another(make: Any) -> None:
    """A question that is stopped does not end a job that another waits for, too; its other jobs are
    cancelled, or not begun.
    """
    worker = GatedWorker()
    executor = LocalExecutor(worker, concurrency=2)
    both, own, waiting = _job(make, "a"), _job(make, "b", "Mine"), _job(make, "c", "Mine")
    with executor.held():
        leaving = asyncio.create_task(_results(executor, [both, own, waiting]))
        await _turns()
        staying = asyncio.create_task(_results(executor, [both.model_copy(update={"id": "other"})]))
        await _turns()
    await _turns()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    worker.gate.set()
    (result,) = await staying
    assert result.job.id == "other"
    assert worker.broken_off == ["b.Mine"]
    assert worker.order == ["a.Find it"]


async def test_work_is_done_in_the_name_of_who_asked_first(make: Any) -> None:
    """A job's calls are entered for the run that wants it, in whichever slot it runs."""
    worker = GatedWorker()
    worker.gate.set()
    executor = LocalExecutor(worker, concurrency=1)
    with executor.held():
        runs = [
            asyncio.create_task(
                _results(executor, [_job(make, "a", asked), _job(make, "z")], asked)
            )
            for asked in ("r1", "r2")
        ]
        await _turns()
    await asyncio.gather(*runs)
    assert dict(zip(worker.order, worker.runs, strict=True)) == {
        "a.r1": "r1",
        "a.r2": "r2",
        "z.Find it": "r1",
    }


async def test_trouble_with_a_shared_job_is_everybodys(make: Any) -> None:
    """A wrong key that one question's job finds also ends the question that waits for the same job."""
    worker = CountingWorker(breaks_at="a.Find it")
    executor = LocalExecutor(worker, concurrency=1)
    with executor.held():
        runs = [asyncio.create_task(_results(executor, [_job(make, "a")])) for _ in range(2)]
        await _turns()
    ended = await asyncio.gather(*runs, return_exceptions=True)
    assert [type(error) for error in ended] == [AuthenticationError, AuthenticationError]
    assert len(await _results(executor, [_job(make, "b")])) == 1, "and the executor goes on"


async def test_results_that_nobody_takes_do_not_pile_up(make: Any) -> None:
    """A slow consumer slows the work down, and does not fill the memory."""
    worker = CountingWorker()
    results = LocalExecutor(worker, concurrency=2).run(_jobs(make, 500, 1))
    await anext(results)
    await _turns(200)
    assert len(worker.order) <= 2 * 4 + 1 + 2 * 2
    await results.aclose()


class PoorWorker(CountingWorker):
    """Raises a budget error in the context of run ``poor``, and reads for any other."""

    async def run(self, job: Job) -> JobResult:
        if current_run().run_id == "poor":
            raise BudgetExceededError(unit="USD", limit=0, spent=0, next_call=1)
        return await super().run(job)


async def test_a_limit_of_one_run_stops_no_other_that_wants_the_same_job(make: Any) -> None:
    """Two questions ask the same of a chunk: the one with an empty budget is refused, the other
    gets its answer.
    """
    executor = LocalExecutor(PoorWorker(), concurrency=1)

    async def ask(name: str) -> int:
        with working_for(name, 1):
            return len([result async for result in executor.run(_jobs(make, 2, 1))])

    with executor.held():
        asked = [asyncio.create_task(ask(name)) for name in ("poor", "rich")]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(outcomes[0], BudgetExceededError)
    assert outcomes[1] == 2


async def test_holding_lets_a_job_end_and_begins_no_other_of_its_chunk(make: Any) -> None:
    """Holding in the middle of a chunk waits for one job; the rest of the chunk is read after the
    hold.
    """
    worker = CountingWorker()
    executor = LocalExecutor(worker, concurrency=1)
    results = executor.run(_jobs(make, 2, 3))
    first = await anext(results)
    with executor.held():
        await asyncio.sleep(0.01)
        begun = len(worker.order)
        await asyncio.sleep(0.01)
        assert len(worker.order) == begun < 6
    rest = [result.job.id async for result in results]
    assert sorted([first.job.id, *rest]) == sorted(f"{c}.{t}" for c in range(2) for t in range(3))
    assert len(worker.order) == 6
