"""The public face: ask questions of local documents. Every command of the command line is a method here."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from minions.clock import SystemClock
from minions.corpus.chunking import DEFAULT_CHUNK_TOKENS
from minions.corpus.index import Index
from minions.errors import UsageError
from minions.estimate import baseline_of, estimate_question
from minions.events import StartEvent
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.run import Record, run
from minions.settings import Settings
from minions.store.runs import Runs, new_run_id
from minions.store.store import Store
from minions.wiring import Books, recruit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from minions.answers import Answer
    from minions.corpus.index import IndexReport
    from minions.corpus.local import LocalCorpus
    from minions.corpus.search import SearchHit
    from minions.estimate import Estimate
    from minions.events import Event, Observer

    Paths = str | Path | Sequence[str | Path]

STORE_FILE = "minions.sqlite3"


class Minions:
    """Asks questions of local documents: a planner that never reads them, workers on this machine that do.

    ``planner`` and ``worker`` are model references (``provider:model[@URL]``), or ``local`` for a planner without a
    cloud; ``settings`` are the fields of `minions.settings.Settings` and win over environment and files. All methods
    raise MinionsError. Use it as a context manager, or call ``close``, to free a model that runs in this process.
    """

    def __init__(
        self, planner: str | None = None, worker: str | None = None, *, config: Path | None = None, **settings: Any
    ) -> None:
        self.settings = Settings.load({"planner": planner, "worker": worker, **settings}, config=config)
        self.home = self.settings.home_folder()
        self._clock = SystemClock()
        self._runner: asyncio.Runner | None = None

    def ask(self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any) -> Answer:
        """Answer a question from the documents at ``paths`` (files or folders). Blocks; ``aask`` is its asyncio twin.

        ``settings`` apply to this question only (``max_cost=0.05``, say). ``observe`` is called with each event.
        """
        return self._await(self.aask(question, paths, observe=observe, **settings))

    async def aask(self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any) -> Answer:
        """Answer a question; see ``ask``. Cancelling it records the run as interrupted."""
        return await self._ask(question, paths, self._with(settings), observe or _ignore)

    async def stream(self, question: str, paths: Paths, **settings: Any) -> AsyncGenerator[Event]:
        """Events as they happen (index, plan, job, finding, cloud call, warning), the last of them the answer.

        Leaving the loop early stops the run and records it as interrupted.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        asking = asyncio.create_task(self.aask(question, paths, observe=events.put_nowait, **settings))
        asking.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def index(self, paths: Paths, *, observe: Observer | None = None) -> IndexReport:
        """Read and index what is new or changed at ``paths``."""
        with self._corpus(paths, self.settings, observe or _ignore) as (_, report):
            return report

    def search(self, query: str, paths: Paths, *, limit: int = 10, observe: Observer | None = None) -> list[SearchHit]:
        """What the index finds for a query: words, "exact phrases" and prefix* words, best first."""
        with self._corpus(paths, self.settings, observe or _ignore) as (corpus, _):
            return corpus.search_scored(query, limit=limit)

    def estimate(self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any) -> Estimate:
        """What asking would take in tokens, minutes and dollars. Calls no model."""
        chosen = self._with(settings)
        with self._corpus(paths, chosen, observe or _ignore) as (corpus, _), self._store() as store:
            return estimate_question(question, corpus, chosen, PriceBook.parse(chosen.prices), Ledger(store))

    def close(self) -> None:
        """Free what ``ask`` keeps between questions. The object stays usable."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _ask(self, question: str, paths: Paths, settings: Settings, observe: Observer) -> Answer:
        if not question.strip():
            raise UsageError("the question is empty", hint="minions ask 'QUESTION' PATH")
        with self._store() as store, self._corpus(paths, settings, _unless_cancelled(observe)) as (corpus, _):
            books = _books(store, settings, self._clock, observe)
            crew = await recruit(settings, books)
            run_id = new_run_id(self._clock)
            runs = Runs(store)
            runs.start(
                run_id,
                question=question,
                planner=crew.planner_name,
                worker=crew.worker_name,
                protocol=settings.protocol,
                policy=settings.policy,
                started_at=self._clock.now_iso(),
            )
            record = Record(runs, books, baseline_of(question, corpus, settings, books.prices))
            observe(
                StartEvent(
                    run_id=run_id,
                    planner=crew.planner_name,
                    worker=crew.worker_name,
                    documents=len(corpus.documents),
                    tokens=sum(document.tokens for document in corpus.documents),
                    baseline=record.baseline,
                )
            )
            try:
                return await run(question, corpus, crew, settings, record, run_id=run_id)
            finally:
                await crew.aclose()

    def _with(self, changes: dict[str, Any]) -> Settings:
        """These settings with changes, validated."""
        if not changes:
            return self.settings
        known = {name: getattr(self.settings, name) for name in self.settings.model_fields_set}
        return Settings.load({**known, **changes})

    @contextmanager
    def _store(self) -> Iterator[Store]:
        with Store.open(self.home / STORE_FILE) as store:
            yield store

    @contextmanager
    def _corpus(self, paths: Paths, settings: Settings, observe: Observer) -> Iterator[tuple[LocalCorpus, IndexReport]]:
        wanted = [paths] if isinstance(paths, str) or not hasattr(paths, "__iter__") else list(paths)
        with Index.open(self.home / "index.sqlite3") as index:
            yield index.update(wanted, chunk_tokens=settings.chunk_tokens or DEFAULT_CHUNK_TOKENS, observe=observe)

    def _await(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            return self._runner.run(coroutine)
        except RuntimeError as error:
            coroutine.close()
            if "running event loop" not in str(error):
                raise
            raise UsageError("ask() was called inside a running event loop", hint="await aask(...) there") from None


def _ignore(event: Event) -> None:
    """The observer of those who do not watch."""


def _unless_cancelled(observe: Observer) -> Observer:
    """Ends what it observes once the task was cancelled: reading files awaits nothing, so nothing else would."""
    task = asyncio.current_task()

    def observed(event: Event) -> None:
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        observe(event)

    return observed


def _books(store: Store, settings: Settings, clock: SystemClock, observe: Observer) -> Books:
    return Books(
        ledger=Ledger(store),
        prices=PriceBook.parse(settings.prices),
        egress=EgressLog(store),
        budget=Budget(max_cost_usd=settings.max_cost, max_tokens=settings.max_cloud_tokens),
        clock=clock,
        observe=observe,
    )
