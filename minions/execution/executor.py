"""Runs jobs on this machine with asyncio: bounded, chunk by chunk, for any number of runs at once.

The states of a job:

                 a slot takes             the worker             it returns
                 the chunk                runs the job           or raises
    run() -> WAITING -----------> TAKEN -----------------> WORKING -----------> DELIVERED
             |  ^                 | | ^                    |  |                     ^
             |  |  held: PUT BACK | | | budget: PUT BACK   |  |                     |
             |  +-----------------+ | +--------------------+  | its run is closed,  |
             |                      |                         | and it is cancelled |
             |                      v                         |                     |
             +----------------> WITHDRAWN <-------------------+                     |
                                    |  its task has read enough: `skipped`,         |
                                    |  or the result that is known already          |
                                    +-----------------------------------------------+

- waiting: in ``_readings``, with the other jobs of its chunk, until a slot is free.
- taken: in ``_active``; its chunk belongs to one slot, which runs the jobs in turn.
- working: the slot awaits the worker. Identical jobs of several runs are one call.
- delivered: in the queue of its run, which yields it.
- put back: the slot stopped early. Under ``held`` the chunk waits again, first in the order of its
  runs; after a budget error only the run that paid has its error, and the others' jobs are taken
  again.
- withdrawn: no longer wanted, because its task has read enough or its run was closed. A closed run
  gets no results; a job under way is cancelled only if no other run wants it.
"""

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

    Outcome = JobResult | Exception

_NEVER = Enough(findings=0, confidence=1.0)
_NEEDLESS = "enough findings agree without it"
# Results that may wait, per slot. Bounded, so that a slow consumer slows the slots down instead of
# filling the memory.
_RESULTS_WAITING = 4


class _Run:
    """The jobs of one ``run`` call: its chunks in their order, and the queue of its results."""

    def __init__(self, jobs: Sequence[Job], *, results_waiting: int, enough: Enough) -> None:
        # The caller's context variables: they say who pays for the tokens, and under which limits.
        self.context = copy_context()
        self.stopping = Stopping(jobs, enough)
        self.chunks = deque(dict.fromkeys([job.chunk.id for job in jobs]))
        self.left = len(jobs)
        self._results: asyncio.Queue[Outcome] = asyncio.Queue(results_waiting)
        self._closed = False

    async def deliver(self, result: Outcome) -> None:
        """Put a result into the queue, or drop it if the run is closed."""
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
        """Take no more results, and release the slots that wait to deliver one."""
        self._closed = True
        while not self._results.empty():
            self._results.get_nowait()


class _Wanted(NamedTuple):
    """A job, and the run that wants it."""

    job: Job
    run: _Run

    def is_of(self, run: _Run, task_id: str | None) -> bool:
        """True if this run wants the job for this task, or for any task if that is None."""
        if self.run is not run:
            return False
        return task_id is None or task_id == self.job.task.id


