"""Many questions at once over one crew: planned together, read chunk by chunk for all of them, each decided as soon as
its own jobs are in, and written down as it ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from minions.batch.given_plans import GivenPlan
from minions.batch.items import BadLine, Item
from minions.batch.scope import corpus_of, settings_of
from minions.errors import (
    AuthenticationError,
    EgressLimitError,
    EgressRefusedError,
    ModelNotFoundError,
    StoppedError,
    StoreError,
    UnreachableError,
)
from minions.ledger.budgets import Budget
from minions.ledger.context import limited_by
from minions.run.run import Asked, Record, run
from minions.store.runs import new_run_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from minions.batch.session import Work
    from minions.run.crew import Crew
    from minions.values.answers import Answer
    from minions.values.events import Event

# What ends the batch, because every other question would meet it as well.
_ENDS_ALL = (
    AuthenticationError,
    ModelNotFoundError,
    UnreachableError,
    StoreError,
    EgressRefusedError,
)
_GRACE_S = 1.0  # for what needs no model any more, once nothing is under way
_HINT = "run the same command again: it goes on where it was"
_log = structlog.get_logger()


class Driver:
    """Asks ``items``, at most ``settings.window`` at a time; use it once."""

    def __init__(self, items: Sequence[Item | BadLine], work: Work) -> None:
        self._work = work
        self._waiting = deque(items)
        self._asking: set[asyncio.Task[None]] = set()
        self._unplanned: set[str] = set()
        self._ended: deque[Answer] = deque()
        self._fatal: Exception | None = None
        self._left = 0  # questions that were broken off
        self._changed = asyncio.Event()

    async def answers(self) -> AsyncGenerator[Answer]:
        """Each question's result, as they end. Who takes them slowly slows the batch.

        Raises what would meet every question (a wrong key, a full disk) and what an observer raised, once the others
        were stopped; StoppedError after the brake was pulled and what was under way is done.
        """
        self._work.brake.fit(self._changed.set)
        try:
            # Jobs gather until the first window is planned, so that its chunks are read once.
            with ExitStack() as holding:
                holding.enter_context(self._work.crew.executor.held())
                while self._goes_on():
                    self._changed.clear()
                    self._admit()
                    if not self._unplanned:
                        holding.close()
                    while self._ended:
                        yield self._ended.popleft()
                    if self._asking:
                        await self._changed.wait()
                await self._wind_up()
            while self._ended:
                yield self._ended.popleft()
        finally:
            await self._stop_all()
        if self._fatal is not None:
            raise self._fatal
        if self._work.brake.pulled and (self._waiting or self._left):
            raise StoppedError("interrupted", hint=_HINT)

    def _goes_on(self) -> bool:
        if self._fatal is not None or self._work.brake.pulled:
            return False
        return bool(
            self._asking or self._ended or (self._waiting and not self._work.admission.is_over)
        )

    def _admit(self) -> None:
        """Begin questions, half a window at a time, so that those that share chunks come together."""
        window, admission = self._work.settings.window, self._work.admission
        if len(self._asking) > window // 2:
            return
        while self._waiting and len(self._asking) < window:
            item = self._waiting[0]
            if isinstance(item, BadLine):
                self._ended.append(self._work.results.refuse(item))
            elif admission.admits(item):
                self._begin(item)
            else:
                return
            self._waiting.popleft()

    def _begin(self, item: Item) -> None:
        self._work.admission.begin(item)
        self._unplanned.add(item.id)
        task = asyncio.create_task(self._answer(item))
        self._asking.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        self._changed.set()

    def _planned(self, item: Item) -> None:
        self._unplanned.discard(item.id)
        self._changed.set()

    async def _answer(self, item: Item) -> None:
        """One question to its end. Its trouble is its own, unless it would meet every other, too."""
        work = self._work
        begun = work.begun.get(item.id)
        run_id = begun or new_run_id(work.record.books.clock)
        asked = Asked(
            item.question, run_id, batch=work.batch, item=item.id, resumed=begun is not None
        )
        try:
            with limited_by(self._own_budget(item, run_id)):
                corpus, settings = corpus_of(item, work.corpus), settings_of(item, work.settings)
                answer = await run(asked, corpus, self._crew(item), settings, self._record(item))
            self._ended.append(work.results.finish(answer))
        except (StoppedError, asyncio.CancelledError):
            self._left += 1
        except EgressLimitError as error:  # another question may send less
            self._fail(item, run_id, error)
        except _ENDS_ALL as error:
            self._fatal = self._fatal or error
        except Exception as error:  # noqa: BLE001 - whatever else it is, it is this question's, and told in its record
            self._fail(item, run_id, error)
        finally:
            work.admission.end(item)
            self._planned(item)

    def _own_budget(self, item: Item, run_id: str) -> Budget | None:
        """The limit of a question that has one: what its run spent before it was resumed counts."""
        if item.max_cost_usd is None:
            return None
        tokens, usd = self._work.record.books.ledger.spent_by(run_id)
        budget = Budget(item.max_cost_usd, None, spent_usd=usd, spent_tokens=tokens)
        for lost in (
            self._work.record.books.ledger.open_attempts(self._work.batch)
            if self._work.batch
            else ()
        ):
            if lost.entry.run_id == run_id:
                budget.count(lost.entry.bound_tokens or 0, lost.entry.bound_usd)
        return budget

    def _fail(self, item: Item, run_id: str, error: Exception) -> None:
        if self._work.watched.failure is not None:
            self._fatal = self._fatal or self._work.watched.failure
            return
        _log.warning("question_failed", item=item.id, error=type(error).__name__)
        try:
            self._ended.append(self._work.results.fail(item, run_id, error))
        except Exception as trouble:  # noqa: BLE001 - a failure that can be neither written nor told ends the batch
            self._fatal = self._fatal or trouble

    def _crew(self, item: Item) -> Crew:
        """The batch's crew, with the planner that writes this question's kind of answer, and knows its turns."""
        crew, turns = self._work.crew, settings_of(item, self._work.settings).max_turns
        planner = crew.planner_for(item.output_schema, turns)
        if plan := self._work.plans.get(item.id):
            planner = GivenPlan(planner, plan)
        return replace(crew, planner=planner, notes=())

    def _record(self, item: Item) -> Record:
        """The batch's record; that a question was planned is heard on the way."""
        books = self._work.record.books

        def observe(event: Event) -> None:
            if event.kind == "plan":
                self._planned(item)
            books.observe(event)

        return Record(self._work.record.runs, replace(books, observe=observe))

    async def _wind_up(self) -> None:
        """End what is left of the questions: after the brake was pulled, once the calls that are under way have ended,
        and what needs none any more. No job is begun meanwhile.
        """
        brake = self._work.brake
        with self._work.crew.executor.held():
            while self._asking and brake.pulled and self._fatal is None:
                await brake.still()
                await asyncio.wait(self._asking, timeout=_GRACE_S)
                if brake.is_still:
                    break
            await self._stop_all()

    async def _stop_all(self) -> None:
        tasks = list(self._asking)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
