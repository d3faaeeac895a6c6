"""An open batch: the questions that are left, the runs to resume, and the results' destination."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from minions.batch.items import BadLine, Item
from minions.batch.output import Output
from minions.batch.results import Results
from minions.errors import UsageError
from minions.ledger.budgets import Budget
from minions.ledger.recovery import Recovery
from minions.run.run import Record
from minions.store.batches import Batches
from minions.store.runs import Runs
from minions.values.events import WarningEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from minions.run.crew import Books
    from minions.stop_signal import Brake
    from minions.store.store import Store
    from minions.values.events import Event, Observer

_NO_DOCUMENTS: Final = "no documents: neither the question nor the command names any"
_ADD_DOCUMENTS: Final = 'add for example "documents": ["report.pdf"] to the question'


class ObserverGuard:
    """Separates observer failures from question failures: an observer that raises stops the batch.

    ``failure`` is the first exception that the observer raised.
    """

    def __init__(self, observe: Observer) -> None:
        self.failure: Exception | None = None
        self._observe = observe

    def __call__(self, event: Event) -> None:
        """Pass an event on. Raises the observer's exception."""
        try:
            self._observe(event)
        except Exception as error:
            self.failure = self.failure or error
            raise


@dataclass(frozen=True)
class Session:
    """An open batch.

    ``left`` are the items to ask. ``begun`` are the runs that an earlier process began and that are
    resumed, by the ids of their items. ``batch`` is None for a batch without an output file.
    """

    left: Sequence[Item | BadLine]
    results: Results
    record: Record
    brake: Brake
    observer: ObserverGuard
    batch: str | None = None
    begun: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def opened(
    items: Sequence[Item | BadLine],
    store: Store,
    books: Books,
    *,
    brake: Brake,
    retain_text: bool = True,
    output: Path | None = None,
    retry_errors: bool = False,
) -> Iterator[Session]:
    """Open a batch. One with an output file continues what earlier processes began.

    Raises UsageError, StoreError.
    """
    observer = ObserverGuard(books.observe)
    runs = Runs(store, clock=books.clock, retain_text=retain_text)
    books = replace(books, brake=brake, observe=observer)
    if output is None:
        results = Results(books, runs, total=len(items))
        yield Session(items, results, Record(runs, books), brake, observer)
        return
    batches = Batches(store, books.clock, retain_text=retain_text)
    path = os.path.realpath(output)
    with Output(output, is_recorded=batches.wrote(path)) as file:
        batch = batches.open(path, fresh=file.is_new, empty=file.is_empty)
        _settle(batches.left_behind(path, batch), batches, books)
        books = _resumed(store, books, batch)
        results = Results(books, runs, total=len(items), output=file, batches=batches)
        if file.torn:
            message = f"{output}: the last line was incomplete and was moved to {file.torn_path}"
            books.observe(WarningEvent(message=message))
        begun = results.recover(items, batches.undelivered(batch))
        left = results.skip(items, retry_errors=retry_errors, begun=begun)
        record = Record(runs, books)
        yield Session(left, results, record, brake, observer, batch, begun)


def _settle(left_behind: Sequence[str], batches: Batches, books: Books) -> None:
    """End batches whose output file is gone.

    Calls without a recorded reply are entered at unknown cost; replies kept for them are deleted.
    """
    for batch in left_behind:
        recovery = Recovery(batches.store, books.ledger, Budget(None, None))
        recovery.adopt(batch)
        with books.ledger.transaction():
            for run in batches.undelivered(batch):
                recovery.finish(run.run_id)
                batches.deliver(run.run_id)


def _resumed(store: Store, books: Books, batch: str) -> Books:
    """Books that count what earlier processes of the batch spent.

    Calls that were under way when those processes ended are counted, too.
    """
    tokens, usd = books.ledger.spent(batch)
    budget = books.budget.resumed(spent_usd=usd, spent_tokens=tokens)
    recovery = Recovery(store, books.ledger, budget)
    recovery.adopt(batch)
    return replace(books, budget=budget, recovery=recovery)


def placed(
    items: list[Item | BadLine], paths: list[str | Path], folder: Path
) -> tuple[list[Item | BadLine], list[str | Path]]:
    """The items and the paths of a batch.

    Without ``paths``, the items name their documents as paths, relative to ``folder``.
    """
    if paths:
        return items, paths
    placed_items, own = paths_of(items, folder)
    return placed_items, list(own)


def paths_of(
    items: Sequence[Item | BadLine], folder: Path
) -> tuple[list[Item | BadLine], list[Path]]:
    """The items of a batch without paths of its own, and the paths that its items name.

    In the items that are returned, documents are paths, below ``folder`` where they were relative.
    Only paths that exist are returned. An item that names no document becomes a bad line. Raises
    UsageError where no document exists.
    """
    placed: list[Item | BadLine] = []
    paths: dict[Path, None] = {}
    for item in items:
        if isinstance(item, BadLine):
            placed.append(item)
            continue
        if not item.documents:
            placed.append(BadLine(item.id, None, _NO_DOCUMENTS, _ADD_DOCUMENTS))
            continue
        documents = []
        for document in item.documents:
            path = folder / document
            if path.exists():
                paths[path] = None
            documents.append(f"{path}/*" if path.is_dir() else str(path))
        placed.append(item.model_copy(update={"documents": tuple(documents)}))
    if not paths:
        raise UsageError(
            "no documents: the command names none, and no question names one that exists",
            hint='minions batch IN.jsonl PATH... -o OUT.jsonl, or "documents": [...] in each line',
        )
    return placed, list(paths)
