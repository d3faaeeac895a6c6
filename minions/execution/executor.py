"""Runs jobs on this machine with asyncio: bounded, chunk by chunk."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from minions.jobs import Job, JobResult
    from minions.ports import Worker


class LocalExecutor:
    """Keeps ``concurrency`` slots busy. A slot takes all jobs of a chunk, one after the other, so that its prefix stays cached."""

    def __init__(self, worker: Worker, *, concurrency: int) -> None:
        self._worker = worker
        self._concurrency = concurrency

    async def run(self, jobs: Sequence[Job]) -> AsyncIterator[JobResult]:
        """Yield one result a job, as they finish. What a worker raises ends the run, after the other slots were stopped."""
        groups = iter([list(group) for _, group in groupby(jobs, key=lambda job: job.chunk.id)])
        # Bounded, so that a slow consumer slows the slots rather than filling memory.
        results: asyncio.Queue[JobResult] = asyncio.Queue(maxsize=self._concurrency * 4)

        async def slot() -> None:
            for group in groups:
                for job in group:
                    await results.put(await self._worker.run(job))

        slots = [asyncio.create_task(slot()) for _ in range(self._concurrency)]
        try:
            async for result in _drain(results, slots):
                yield result
        finally:
            for task in slots:
                task.cancel()
            await asyncio.gather(*slots, return_exceptions=True)


async def _drain(results: asyncio.Queue[JobResult], slots: list[asyncio.Task[None]]) -> AsyncIterator[JobResult]:
    finished = asyncio.gather(*slots)
    try:
        while True:
            getter = asyncio.ensure_future(results.get())
            await asyncio.wait({getter, finished}, return_when=asyncio.FIRST_COMPLETED)
            if getter.done():
                yield getter.result()
                continue
            getter.cancel()
            await finished  # raises what a worker raised
            while not results.empty():
                yield results.get_nowait()
            return
    finally:
        finished.cancel()
        await asyncio.gather(finished, return_exceptions=True)
