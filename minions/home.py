"""The folder that holds all state: the store, the index, and the weights of embedded models."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from minions.corpus.index import Index
from minions.corpus.reading import in_thread
from minions.errors import UsageError
from minions.execution.cache import ResultCache
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.run.crew import Books
from minions.store.store import Store
from minions.wiring.confine import within_reach
from minions.wiring.recruit import fetch_weights, open_embedded, recruit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from minions.corpus.index import IndexReport
    from minions.corpus.local import LocalCorpus
    from minions.models.llamacpp import LlamaCppModel
    from minions.ports import Clock
    from minions.run.crew import Crew
    from minions.settings import Settings
    from minions.values.events import Event, Observer
    from minions.wiring.lineup import Lineup

    Paths = str | Path | Sequence[str | Path]

STORE_FILE = "minions.sqlite3"
INDEX_FILE = "index.sqlite3"


class Home:
    """Opens what a home folder holds, and keeps an embedded model loaded until ``close``."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock
        self._embedded: LlamaCppModel | None = None
        self._keeping = threading.Lock()

    @property
    def index_file(self) -> Path:
        """The database of the documents' chunks."""
        return self.folder / INDEX_FILE

    def store(self) -> AbstractContextManager[Store]:
        """The database of runs, ledger, egress log and kept results."""
        return Store.open(self.folder / STORE_FILE)

    @contextmanager
    def corpus(
        self, paths: Paths, settings: Settings, observe: Observer
    ) -> Iterator[tuple[LocalCorpus, IndexReport]]:
        """The documents at ``paths``, after new and changed files were read."""
        reach = within_reach(local_only=settings.local_only)
        with reach, Index.open(self.index_file) as index:
            yield index.update(listed(paths), chunk_tokens=settings.chunk_size(), observe=observe)

    def books(
        self,
        store: Store,
        settings: Settings,
        observe: Observer | None,
        *,
        cache_scope: str = "",
    ) -> Books:
        """The books in which the calls of runs are entered, with the limits of these settings."""
        keeps_results = settings.cache and settings.retain_text
        return Books(
            ledger=Ledger(store),
            prices=settings.price_book(),
            egress=EgressLog(store, retain_text=settings.retain_text),
            budget=settings.budget(),
            clock=self._clock,
            observe=observe or ignore,
            cache=ResultCache(store, self._clock, cache_scope) if keeps_results else None,
        )

    @asynccontextmanager
    async def at_work(
        self, paths: Paths, lineup: Lineup, settings: Settings, books: Books
    ) -> AsyncGenerator[tuple[LocalCorpus, Crew]]:
        """The documents, read, and a crew to answer questions about them.

        Models that cannot be used are refused before a document is read. Raises ConfigError,
        EgressRefusedError.
        """
        lineup.refuse_unusable()
        with Index.open(self.index_file) as index:
            update = partial(index.update, listed(paths), chunk_tokens=settings.chunk_size())
            with within_reach(local_only=settings.local_only):  # no model is called yet
                corpus, _ = await in_thread(update, books.observe)
            await fetch_weights(lineup, settings, books.observe)
            if self._embedded is None:  # it takes seconds to load, so it stays loaded
                self._keep(await open_embedded(lineup, settings))
            crew = await recruit(lineup, settings, books)
            try:
                yield corpus, crew
            finally:
                await crew.aclose()

    def close(self) -> None:
        """Free the embedded model. The object stays usable."""
        if self._embedded is not None:
            self._embedded.release()
            self._embedded = None

    def _keep(self, opened: LlamaCppModel | None) -> None:
        """Keep the first embedded model that is loaded (None: the worker is not embedded).

        One that a question in another thread loaded at the same time is released.
        """
        with self._keeping:
            if self._embedded is None:
                self._embedded = opened
                return
        if opened is not None:
            opened.release()


def ignore(event: Event) -> None:
    """Observe nothing."""


def check_question(question: str) -> None:
    """Raise UsageError for a question without words."""
    if not question.strip():
        raise UsageError("the question is empty", hint="minions ask 'QUESTION' PATH")


def listed(paths: Paths) -> list[str | Path]:
    """The paths as a list."""
    if isinstance(paths, str | Path):
        return [paths]
    return list(paths)
