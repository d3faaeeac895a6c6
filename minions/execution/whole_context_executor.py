"""Runs a round's jobs in one request for each task: for a worker that holds all their passages at once."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

import structlog

from minions.execution.cache import key_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from minions.execution.cache import ResultCache
    from minions.ports import Holder
    from minions.values.jobs import Job, JobResult

_log = structlog.get_logger()


class TogetherExecutor:
    """An Executor over a Holder. Requests of one run follow each other; those of several runs may go at the same time,
    ``concurrency`` of them, which is the model's own limit.
    """

    def __init__(self, holder: Holder, *, concurrency: int) -> None:
        self._holder = holder
        self.concurrency = concurrency
        self._holds = 0
        self._open = asyncio.Event()
        self._open.set()

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        """Yield one result a job. What the holder raises is raised here."""
        for _, alike in groupby(jobs, key=lambda job: (job.task.id, job.sample)):
            while self._holds:  # again: it may have been let go and held before this went on
                await self._open.wait()
            for result in await self._holder.read(list(alike)):
                yield result

    @contextmanager
    def held(self) -> Iterator[None]:
        """Begin no request while the block runs; those under way end."""
        self._holds += 1
        self._open.clear()
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._open.set()


class CachingHolder:
    """A Holder that asks the cache first. A result is that of all passages held with it, so it is kept under them."""

    def __init__(self, holder: Holder, cache: ResultCache, *, model: str) -> None:
        self._holder, self._cache, self._model = holder, cache, model

    @property
    def fingerprint(self) -> str:
        """The holder's own."""
        return self._holder.fingerprint

    async def read(self, jobs: Sequence[Job]) -> Sequence[JobResult]:
        """See `minions.ports.Holder`."""
        keys = self._keys(jobs)
        known = [result for job in jobs if (result := self._known(keys[job.id], job)) is not None]
        if len(known) == len(jobs):
            return known
        results = await self._holder.read(jobs)
        for result in results:
            self._cache.put(keys[result.job.id], self._model, result)
        return results

    def _known(self, key: bytes, job: Job) -> JobResult | None:
        try:
            return self._cache.get(key, job)
        except ValueError:  # a result of another version
            _log.warning("cached_result_unreadable", job=job.id)
            return None

    def _keys(self, jobs: Sequence[Job]) -> dict[str, bytes]:
        own = [key_of(job, self.fingerprint) for job in jobs]
        together = hashlib.sha256(b"".join(own)).digest()
        return {
            job.id: hashlib.sha256(together + key + bytes(str(place), "ascii")).digest()
            for place, (job, key) in enumerate(zip(jobs, own, strict=True))
        }
