"""A plan becomes jobs: each task over the chunks it concerns, chunk-major.

The worker's prompt is ``[system][chunk][task]``, so all jobs of a chunk stand together: a server with a prefix cache
reads the chunk once, however many tasks ask about it (DESIGN section 6).
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from minions.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minions.corpus.contents import Contents
    from minions.documents import Chunk
    from minions.limits import Limits
    from minions.plans import Plan, Task
    from minions.ports import Corpus


class Expansion(NamedTuple):
    """The jobs to run, how many a limit left out, and what of the plan could not be followed."""

    jobs: tuple[Job, ...]
    skipped: int
    warnings: tuple[str, ...]


class _Reading(NamedTuple):
    """A task with the documents it concerns (None: all), and what its search found; nothing: it reads them all."""

    task: Task
    scope: frozenset[str] | None
    found: Sequence[Chunk]


class _Placement(NamedTuple):
    task: Task
    chunk: Chunk
    rank: int


class _Placed(Protocol):
    """A chunk, and its place in some task's order."""

    @property
    def chunk(self) -> Chunk: ...
    @property
    def rank(self) -> int: ...


P = TypeVar("P", bound=_Placed)


def expand(plan: Plan, question: str, corpus: Corpus, limits: Limits, *, round_number: int = 1) -> Expansion:
    """Jobs of a round. A task with search phrases reads the best chunks for them and for the question, another reads
    all in scope.

    Chunks stand in the order of the best rank any task gives them, so that what a limit leaves out is what promised
    least. What is left out is counted and not built: a limit bounds the time and memory this takes, too.
    """
    warnings: list[str] = []
    readings = [_reading(task, question, corpus, limits, warnings) for task in plan.tasks]
    total = limits.samples * sum(len(reading.found) or corpus.contents.chunks_in(reading.scope) for reading in readings)
    exhaustive: dict[frozenset[str] | None, list[Chunk]] = {}
    for scope in {reading.scope for reading in readings if not reading.found}:
        if total <= limits.max_jobs:
            exhaustive[scope] = list(corpus.chunks(documents=scope))
        else:
            tasks = [reading.task for reading in readings if not reading.found and reading.scope == scope]
            exhaustive[scope] = _fair_share(tasks, question, corpus, scope, limits)
    placements = [
        _Placement(reading.task, chunk, rank)
        for reading in readings
        for rank, chunk in enumerate(reading.found or exhaustive[reading.scope])
    ]
    jobs = tuple(islice(_jobs(chunk_major(placements), limits.samples, round_number), limits.max_jobs))
    skipped = total - len(jobs)
    if skipped:
        warnings.append(f"{skipped} of {total} jobs were skipped: the limit is {limits.max_jobs} a round")
    return Expansion(jobs, skipped, tuple(warnings))


def chunk_major(placed: Sequence[P]) -> list[P]:
    """All jobs of a chunk together, chunks by the best rank that any of their jobs gives them; stable otherwise."""
    best: dict[str, int] = {}
    for one in placed:
        best[one.chunk.id] = min(one.rank, best.get(one.chunk.id, one.rank))
    return sorted(placed, key=lambda one: (best[one.chunk.id], one.chunk.id))


def _jobs(placements: Iterable[_Placement], samples: int, round_number: int) -> Iterator[Job]:
    for task, chunk, rank in placements:
        for sample in range(samples):
            job_id = f"r{round_number}.{task.id}.{chunk.id}.{sample}"
            yield Job(id=job_id, task=task, chunk=chunk, sample=sample, rank=rank)


def _reading(task: Task, question: str, corpus: Corpus, limits: Limits, warnings: list[str]) -> _Reading:
    scope = scope_of(task, corpus.contents, warnings)
    phrases = (*task.search, task.instruction, question)
    found = corpus.search(phrases, documents=scope, limit=limits.chunks_per_task) if task.search else []
    return _Reading(task, scope, found)


def _fair_share(
    tasks: Sequence[Task], question: str, corpus: Corpus, scope: frozenset[str] | None, limits: Limits
) -> list[Chunk]:
    """The chunks to read of a scope that is too large for these tasks: what the index finds for their instructions,
    then of each document in turn, so that none is left out for standing late in the order.

    All of the tasks get the same chunks: a chunk that was read for one costs the others little.
    """
    wanted = -(-limits.max_jobs // (limits.samples * len(tasks)))
    phrases = (*(task.instruction for task in tasks), question)
    found = corpus.search(phrases, documents=scope, limit=min(wanted, limits.chunks_per_task * len(tasks)))
    known = {chunk.id for chunk in found}
    documents = corpus.contents.in_order(scope)
    rest = (chunk for chunk in in_turn(documents, corpus) if chunk.id not in known)
    return list(islice(chain(found, rest), wanted))


def in_turn(documents: Iterable[str], corpus: Corpus) -> Iterator[Chunk]:
    """The first chunk of each document, then the second of each, and so on."""
    turn: Iterable[Iterator[Chunk]] = (iter(corpus.chunks(documents={document})) for document in documents)
    while True:
        begun: list[Iterator[Chunk]] = []
        for chunks in turn:
            chunk = next(chunks, None)
            if chunk is not None:
                begun.append(chunks)
                yield chunk
        if not begun:
            return
        turn = begun


def scope_of(task: Task, contents: Contents, warnings: list[str]) -> frozenset[str] | None:
    """Ids of the documents a task names by id, d-number, name (as on the card, too), path or glob; None for all."""
    if not task.documents:
        return None
    chosen, unmatched = contents.select(task.documents)
    warnings += [f"{task.id}: the plan names a document that is not in the corpus: {wanted!r}" for wanted in unmatched]
    if not chosen:
        warnings.append(f"{task.id}: none of its documents exist, so it reads all")
    return chosen or None
