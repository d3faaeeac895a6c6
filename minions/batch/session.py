"""A batch that is open: which of its questions are left, which are resumed, and where their results go."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from minions.batch.admission import Admission
from minions.batch.driver import Driver
from minions.batch.given_plans import plans_by_item
from minions.batch.items import BadLine, Item
from minions.batch.output import Output
from minions.batch.results import Results
from minions.errors import (
    UsageError,
)
from minions.ledger.budgets import Budget
from minions.ledger.recovery import Recovery
from minions.run.run import Record
from minions.store.batches import Batches
from minions.store.runs import Runs
from minions.values.events import WarningEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from minions.corpus.port import Corpus
    from minions.run.crew import Books, Crew
    from minions.settings import Settings
    from minions.stop_signal import Brake
    from minions.store.store import Store
    from minions.values.events import Event, Observer
    from minions.values.plans import Plan


@dataclass(frozen=True)
class Session:
    """``left`` are the items without a result, ``begun`` the runs of those that an ended process had begun."""

    settings: Settings
    left: Sequence[Item | BadLine]
    results: Results
    record: Record
    brake: Brake
    watched: Watched
    batch: str | None = None
    begun: Mapping[str, str] = field(default_factory=dict)

    def driver(self, corpus: Corpus, crew: Crew, plans: Mapping[str, Plan] | None = None) -> Driver:
        """What asks the items that are left; ``plans`` are given, by item or question."""
        work = Work(
            corpus=corpus,
            crew=crew,
            settings=self.settings,
            record=self.record,
            results=self.results,
            admission=Admission(self.settings, self.record.books, corpus),
            brake=self.brake,
            watched=self.watched,
            batch=self.batch,
            begun=self.begun,
            plans=plans_by_item(plans or {}, self.left),
        )
        return Driver(self.left, work)


@contextmanager
def opened(
    items: Sequence[Item | BadLine],
    store: Store,
    books: Books,
    settings: Settings,
    *,
    brake: Brake,
    output: Path | None = None,
    retry_errors: bool = False,
) -> Iterator[Session]:
    """Open a batch, and its output where it has one: then it resumes. Raises UsageError, StoreError."""
    watched = Watched(books.observe)
    runs = Runs(store, clock=books.clock, retain_text=settings.retain_text)
    books = replace(books, brake=brake, observe=watched)
    if output is None:
        results = Results(books, runs, total=len(items))
        yield Session(settings, items, results, Record(runs, books), brake, watched)
        return
    with Output(output) as file:
        batches = Batches(store, books.clock, retain_text=settings.retain_text)
        path = os.path.realpath(output)
        batch = batches.open(path, fresh=file.is_new, empty=file.is_empty)
        _settle(batches.left_behind(path, batch), batches, books)
        books = _resumed(store, books, settings, batch)
        results = Results(books, runs, total=len(items), output=file, batches=batches)
        if file.torn:
            books.observe(
                WarningEvent(message=f"{output}: its last line was never finished, and was cut off")
            )
        begun = results.recover(items, batches.undelivered(batch))
        left = results.skip(items, retry_errors=retry_errors, begun=begun)
        yield Session(settings, left, results, Record(runs, books), brake, watched, batch, begun)


def _settle(left_behind: Sequence[str], batches: Batches, books: Books) -> None:
    """Batches whose output is gone are over: what they lost is entered as unknown, what was kept for them forgotten."""
    for batch in left_behind:
        recovery = Recovery(batches.store, books.ledger, Budget(None, None))
        recovery.adopt(batch)
        with books.ledger.transaction():
            for run in batches.undelivered(batch):
                recovery.finish(run.run_id)
                batches.deliver(run.run_id)


def _resumed(store: Store, books: Books, settings: Settings, batch: str) -> Books:
    """Books that know what earlier processes of the batch spent, and what they had in flight when they died."""
    tokens, usd = books.ledger.spent(batch)
    budget = Budget(
        settings.max_cost, settings.max_cloud_tokens, spent_usd=usd, spent_tokens=tokens
    )
    recovery = Recovery(store, books.ledger, budget)
    recovery.adopt(batch)
    return replace(books, budget=budget, recovery=recovery)


def placed(
    items: list[Item | BadLine], paths: list[str | Path], folder: Path
) -> tuple[list[Item | BadLine], list[str | Path]]:
    """The items and the paths of a batch; without any, the items' documents are paths below ``folder``."""
    if paths:
        return items, paths
    placed_items, own = paths_of(items, folder)
    return placed_items, list(own)


def paths_of(
    items: Sequence[Item | BadLine], folder: Path
) -> tuple[list[Item | BadLine], list[Path]]:
    """The items with their documents as paths, below ``folder`` where they are relative, and those that exist: for a
    batch that names no documents of its own. An item that names none, or one that is not there, is trouble of its own;
    raises UsageError when there is no document at all.
    """
    placed: list[Item | BadLine] = []
    paths: dict[Path, None] = {}
    for item in items:
        if isinstance(item, BadLine):
            placed.append(item)
            continue
        if not item.documents:
            placed.append(
                BadLine(item.id, None, "it names no documents, and neither does the command")
            )
            continue
        own = [folder / document for document in item.documents]
        paths |= dict.fromkeys(path for path in own if path.exists())
        shown = tuple(f"{path}/*" if path.is_dir() else str(path) for path in own)
        placed.append(item.model_copy(update={"documents": shown}))
    if not paths:
        raise UsageError(
            "no documents: the command names none, and neither does any question",
            hint='minions batch IN.jsonl PATH... -o OUT.jsonl, or "documents": [...] in each line',
        )
    return placed, list(paths)


class Watched:
    """An observer that passes events on; ``failure`` is what the one behind it raised first."""

    def __init__(self, observe: Observer) -> None:
        self._observe = observe
        self.failure: Exception | None = None

    def __call__(self, event: Event) -> None:
        """Pass an event on. Raises what the observer raises."""
        try:
            self._observe(event)
        except Exception as error:
            self.failure = self.failure or error
            raise


@dataclass(frozen=True)
class Work:
    """What a batch works with. ``begun``: the runs to resume, by the ids of their questions in ``batch``; ``plans``:
    first plans that are given, by the same.
    """

    corpus: Corpus
    crew: Crew
    settings: Settings
    record: Record
    results: Results
    admission: Admission
    brake: Brake
    watched: Watched
    batch: str | None = None
    begun: Mapping[str, str] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
