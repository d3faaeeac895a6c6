"""Stopping without losing what is under way: pulled once, no model is asked any more, and what was asked is awaited."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minions.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minions.jobs import Job, JobResult
    from minions.ports import Worker


class Brake:
    """Made by who may want to stop; ``pull`` is for any thread, and for signal handlers."""

    def __init__(self) -> None:
        self.pulled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: Callable[[], object] = lambda: None
        self._under_way = 0
        self._still = asyncio.Event()
        self._still.set()

    def fit(self, told: Callable[[], object]) -> None:
        """Belong to the running loop from now on; ``told`` is called there when the brake is pulled."""
        self._loop, self._told = asyncio.get_running_loop(), told
        if self.pulled:
            told()

    def pull(self) -> None:
        """Begin nothing any more."""
        self.pulled = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told)

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Surrounds a job or an attempt of a model. Raises StoppedError when the brake was pulled before it began."""
        if self.pulled:
            raise StoppedError("stopped", hint="run the same command again: it goes on where it was")
        self._under_way += 1
        self._still.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._still.set()

    def braked(self, worker: Worker) -> Worker:
        """A worker that begins no job once the brake was pulled, and ends the one it has begun."""
        return _Braked(worker, self)

    async def still(self) -> None:
        """Wait until nothing is under way."""
        await self._still.wait()


class _Braked:
    def __init__(self, worker: Worker, brake: Brake) -> None:
        self._worker, self._brake = worker, brake

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        with self._brake.driving():
            return await self._worker.run(job)
