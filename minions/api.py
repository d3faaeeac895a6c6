"""The public face: ask questions of local documents. Every command of the command line is a method here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minions.batch.estimate import estimate_batch
from minions.batch.items import as_items, read_items
from minions.batch.session import opened, placed
from minions.corpus.fts.erase import forget_documents
from minions.errors import StoppedError, UsageError
from minions.estimate import estimate_question, speed_of
from minions.home import INDEX_FILE, Workplace, check_question, ignore, listed
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.run.run import Asked, Record, run
from minions.stop_signal import Brake
from minions.store.deletion import delete_runs, purge
from minions.store.runs import Runs, new_run_id
from minions.values.events import WarningEvent
from minions.wiring.confine import step_by_step, within_reach
from minions.wiring.lineup import choose_models

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

    from minions.batch.estimate import BatchEstimate
    from minions.batch.items import BadLine, Item
    from minions.batch.results import BatchSummary
    from minions.batch.session import Session
    from minions.corpus.fts.query import SearchHit
    from minions.corpus.index import IndexReport
    from minions.doctor import Report as Examination
    from minions.estimate import Estimate
    from minions.evals.report import Report
    from minions.home import Paths
    from minions.ledger.egress import Departure, EgressSummary
    from minions.ledger.ledger import Grouping, SummaryRow
    from minions.ports import Clock
    from minions.preview import Preview
    from minions.settings import Settings
    from minions.store.deletion import Removed
    from minions.store.runs import Run
    from minions.values.answers import Answer
    from minions.values.events import Event, Observer
    from minions.values.plans import Plan

# A batch runs while nobody looks: it waits for an endpoint that is gone or asks for time, and tries more often.
_PATIENT = {"patience_s": 3600.0, "attempts": 8}
_DAY_S = 86_400.0  # longer than any process waits for a reply: what is still open then has lost its process


class Minions(Workplace):
    """Asks questions of local documents: a planner that never reads them, workers on this machine that do.

    ``planner`` and ``worker`` are model references (``provider:model[@URL]``), or ``local`` for a planner without a
    cloud; ``settings`` are the fields of `minions.settings.Settings` and win over environment and files. All methods
    raise MinionsError. Use it as a context manager, or call ``close``, to free a model that runs in this process.
    """

    def ask(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Answer:
        """Answer a question from the documents at ``paths`` (files or folders). Blocks; ``aask`` is its asyncio twin.

        ``settings`` apply to this question only (``max_cost=0.05``, say). ``observe`` is called with each event.
        """
        return self._await(self.aask(question, paths, observe=observe, **settings))

    async def aask(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Answer:
        """Answer a question; see ``ask``. Cancelling it records the run as interrupted."""
        return await self._ask(question, paths, self._with(settings), observe or ignore)

    async def stream(self, question: str, paths: Paths, **settings: Any) -> AsyncGenerator[Event]:
        """Events as they happen (index, plan, job, finding, cloud call, warning), the last of them the answer.

        Leaving the loop early stops the run and records it as interrupted.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        asking = asyncio.create_task(
            self.aask(question, paths, observe=events.put_nowait, **settings)
        )
        asking.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def map(
        self,
        questions: Iterable[str | Mapping[str, Any]],
        paths: Paths = (),
        *,
        output: str | Path | None = None,
        retry_errors: bool = False,
        plans: Mapping[str, Plan] | None = None,
        cache_scope: str = "",
        observe: Observer | None = None,
        **settings: Any,
    ) -> AsyncGenerator[Answer]:
        """Answers to many questions, as they come, each chunk read once for all that want it.

        A question is a text, or a mapping with the fields of `minions.batch.items.Item`. ``stop_reason`` is ``error``,
        with the reason among ``warnings``, for one that failed. With ``output``, a file to append to, the batch
        resumes: what stands there is not asked again, and not yielded. ``max_cost`` is shared by all questions.
        ``plans`` are first plans in place of the planner's, by the ids of their questions, or by their texts.
        With a ``cache_scope`` only what was read under the same one counts as read before.
        """
        if isinstance(questions, str | Mapping):
            raise UsageError(
                "map() takes several questions",
                hint="put them in a list, or await aask(...) for one",
            )
        items, chosen = placed(as_items(questions), listed(paths), Path())
        out = Path(output) if output is not None else None
        how: dict[str, Any] = {"brake": Brake(), "output": out, "retry_errors": retry_errors}
        with self._session(items, settings, observe, cache_scope=cache_scope, **how) as session:
            async with aclosing(self._answers(chosen, session, plans)) as answers:
                async for answer in answers:
                    yield answer

    def batch(self, questions: str | Path, paths: Paths = (), **how: Any) -> BatchSummary:
        """Answer the questions of a file. Blocks; ``abatch`` is its asyncio twin, and says what it takes."""
        return self._await(self.abatch(questions, paths, **how))

    async def abatch(
        self,
        questions: str | Path,
        paths: Paths = (),
        *,
        output: str | Path,
        retry_errors: bool = False,
        brake: Brake | None = None,
        observe: Observer | None = None,
        **settings: Any,
    ) -> BatchSummary:
        """Answer the questions of a file (a JSON object a line), appending a line to ``output`` for each as it ends.

        It resumes: what stands in ``output`` is not asked again, unless it failed and ``retry_errors`` is set. Without
        ``paths``, each line names its ``documents``, relative to the file's folder. Pulling ``brake`` lets what is
        under way end. Raises what would meet every question (a wrong key, a full disk).
        """
        source, brake = Path(questions), brake or Brake()
        items, chosen = placed(read_items(source), listed(paths), source.parent)
        out = Path(output)
        with self._session(
            items, settings, observe, brake=brake, output=out, retry_errors=retry_errors
        ) as session:
            try:
                async for _ in self._answers(chosen, session):
                    pass
            except StoppedError:
                return session.results.summary(interrupted=True)
            return session.results.summary(interrupted=False)

    def estimate_batch(
        self,
        questions: str | Path,
        paths: Paths = (),
        *,
        output: str | Path | None = None,
        retry_errors: bool = False,
        observe: Observer | None = None,
        **settings: Any,
    ) -> BatchEstimate:
        """What ``batch`` would take for the questions that it would ask, given ``output``. Calls no model."""
        source, chosen = Path(questions), self._with(settings)
        items, chosen_paths = placed(read_items(source), listed(paths), source.parent)
        out = Path(output) if output is not None else None
        with (
            self._corpus(chosen_paths, chosen, observe or ignore) as (corpus, _),
            self._store() as store,
        ):
            prices = PriceBook.parse(chosen.prices)
            ledger = Ledger(store)
            return estimate_batch(
                items, corpus, chosen, prices, ledger, output=out, retry_errors=retry_errors
            )

    def evaluate(self, dataset: str | Path, documents: str | Path, **how: Any) -> Report:
        """Score the answers to questions with known answers. Blocks; ``aevaluate`` says what it takes."""
        return self._await(self.aevaluate(dataset, documents, **how))

    async def aevaluate(  # noqa: PLR0913 - one parameter an option of the command
        self,
        dataset: str | Path,
        documents: str | Path,
        *,
        protocols: Sequence[str] = ("minions",),
        output: str | Path | None = None,
        limit: int | None = None,
        plans: str | Path | None = None,
        judge: str | None = None,
        retry_errors: bool = False,
        observe: Observer | None = None,
        **settings: Any,
    ) -> Report:
        """Ask a data set's questions (docs/evaluation.md) under each protocol, and score what comes back.

        Answers are kept in the folder ``output``, so that an evaluation resumes; by default ``NAME.eval`` here. With
        ``retry_errors`` it asks again what failed. ``protocols`` may name ``rag:5``, which sends 5 chunks. ``plans`` is
        a file of first plans, by question; ``judge`` is a model that marks free text.
        """
        from minions.evals.columns import read_columns
        from minions.evals.evaluate import Wanted, evaluate

        wanted = Wanted(
            dataset=Path(dataset),
            documents=Path(documents),
            columns={
                column: self._with({**settings, **column.settings})
                for column in read_columns(protocols)
            },
            output=Path(output) if output is not None else None,
            limit=limit,
            plans=Path(plans) if plans is not None else None,
            judge=judge,
            retry_errors=retry_errors,
        )
        models = {name for each in wanted.columns.values() for name in choose_models(each)[:2]}
        with within_reach(self._with(settings), models=[*models, *([judge] if judge else [])]):
            return await evaluate(self, wanted, observe or ignore, **settings)

    def index(self, paths: Paths, *, observe: Observer | None = None) -> IndexReport:
        """Read and index what is new or changed at ``paths``."""
        with self._corpus(paths, self.settings, observe or ignore) as (_, report):
            return report

    def search(
        self, query: str, paths: Paths, *, limit: int = 10, observe: Observer | None = None
    ) -> list[SearchHit]:
        """What the index finds for a query: words, "exact phrases" and prefix* words, best first."""
        with self._corpus(paths, self.settings, observe or ignore) as (corpus, _):
            return corpus.search_scored(query, limit=limit)

    def estimate(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Estimate:
        """What asking would take in tokens, minutes and dollars. Calls no model."""
        chosen = self._with(settings)
        with self._corpus(paths, chosen, observe or ignore) as (corpus, _), self._store() as store:
            speed = speed_of(chosen, Ledger(store))
            return estimate_question(
                question, corpus, chosen, PriceBook.parse(chosen.prices), speed
            )

    def preview(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Preview:
        """What ``ask`` would send up, to the byte, without sending it. Blocks; ``apreview`` is its asyncio twin.

        Documents are read, and workers on this machine asked; it needs neither a key nor a price.
        """
        return self._await(self.apreview(question, paths, observe=observe, **settings))

    async def apreview(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Preview:
        """What would go up for a question; see ``preview``."""
        from minions.preview import Rehearsal, described, stays_here, unpriced
        from minions.store.store import Store

        chosen = unpriced(self._with(settings))
        check_question(question)
        if stays_here(chosen):
            return described(question, chosen)
        with within_reach(chosen, models=()), self._store() as store, Store.memory() as scratch:
            rehearsal = Rehearsal(scratch, self._books(store, chosen, observe))
            async with self._at_work(paths, chosen, rehearsal.books) as (corpus, crew):
                return await rehearsal.run(question, corpus, crew, chosen)

    def runs(self, *, limit: int = 20, since: str | None = None) -> list[Run]:
        """Recent runs, the last one first; ``since`` is the beginning of a UTC time (``2026-11-01``)."""
        with self._store() as store:
            return Runs(store).recent(limit=limit, since=since)

    def show(self, run: str = "last") -> Run:
        """A run by its id, a unique beginning of it, or ``last``. Raises UsageError for none or several."""
        with self._store() as store:
            return Runs(store).get(run)

    def ledger(self, by: Grouping = "model", *, since: str | None = None) -> list[SummaryRow]:
        """Calls, tokens and dollars, summed by model, role, day or run."""
        with self._store() as store:
            return Ledger(store).summary(by, since)

    def egress(self, run: str = "last") -> list[bytes]:
        """The exact bytes that a run sent to the cloud, a request each."""
        with self._store() as store:
            return EgressLog(store).bodies(Runs(store).find(run))

    def departures(self, run: str = "last") -> list[Departure]:
        """What a run sent to the cloud, a record each: when, to whom, how many bytes of what kind, their digest."""
        with self._store() as store:
            return EgressLog(store).departures(Runs(store).find(run))

    def egress_summary(self, *, since: str | None = None) -> EgressSummary:
        """What all runs sent, added up by endpoint and kind; ``since`` is the beginning of a UTC time."""
        with self._store() as store:
            return EgressLog(store).summary(since)

    def delete_run(self, run: str, *, even_running: bool = False) -> Removed:
        """Forget a run: question, answer, what was sent, what was read for it. What it cost stays in the ledger.

        Raises UsageError for one that has not ended, unless ``even_running``: its process may have died.
        """
        with self._store() as store:
            return delete_runs(store, [run], even_running=even_running)

    def purge(
        self, *, older_than: timedelta | datetime, index: bool = False, dry_run: bool = False
    ) -> Removed:
        """Forget all runs, and results of reading, from before a time; with ``index`` all documents of the index, too.

        A time without a zone is local. ``dry_run`` only counts.
        """
        now = datetime.fromisoformat(self._clock.now_iso())
        then = now - older_than if isinstance(older_than, timedelta) else older_than.astimezone(UTC)
        with self._store() as store:
            removed = purge(store, before=then.isoformat(timespec="seconds"), dry_run=dry_run)
        if not index:
            return removed
        documents, erased = forget_documents(self.home / INDEX_FILE, dry_run=dry_run)
        return removed.model_copy(
            update={"documents": documents, "erased": removed.erased and erased}
        )

    def doctor(self) -> Examination:
        """What works, what does not, and what to type to mend it. Calls no model."""
        from minions.doctor import examine

        return examine(self.settings)

    async def _ask(
        self, question: str, paths: Paths, settings: Settings, observe: Observer
    ) -> Answer:
        check_question(question)
        with within_reach(settings), self._store() as store:
            books = self._books(store, settings, observe)
            books.ledger.enter_lost(
                before=_before(self._clock, max(_DAY_S, 2 * settings.call_timeout_s))
            )
            async with self._at_work(paths, settings, books) as (corpus, crew):
                asked = Asked(question, new_run_id(self._clock))
                runs = Runs(store, retain_text=settings.retain_text)
                return await run(asked, corpus, crew, settings, Record(runs, books))

    @contextmanager
    def _session(
        self,
        items: list[Item | BadLine],
        settings: dict[str, Any],
        observe: Observer | None,
        *,
        cache_scope: str = "",
        **how: Any,
    ) -> Iterator[Session]:
        patient = {
            name: value
            for name, value in _PATIENT.items()
            if name not in self.settings.model_fields_set
        }
        applied = self._with({**patient, **settings})
        with self._store() as store:
            books = self._books(store, applied, observe, cache_scope=cache_scope)
            with opened(items, store, books, applied, **how) as session:
                yield session

    def _answers(
        self, paths: Paths, session: Session, plans: Mapping[str, Plan] | None = None
    ) -> AsyncGenerator[Answer]:
        return step_by_step(
            self._driven(paths, session, plans), partial(within_reach, session.settings)
        )

    async def _driven(
        self, paths: Paths, session: Session, plans: Mapping[str, Plan] | None
    ) -> AsyncGenerator[Answer]:
        """The results of a batch, as they come. One with nothing left reads nothing and loads nothing."""
        observe = session.record.books.observe
        observe(session.results.event())
        if not session.left:
            return
        async with self._at_work(paths, session.settings, session.record.books) as (corpus, crew):
            for note in crew.notes:
                observe(WarningEvent(message=note))
            driver = session.driver(corpus, crew, plans)
            async with aclosing(driver.answers()) as answers:
                async for answer in answers:
                    yield answer


def _before(clock: Clock, seconds: float) -> str:
    """The time so many seconds ago: UTC, ISO 8601."""
    return (datetime.fromisoformat(clock.now_iso()) - timedelta(seconds=seconds)).isoformat(
        timespec="seconds"
    )
