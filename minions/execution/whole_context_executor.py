"""Runs a round's jobs with one request per task, for a worker that holds all chunks at once."""

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


class WholeContextExecutor:
    """An Executor over a Holder.

    The requests of one run follow each other. Those of several runs may be under way at the same
    time, ``concurrency`` of them: the model itself keeps that limit.
    """

    def __init__(self, holder: Holder, *, concurrency: int) -> None:
        self._holder = holder
        self.concurrency = concurrency
        self._holds = 0
        self._open = asyncio.Event()
        self._open.set()

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        """Yield one result per job. Raises what the holder raises."""
        for _, alike in groupby(jobs, key=lambda job: (job.task.id, job.sample)):
            # A loop: another caller may hold the executor again before this task goes on.
            while self._holds:
                await self._open.wait()
            for result in await self._holder.read(list(alike)):
                yield result

    @contextmanager
    def held(self) -> Iterator[None]:
        """Begin no request while the block runs; requests under way end."""
        self._holds += 1
        self._open.clear()
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._open.set()


class CachingHolder:
    """A Holder that asks the cache before the holder.

    A result depends on all chunks that were held with its own, so all of them are in its key.
    """

    def __init__(self, holder: Holder, cache: ResultCache, *, model: str) -> None:
        self._holder = holder
        self._cache = cache
        self._model = model

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the holder itself."""
        return self._holder.fingerprint

    async def read(self, jobs: Sequence[Job]) -> Sequence[JobResult]:
        """See `minions.ports.Holder`."""
        keys = self._keys(jobs)
        known: list[JobResult] = []
        for job in jobs:
            result = self._known(keys[job.id], job)
            if result is not None:
                known.append(result)
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
        """The cache key of each job, by its id."""
        own_keys = [key_of(job, self.fingerprint) for job in jobs]
        together = hashlib.sha256(b"".join(own_keys)).digest()
        keys: dict[str, bytes] = {}
        for place, (job, own) in enumerate(zip(jobs, own_keys, strict=True)):
            keys[job.id] = hashlib.sha256(together + own + str(place).encode("ascii")).digest()
        return keys
