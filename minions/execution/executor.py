"""Runs jobs on this machine with asyncio: bounded, chunk by chunk, for any number of runs at once."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, NamedTuple

from minions.errors import BudgetExceededError, ModelError
from minions.execution.cache import adapted
from minions.execution.stopping import Enough, Stopping
from minions.values.jobs import JobResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from minions.ports import Worker
    from minions.values.jobs import Job

_NEVER = Enough(findings=0, confidence=1.0)
_NEEDLESS = "enough findings agree without it"
_RESULTS_WAITING = (
    4  # a slot; bounded, so that a slow consumer slows the slots rather than filling memory
)


class _Run:
    """The jobs of one ``run`` call: its chunks in their order, and where its results go."""

    def __init__(self, jobs: Sequence[Job], *, results_waiting: int, enough: Enough) -> None:
        self.context = copy_context()  # whose the tokens are, and under what limits
        self.stopping = Stopping(jobs, enough)
        self.chunks = deque(dict.fromkeys(job.chunk.id for job in jobs))
        self.left = len(jobs)
        self._results: asyncio.Queue[JobResult | Exception] = asyncio.Queue(results_waiting)
        self._closed = False

    async def deliver(self, result: JobResult | Exception) -> None:
        """Hand over a result; one that nobody waits for any more is dropped."""
        if not self._closed:
            await self._results.put(result)

    async def next(self) -> JobResult:
        """The next result. Raises what a worker raised."""
        result = await self._results.get()
        if isinstance(result, Exception):
            raise result
        self.left -= 1
        return result

    def close(self) -> None:
        """Take no more results, and let go who waits to hand one over."""
        self._closed = True
        while not self._results.empty():
            self._results.get_nowait()


class _Wanted(NamedTuple):
    """A job, and the run that wants it."""

    job: Job
    run: _Run

    def is_of(self, run: _Run, task_id: str | None) -> bool:
        """Whether a run wants it, for this task; None: for any."""
        return self.run is run and task_id in {None, self.job.task.id}


class _Reading:
    """The jobs that wait for a chunk, the same ones together; ``working`` is the job under way, for ``wanted``."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[object, ...], list[_Wanted]] = {}
        self.wanted: list[_Wanted] = []
        self.working: asyncio.Task[JobResult] | None = None

    def add(self, wanted: _Wanted) -> None:
        self.waiting.setdefault(_same(wanted.job), []).append(wanted)

    def withdraw(self, run: _Run, task_id: str) -> list[Job]:
        """Take back and return a run's jobs of a task, but not where some of its samples were begun: a vote that is cut
        short is none.
        """
        waiting = (wanted for all_wanted in self.waiting.values() for wanted in all_wanted)
        unbegun = any(wanted.is_of(run, task_id) and not wanted.job.sample for wanted in waiting)
        return self._take(run, task_id) if unbegun else []

    def _take(self, run: _Run, task_id: str | None = None) -> list[Job]:
        """Take back what waits for a run, or for one of its tasks."""
        taken: list[Job] = []
        for same, all_wanted in list(self.waiting.items()):
            taken += [wanted.job for wanted in all_wanted if wanted.is_of(run, task_id)]
            all_wanted[:] = [wanted for wanted in all_wanted if not wanted.is_of(run, task_id)]
            if not all_wanted:
                del self.waiting[same]
        return taken

    def forget(self, run: _Run) -> asyncio.Task[JobResult] | None:
        """Take back what a run wanted; a job under way that nobody else wants is broken off, and returned."""
        self._take(run)
        others = [wanted for wanted in self.wanted if wanted.run is not run]
        was_wanted = len(others) < len(self.wanted)
        self.wanted = others
        if self.working is None or others or not was_wanted:
            return None
        self.working.cancel()
        return self.working


