"""Runs jobs on this machine with asyncio: bounded, chunk by chunk."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from minions.jobs import Job, JobResult
    from minions.ports import Worker

_RESULTS_WAITING = 4  # a slot; bounded, so that a slow consumer slows the slots rather than filling memory


class LocalExecutor:
    """Keeps ``concurrency`` slots busy.

    A slot takes all jobs of a chunk, one after the other, so that the chunk's prefix stays cached on its server.
    """

    def __init__(self, worker: Worker, *, concurrency: int) -> None:
        self._worker = worker
        self._concurrency = concurrency

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        """Yield one result a job, as they finish. What a worker raises is raised here, after the other slots were
        stopped.
        """
        groups = iter([list(group) for _, group in groupby(jobs, key=lambda job: job.chunk.id)])
        results: asyncio.Queue[JobResult | Exception | None] = asyncio.Queue(self._concurrency * _RESULTS_WAITING)

        async def slot() -> None:
            try:
                for group in groups:
                    for job in group:
                        await results.put(await self._worker.run(job))
            except Exception as error:  # noqa: BLE001 - not handled here: handed to the consumer, which raises it
                await results.put(error)
            await results.put(None)

        slots = [asyncio.create_task(slot()) for _ in range(self._concurrency)]
        busy = len(slots)
        try:
            while busy:
                result = await results.get()
                if result is None:
                    busy -= 1
                elif isinstance(result, Exception):
                    raise result
                else:
                    yield result
        finally:
            for task in slots:
                task.cancel()
            await asyncio.gather(*slots, return_exceptions=True)
