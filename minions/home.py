"""What the methods of `Minions` work in: settings, a home with its store and index, a crew, a model kept loaded."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from minions.clock import SystemClock
from minions.corpus.chunking import DEFAULT_CHUNK_TOKENS
from minions.corpus.index import Index
from minions.corpus.reading import in_thread
from minions.errors import UsageError
from minions.execution.cache import ResultCache
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.run.crew import Books
from minions.settings import Settings
from minions.store.store import Store
from minions.wiring.confine import within_reach
from minions.wiring.lineup import check_models
from minions.wiring.recruit import fetch_weights, open_embedded, recruit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
    from types import TracebackType

    from minions.corpus.index import IndexReport
    from minions.corpus.local import LocalCorpus
    from minions.models.llamacpp import LlamaCppModel
    from minions.run.crew import Crew
    from minions.values.events import Event, Observer

    Paths = str | Path | Sequence[str | Path]

STORE_FILE = "minions.sqlite3"
INDEX_FILE = "index.sqlite3"
T = TypeVar("T")


class Workplace:
    """Where questions are asked. A model that runs in this process stays loaded until ``close``."""

    def __init__(
        self,
        planner: str | None = None,
        worker: str | None = None,
        *,
        config: Path | None = None,
        **settings: Any,
    ) -> None:
        self._config = config
        self.settings = Settings.load(
            {"planner": planner, "worker": worker, **settings}, config=config
        )
        self.home = self.settings.home_folder()
        self._clock = SystemClock()
        self._runner: asyncio.Runner | None = None
        self._embedded: LlamaCppModel | None = None
        self._keeping = threading.Lock()

    def close(self) -> None:
        """Free what ``ask`` keeps between questions. The object stays usable."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None
        if self._embedded is not None:
            self._embedded.release()
            self._embedded = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @asynccontextmanager
    async def _at_work(
        self, paths: Paths, settings: Settings, books: Books
    ) -> AsyncGenerator[tuple[LocalCorpus, Crew]]:
        """The documents, read, and a crew for them. What cannot work is refused before a document is read."""
        check_models(settings)
        with Index.open(self.home / INDEX_FILE) as index:
            update = partial(index.update, listed(paths), chunk_tokens=_chunk_tokens(settings))
            with within_reach(settings, models=()):  # nobody is asked anything yet
                corpus, _ = await in_thread(update, books.observe)
            await fetch_weights(settings, books.observe)
            await self._keep_embedded(settings)
            crew = await recruit(settings, books)
            try:
                yield corpus, crew
            finally:
                await crew.aclose()

    def _with(self, changes: dict[str, Any]) -> Settings:
        """These settings with changes, validated."""
        if not changes:
            return self.settings
        known = {name: getattr(self.settings, name) for name in self.settings.model_fields_set}
        return Settings.load({**known, **changes}, config=self._config)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        with Store.open(self.home / STORE_FILE) as store:
            yield store

    @contextmanager
    def _corpus(
        self, paths: Paths, settings: Settings, observe: Observer
    ) -> Iterator[tuple[LocalCorpus, IndexReport]]:
        with within_reach(settings, models=()), Index.open(self.home / INDEX_FILE) as index:
            yield index.update(listed(paths), chunk_tokens=_chunk_tokens(settings), observe=observe)

    async def _keep_embedded(self, settings: Settings) -> None:
        """Keep a model that runs in this process loaded until ``close``: it takes seconds to load."""
        if self._embedded is None:
            self._keep(await open_embedded(settings))

    def _keep(self, opened: LlamaCppModel | None) -> None:
        with self._keeping:
            if self._embedded is None:
                self._embedded, opened = opened, None
        if opened is not None:  # another question was first
            opened.release()

    def _books(
        self, store: Store, settings: Settings, observe: Observer | None, *, cache_scope: str = ""
    ) -> Books:
        """Where calls are entered, and the limits of these settings."""
        return Books(
            ledger=Ledger(store),
            prices=PriceBook.parse(settings.prices),
            egress=EgressLog(store, retain_text=settings.retain_text),
            budget=Budget(max_cost_usd=settings.max_cost, max_tokens=settings.max_cloud_tokens),
            clock=self._clock,
            observe=observe or ignore,
            cache=ResultCache(store, self._clock, cache_scope)
            if settings.cache and settings.retain_text
            else None,
        )

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._runner is None:
            # Whatever policy is in force: of other loops Python does not see the connections.
            self._runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
        try:
            return self._runner.run(coroutine)
        except RuntimeError as error:
            coroutine.close()
            if "running event loop" not in str(error):
                raise
            raise UsageError(
                "ask() was called inside a running event loop", hint="await aask(...) there"
            ) from None


def ignore(event: Event) -> None:
    """Nobody watches."""


def check_question(question: str) -> None:
    """Raise UsageError for a question without words."""
    if not question.strip():
        raise UsageError("the question is empty", hint="minions ask 'QUESTION' PATH")


def listed(paths: Paths) -> list[str | Path]:
    """The paths as a list."""
    return [paths] if isinstance(paths, str | Path) else list(paths)


def _chunk_tokens(settings: Settings) -> int:
    return settings.chunk_tokens or DEFAULT_CHUNK_TOKENS
