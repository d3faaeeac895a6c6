"""The brake: nothing new is begun, and what is under way is awaited."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from minions.brake import Brake
from minions.errors import StoppedError
from minions.jobs import Job, JobResult


class Slow:
    """A worker whose jobs end when they are told to."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.begun = 0

    async def run(self, job: Job) -> JobResult:
        self.begun += 1
        await self.may_end.wait()
        return JobResult(job=job, status="abstained")


async def test_a_job_that_was_begun_is_ended_and_no_other_is_begun(make: Any) -> None:
    """What was paid for in minutes of reading is kept."""
    brake, slow = Brake(), Slow()
    worker = brake.braked(slow)
    under_way = asyncio.create_task(worker.run(make.job("text")))
    await asyncio.sleep(0)
    brake.pull()
    with pytest.raises(StoppedError) as caught:
        await worker.run(make.job("text"))
    assert "same command again" in (caught.value.hint or "")
    still = asyncio.create_task(brake.still())
    await asyncio.sleep(0)
    assert not still.done()
    slow.may_end.set()
    assert (await under_way).status == "abstained"
    await still
    assert slow.begun == 1


async def test_several_are_awaited(make: Any) -> None:
    """It is still when the last one ended, and one that fails has ended, too."""
    brake = Brake()
    first, second = Slow(), Slow()
    jobs = [asyncio.create_task(brake.braked(worker).run(make.job("text"))) for worker in (first, second)]
    await asyncio.sleep(0)
    brake.pull()
    still = asyncio.create_task(brake.still())
    jobs[0].cancel()
    await asyncio.wait(jobs[:1])
    assert not still.done()
    second.may_end.set()
    await asyncio.wait_for(still, 5)
    assert jobs[1].done()


async def test_with_nothing_under_way_it_is_still() -> None:
    """Stopping an idle batch waits for nothing."""
    brake = Brake()
    brake.pull()
    await asyncio.wait_for(brake.still(), 5)


async def test_it_can_be_pulled_from_any_thread() -> None:
    """A signal handler, or a button of a user interface, wakes the loop that drives."""
    brake, told = Brake(), asyncio.Event()
    brake.fit(told.set)
    thread = threading.Thread(target=brake.pull)
    thread.start()
    await asyncio.wait_for(told.wait(), 5)
    thread.join()
    assert brake.pulled


async def test_one_that_was_pulled_before_the_start_tells_at_once() -> None:
    """Ctrl-C while files are read stops the batch before its first call."""
    brake, told = Brake(), asyncio.Event()
    brake.pull()
    brake.fit(told.set)
    assert told.is_set()
