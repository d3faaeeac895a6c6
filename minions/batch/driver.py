"""Answer many questions at the same time with one crew.

They are planned together, a chunk is read once for all of them, and each question is decided and
recorded as soon as its own jobs have ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from minions.batch.admission import Admission
from minions.batch.given_plans import GivenPlan, plans_by_item
from minions.batch.items import BadLine
from minions.batch.scope import corpus_of, terms_for
from minions.errors import MinionsError, StoppedError
from minions.ledger.budgets import Budget
from minions.ledger.context import limited_by
from minions.run.run import Asked, Record, run
from minions.store.runs import new_run_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from minions.batch.items import Item
    from minions.batch.session import Session
    from minions.corpus.port import Corpus
    from minions.run.crew import Crew
    from minions.run.terms import Terms
    from minions.values.answers import Answer
    from minions.values.events import Event
    from minions.values.plans import Plan

_GRACE_S: Final = 1.0  # for work that needs no model any more, once no call is under way
_HINT: Final = "run the same command again: it continues where it stopped"
_log = structlog.get_logger()


class Driver:
    """Asks the questions that are left of a batch, at most ``window`` at a time; use it once.

    ``plans`` replace the planner's first plans; their keys are ids of items, or questions.
    """

    def __init__(
        self,
        session: Session,
        corpus: Corpus,
        crew: Crew,
        terms: Terms,
        *,
        window: int,
        plans: Mapping[str, Plan] | None = None,
    ) -> None:
        self._session = session
        self._corpus = corpus
        self._crew = crew
        self._terms = terms
        self._window = window
        self._books = session.record.books
        self._admission = Admission(terms, self._books, corpus)
        self._plans = plans_by_item(plans or {}, session.left)
        self._waiting = deque(session.left)
        self._asking: set[asyncio.Task[None]] = set()
        self._unplanned: set[str] = set()
        self._ended: deque[Answer] = deque()
        self._fatal: Exception | None = None
        self._broken_off = 0
        self._changed = asyncio.Event()

    async def answers(self) -> AsyncGenerator[Answer]:
        """Each question's result, as the questions end. A slow consumer slows the batch.

        Raises errors that every question would meet (a wrong key, a full disk) and errors of an
        observer, after the other questions were stopped. Raises StoppedError after the brake was
        pulled and the calls under way have ended.
        """
        brake = self._session.brake
        brake.fit(self._changed.set)
        try:
            # Jobs gather until the first window is planned, so that its chunks are read once.
            with ExitStack() as holding:
                holding.enter_context(self._crew.executor.held())
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
        if brake.pulled and (self._waiting or self._broken_off):
            raise StoppedError("interrupted", hint=_HINT)

    def _goes_on(self) -> bool:
        if self._fatal is not None or self._session.brake.pulled:
            return False
        more_to_begin = self._waiting and not self._admission.is_over
        return bool(self._asking or self._ended or more_to_begin)

    def _admit(self) -> None:
        """Begin questions, half a window at a time, so that those with shared chunks overlap."""
        if len(self._asking) > self._window // 2:
            return
        while self._waiting and len(self._asking) < self._window:
            item = self._waiting[0]
            if isinstance(item, BadLine):
                self._ended.append(self._session.results.refuse(item))
            elif self._admission.admits(item):
                self._begin(item)
            else:
                return
            self._waiting.popleft()

    def _begin(self, item: Item) -> None:
        self._admission.begin(item)
        self._unplanned.add(item.id)
        task = asyncio.create_task(self._answer(item))
        self._asking.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._asking.discard(task)
            self._changed.set()

        task.add_done_callback(done)

    def _planned(self, item: Item) -> None:
        self._unplanned.discard(item.id)
        self._changed.set()

    async def _answer(self, item: Item) -> None:
        """Answer one question. Record its error, unless all other questions would meet it."""
        session = self._session
        begun = session.begun.get(item.id)
        run_id = begun or new_run_id(self._books.clock)
        asked = Asked(
            item.question, run_id, batch=session.batch, item=item.id, resumed=begun is not None
        )
        try:
            with limited_by(self._own_budget(item, run_id)):
                corpus = corpus_of(item, self._corpus)
                terms = terms_for(item, self._terms)
                crew = self._crew_for(item, terms)
                answer = await run(asked, corpus, crew, terms, self._record(item))
            self._ended.append(session.results.finish(answer))
        except (StoppedError, asyncio.CancelledError):
            self._broken_off += 1
        except Exception as error:  # noqa: BLE001 - it is written to the question's record
            if isinstance(error, MinionsError) and error.systemic:
                self._fatal = self._fatal or error
            else:
                self._fail(item, run_id, error)
        finally:
            self._admission.end(item)
            self._planned(item)

    def _own_budget(self, item: Item, run_id: str) -> Budget | None:
        """The budget of a question with its own limit, less what its run spent before."""
        if item.max_cost_usd is None:
            return None
        ledger = self._books.ledger
        tokens, usd = ledger.spent_by(run_id)
        budget = Budget(item.max_cost_usd, None, spent_usd=usd, spent_tokens=tokens)
        if self._session.batch is None:
            return budget
        for lost in ledger.open_attempts(self._session.batch):
            if lost.entry.run_id == run_id:
                budget.count(lost.entry.bound_tokens or 0, lost.entry.bound_usd)
        return budget

    def _fail(self, item: Item, run_id: str, error: Exception) -> None:
        if self._session.observer.failure is not None:
            self._fatal = self._fatal or self._session.observer.failure
            return
        _log.warning("question_failed", item=item.id, error=type(error).__name__)
        try:
            self._ended.append(self._session.results.fail(item, run_id, error))
        except Exception as write_error:  # noqa: BLE001 - an output that fails ends the batch
            self._fatal = self._fatal or write_error

    def _crew_for(self, item: Item, terms: Terms) -> Crew:
        """The batch's crew, with a planner for this question's answer schema and turns."""
        planner = self._crew.planner_for(item.output_schema, terms.limits.max_turns)
        plan = self._plans.get(item.id)
        if plan is not None:
            planner = GivenPlan(planner, plan)
        return replace(self._crew, planner=planner, notes=())

    def _record(self, item: Item) -> Record:
        """The batch's record, with an observer that notes when this question is planned."""

        def observe(event: Event) -> None:
            if event.kind == "plan":
                self._planned(item)
            self._books.observe(event)

        return Record(self._session.record.runs, replace(self._books, observe=observe))

    async def _wind_up(self) -> None:
        """Wait for calls under way, then end the questions that are left.

        This is the graceful stop after the brake was pulled. A question that needs no further call
        may end, too. No job is begun meanwhile.
        """
        brake = self._session.brake
        with self._crew.executor.held():
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