class _Reading:
    """The jobs on one chunk.

    ``waiting``: the jobs that are not begun, identical ones under one key. ``working``: the call of
    the worker under way. ``wanted``: the identical jobs that this call answers.
    """

    def __init__(self) -> None:
        self.waiting: dict[tuple[object, ...], list[_Wanted]] = {}
        self.wanted: list[_Wanted] = []
        self.working: asyncio.Task[JobResult] | None = None

    def add(self, wanted: _Wanted) -> None:
        """Let a job wait. Jobs on a chunk are one if the worker sees the same of both."""
        task = wanted.job.task
        same = (task.instruction, task.output, task.options, task.unit, wanted.job.sample)
        self.waiting.setdefault(same, []).append(wanted)

    def runs(self) -> set[_Run]:
        """The runs whose jobs wait."""
        runs: set[_Run] = set()
        for all_wanted in self.waiting.values():
            runs.update([wanted.run for wanted in all_wanted])
        return runs

    def withdraw(self, run: _Run, task_id: str) -> list[Job]:
        """Take back and return a run's jobs of a task.

        Nothing is taken back once the first sample was begun: a vote needs all its samples.
        """
        for all_wanted in self.waiting.values():
            for wanted in all_wanted:
                if wanted.is_of(run, task_id) and wanted.job.sample == 0:
                    return self._take(run, task_id)
        return []

    def _take(self, run: _Run, task_id: str | None = None) -> list[Job]:
        """Take back and return all that waits for a run, or for one of its tasks."""
        taken: list[Job] = []
        for same, all_wanted in list(self.waiting.items()):
            kept: list[_Wanted] = []
            for wanted in all_wanted:
                if wanted.is_of(run, task_id):
                    taken.append(wanted.job)
                else:
                    kept.append(wanted)
            if kept:
                self.waiting[same] = kept
            else:
                del self.waiting[same]
        return taken

    def forget(self, run: _Run) -> asyncio.Task[JobResult] | None:
        """Take back all that a run wanted; cancel and return the call under way if only it wanted
        the result.
        """
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

    A slot takes all jobs on a chunk, of every run, and runs them one after the other: the model's
    server then keeps the chunk in its prefix cache. Jobs that arrive meanwhile join that slot.
    Identical tasks on a chunk are one job. The best chunk of the oldest run is read first, so that
    runs end early and in their order.

    ``enough`` says when a task's reading ends early (ADR 13). The task's jobs that were not begun
    are then skipped, except those whose result ``known`` returns at no cost.
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
        self._enough = enough
        self._known = known
        self._runs: dict[_Run, None] = {}  # a set that keeps its order
        self._readings: dict[str, _Reading] = {}  # the chunks that wait, by id
        self._active: dict[str, _Reading] = {}  # the chunks that slots have taken
        self._slots: set[asyncio.Task[None]] = set()
        self._holds = 0

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        """Yield one result per job, as they finish.

        Raises what a worker raises, after this run's other jobs were taken back.
        """
        run = _Run(jobs, results_waiting=self.concurrency * _RESULTS_WAITING, enough=self._enough)
        self._runs[run] = None
        for job in jobs:
            chunk_id = job.chunk.id
            reading = self._active.get(chunk_id)
            if reading is None:
                reading = self._readings.setdefault(chunk_id, _Reading())
            reading.add(_Wanted(job, run))
        self._fill()
        try:
            while run.left:
                yield await run.next()
        finally:
            await self._close(run)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Begin no job while the block runs; jobs under way end.

        Jobs that are added meanwhile gather, so that a chunk is read once for all of them.
        """
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._fill()

    def _fill(self) -> None:
        """Start a slot for each chunk that waits, while there are free slots."""
        if self._holds:
            return
        # A slot that has just ended leaves the set one turn of the event loop later.
        busy = [slot for slot in self._slots if not slot.done()]
        free = self.concurrency - len(busy)
        for _ in range(min(free, len(self._readings))):
            # An empty context: a slot works for all runs, each job then gets its own run's context.
            slot = asyncio.get_running_loop().create_task(self._slot(), context=Context())
            self._slots.add(slot)
            slot.add_done_callback(self._slots.discard)

    async def _slot(self) -> None:
        """Take chunks and run all jobs on them, until none waits or the executor is held."""
        while not self._holds:
            chunk_id = self._next()
            if chunk_id is None:
                return
            reading = self._readings.pop(chunk_id)
            self._active[chunk_id] = reading
            try:
                while reading.waiting and not self._holds:
                    await self._work(reading)
            finally:
                del self._active[chunk_id]
                if reading.waiting:  # put back, first in the order of its runs
                    self._readings[chunk_id] = reading
                    for run in reading.runs():
                        run.chunks.appendleft(chunk_id)

    def _next(self) -> str | None:
        """The id of the best chunk that waits, of the oldest run that has one."""
        for run in self._runs:
            while run.chunks:
                chunk_id = run.chunks.popleft()
                if chunk_id in self._readings:
                    return chunk_id
        return None

    async def _work(self, reading: _Reading) -> None:
        """Run the next job on a chunk, and deliver its result to every run that wants it."""
        same = next(iter(reading.waiting))
        reading.wanted = reading.waiting.pop(same)
        job, run = reading.wanted[0]
        loop = asyncio.get_running_loop()
        reading.working = loop.create_task(self._worker.run(job), context=run.context.copy())
        result: Outcome
        try:
            result = await reading.working
        except asyncio.CancelledError as cancelled:
            slot = asyncio.current_task()
            if slot is not None and slot.cancelling():  # the slot itself is to end
                raise
            if not reading.wanted:
                return
            result = ModelError(f"the job {job.id} was cancelled ({cancelled!r})")
        except Exception as error:  # noqa: BLE001 - handed to the runs, which raise it
            result = error
        finally:
            reading.working = None
        if isinstance(result, BudgetExceededError) and len(reading.wanted) > 1:
            # The limit may be the first run's own: the other runs try under theirs.
            joined = reading.waiting.pop(same, [])
            reading.waiting[same] = reading.wanted[1:] + joined
            reading.wanted = reading.wanted[:1]
        # Every result is made before the first is delivered: delivering waits for slow runs.
        deliveries: list[tuple[_Run, Outcome]] = []
        for wanted in reading.wanted:
            outcomes = self._outcomes(wanted, result)
            deliveries += [(wanted.run, outcome) for outcome in outcomes]
        for receiver, outcome in deliveries:
            await receiver.deliver(outcome)
        reading.wanted = []

    def _outcomes(self, wanted: _Wanted, result: Outcome) -> list[Outcome]:
        """The result of a run's job, followed by results for the jobs that it makes needless."""
        run = wanted.run
        own = _as_result_of(wanted.job, result)
        if isinstance(own, Exception) or not run.stopping.ends(own):
            return [own]
        outcomes: list[Outcome] = [own]
        for chunk_id in dict.fromkeys((*run.chunks, *self._active)):
            reading = self._active.get(chunk_id) or self._readings.get(chunk_id)
            if reading is None:
                continue
            needless = reading.withdraw(run, wanted.job.task.id)
            outcomes += [self._unread(job) for job in needless]
            if not reading.waiting:
                self._readings.pop(chunk_id, None)
        return outcomes

    def _unread(self, job: Job) -> Outcome:
        """The result of a job that will not run: the known one, which is free, or ``skipped``."""
        try:
            known = self._known(job)
        except Exception as error:  # noqa: BLE001 - handed to the run, which raises it
            return error
        return known or JobResult(job=job, status="skipped", reason=_NEEDLESS)

    async def _close(self, run: _Run) -> None:
        """Take back what a run still wants, and wait until nothing works for it."""
        del self._runs[run]
        run.close()
        cancelled: list[asyncio.Task[JobResult]] = []
        if run.left:
            for chunk_id, reading in list(self._readings.items()):
                reading.forget(run)
                if not reading.waiting:
                    del self._readings[chunk_id]
            for reading in self._active.values():
                call = reading.forget(run)
                if call is not None:
                    cancelled.append(call)
        if cancelled:
            await asyncio.wait(cancelled)
        if not self._runs and self._slots:
            await asyncio.wait(self._slots)


def _as_result_of(job: Job, result: Outcome) -> Outcome:
    """A result as the result of an identical job. An error here ends the run, never the slot."""
    if isinstance(result, Exception):
        return result
    try:
        return adapted(result, job)
    except Exception as error:  # noqa: BLE001 - handed to the run, which raises it
        return error