class LocalExecutor:
    """Keeps ``concurrency`` slots busy with the jobs of all its runs. Belongs to one event loop.

    A slot takes all jobs of a chunk, of whatever runs, one after the other, so that the chunk's prefix stays cached on
    its server; jobs that join meanwhile go to the same slot. Identical tasks on a chunk are one job. The oldest run's
    best chunk is read first, so that runs end early and in their order.

    ``enough`` says when a task's reading ends early (ADR 13): its jobs that nobody began are skipped, but for those
    whose result is ``known`` already.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        concurrency: int,
        enough: Enough = _NEVER,
        known: Callable[[Job], JobResult | None] = lambda _: None,
    ) -> None:
        self._worker = worker
        self.concurrency = concurrency
        self._enough, self._known = enough, known
        self._runs: dict[_Run, None] = {}
        self._readings: dict[str, _Reading] = {}  # what waits, by chunk
        self._active: dict[str, _Reading] = {}  # what a slot has taken, by chunk
        self._slots: set[asyncio.Task[None]] = set()
        self._holds = 0

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        """Yield one result a job, as they finish. What a worker raises is raised here, once this run's other jobs
        were taken back.
        """
        run = _Run(jobs, results_waiting=self.concurrency * _RESULTS_WAITING, enough=self._enough)
        self._runs[run] = None
        for job in jobs:
            reading = self._active.get(job.chunk.id) or self._readings.setdefault(
                job.chunk.id, _Reading()
            )
            reading.add(_Wanted(job, run))
        self._fill()
        try:
            while run.left:
                yield await run.next()
        finally:
            await self._close(run)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Start no job while the block runs; those under way end. Jobs gather: a chunk is read once for all that want
        it.
        """
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._fill()

    def _fill(self) -> None:
        if self._holds:
            return
        busy = sum(
            not slot.done() for slot in self._slots
        )  # one that just ended is forgotten a turn later
        for _ in range(min(self.concurrency - busy, len(self._readings))):
            # An empty context: a slot works for nobody in particular.
            slot = asyncio.get_running_loop().create_task(self._slot(), context=Context())
            self._slots.add(slot)
            slot.add_done_callback(self._slots.discard)

    async def _slot(self) -> None:
        while not self._holds and (chunk := self._next()) is not None:
            reading = self._active[chunk] = self._readings.pop(chunk)
            try:
                while reading.waiting and not self._holds:
                    await self._work(reading)
            finally:
                del self._active[chunk]
                self._put_back(chunk, reading)

    def _put_back(self, chunk: str, reading: _Reading) -> None:
        """What a slot left of a chunk waits on, first of all."""
        if reading.waiting:
            self._readings[chunk] = reading
            for run in {wanted.run for same in reading.waiting.values() for wanted in same}:
                run.chunks.appendleft(chunk)

    def _next(self) -> str | None:
        """The best chunk that waits, of the oldest run that has one."""
        for run in self._runs:
            while run.chunks:
                if (chunk := run.chunks.popleft()) in self._readings:
                    return chunk
        return None

    async def _work(self, reading: _Reading) -> None:
        """Run the next job of a chunk, for all that want it."""
        reading.wanted = reading.waiting.pop(next(iter(reading.waiting)))
        first, run = reading.wanted[0]
        loop = asyncio.get_running_loop()
        reading.working = loop.create_task(self._worker.run(first), context=run.context.copy())
        result: JobResult | Exception
        try:
            result = await reading.working
        except asyncio.CancelledError as broken_off:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the slot itself is to end
                raise
            if not reading.wanted:
                return
            result = ModelError(f"the job {first.id} was broken off ({broken_off!r})")
        except Exception as error:  # noqa: BLE001 - not handled here: handed to the runs, which raise it
            result = error
        finally:
            reading.working = None
        if isinstance(result, BudgetExceededError) and len(reading.wanted) > 1:
            # The limit may be the first run's own: the others try under theirs.
            reading.waiting[_same(first)] = reading.wanted[1:] + reading.waiting.pop(
                _same(first), []
            )
            reading.wanted = reading.wanted[:1]
        told = [
            (wanted.run, one)
            for wanted in list(reading.wanted)
            for one in self._told(wanted, result)
        ]
        for run_told, one in told:
            await run_told.deliver(one)
        reading.wanted = []

    def _told(self, wanted: _Wanted, result: JobResult | Exception) -> list[JobResult | Exception]:
        """What a run is told when its job ended: the result, and those of the jobs that it makes needless."""
        run, mine = wanted.run, _for(wanted.job, result)
        if isinstance(mine, Exception) or not run.stopping.ends(mine):
            return [mine]
        needless: list[Job] = []
        for chunk in dict.fromkeys((*run.chunks, *self._active)):
            reading = self._active.get(chunk) or self._readings.get(chunk)
            if reading is not None:
                needless += reading.withdraw(run, wanted.job.task.id)
                if not reading.waiting:
                    self._readings.pop(chunk, None)
        return [mine, *map(self._unread, needless)]

    def _unread(self, job: Job) -> JobResult | Exception:
        """What is told of a job that is not to be read: what is known of it costs nothing, and is not thrown away."""
        try:
            return self._known(job) or JobResult(job=job, status="skipped", reason=_NEEDLESS)
        except Exception as error:  # noqa: BLE001 - handed to the run, which raises it
            return error

    async def _close(self, run: _Run) -> None:
        """Take back what a run still wants, and wait until nothing works for it."""
        del self._runs[run]
        run.close()
        broken_off: list[asyncio.Task[JobResult]] = []
        if run.left:
            for chunk, reading in list(self._readings.items()):
                reading.forget(run)
                if not reading.waiting:
                    del self._readings[chunk]
            broken_off = [
                task for reading in self._active.values() if (task := reading.forget(run))
            ]
        if broken_off:
            await asyncio.wait(broken_off)
        if not self._runs and self._slots:
            await asyncio.wait(self._slots)


def _for(job: Job, result: JobResult | Exception) -> JobResult | Exception:
    """A result as this job's; trouble with that is the run's, and never the slot's."""
    if isinstance(result, Exception):
        return result
    try:
        return adapted(result, job)
    except Exception as error:  # noqa: BLE001 - handed to the run, which raises it
        return error


def _same(job: Job) -> tuple[object, ...]:
    """What makes two jobs on a chunk one: the worker is told nothing else of a task."""
    task = job.task
    return task.instruction, task.output, task.options, task.unit, job.sample
