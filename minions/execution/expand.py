"""A plan becomes jobs: each task over the chunks it concerns, chunk-major.

The worker's prompt is ``[system][chunk][task]``, so all jobs of a chunk stand together: a server with a prefix cache
reads the chunk once, however many tasks ask about it (DESIGN section 6).
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from minions.values.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minions.corpus.contents import Contents
    from minions.corpus.port import Corpus
    from minions.corpus.selecting import Naming
    from minions.values.documents import Chunk
    from minions.values.limits import Limits
    from minions.values.plans import Plan, Task


class Expansion(NamedTuple):
    """The jobs to run, how many a limit left out, and what of the plan could not be followed."""

    jobs: tuple[Job, ...]
    skipped: int
    warnings: tuple[str, ...]


class _Piece(NamedTuple):
    """What one job reads: a chunk of the index, or a whole document and the ids of its chunks."""

    chunk: Chunk
    parts: tuple[str, ...] = ()


class _Reading(NamedTuple):
    """A task with the documents it concerns (None: all), and what its search found; nothing: it reads them all.
    ``whole``: documents are read in one piece where they fit.
    """

    task: Task
    scope: frozenset[str] | None
    found: Sequence[_Piece]
    whole: bool


class _Placement(NamedTuple):
    task: Task
    chunk: Chunk
    parts: tuple[str, ...]
    rank: int


class _Placed(Protocol):
    """A chunk, and its place in some task's order."""

    @property
    def chunk(self) -> Chunk: ...
    @property
    def rank(self) -> int: ...


P = TypeVar("P", bound=_Placed)


def expand(
    plan: Plan,
    question: str,
    corpus: Corpus,
    limits: Limits,
    *,
    round_number: int = 1,
    naming: Naming = "shown",
) -> Expansion:
    """Jobs of a round. A task with search phrases reads the best chunks for them and for the question, another reads
    all in scope. Where a task judges documents, those that fit the worker's context are read whole (docs/adr/0012).

    Chunks stand in the order of the best rank any task gives them, so that what a limit leaves out is what promised
    least. What is left out is counted and not built: a limit bounds the time and memory this takes, too. ``naming``:
    how the plan's author may name documents.
    """
    warnings: list[str] = []
    scopes = [scope_of(task, corpus.contents, warnings, naming) for task in plan.tasks]
    readings = [
        _reading(task, scope, question, corpus, limits)
        for task, scope in zip(plan.tasks, scopes, strict=True)
    ]
    total = limits.samples * sum(
        len(reading.found) or _pieces_in(reading, corpus, limits) for reading in readings
    )
    exhaustive: dict[tuple[frozenset[str] | None, bool], list[_Piece]] = {}
    for scope, whole in {
        (reading.scope, reading.whole) for reading in readings if not reading.found
    }:
        tasks = [
            one.task
            for one in readings
            if not one.found and (one.scope, one.whole) == (scope, whole)
        ]
        fits = total <= limits.max_jobs
        chunks = (
            corpus.chunks(documents=scope)
            if fits
            else _promising(tasks, question, corpus, scope, limits)
        )
        wanted = None if fits else -(-limits.max_jobs // (limits.samples * len(tasks)))
        exhaustive[scope, whole] = list(
            islice(_pieces(chunks, corpus, limits, whole=whole), wanted)
        )
    placements = [
        _Placement(reading.task, *piece, rank)
        for reading in readings
        for rank, piece in enumerate(reading.found or exhaustive[reading.scope, reading.whole])
    ]
    jobs = tuple(
        islice(_jobs(chunk_major(placements), limits.samples, round_number), limits.max_jobs)
    )
    skipped = total - len(jobs)
    if skipped:
        warnings.append(
            f"{skipped} of {total} jobs were skipped: the limit is {limits.max_jobs} a round"
        )
    return Expansion(jobs, skipped, tuple(warnings))


def chunk_major(placed: Sequence[P]) -> list[P]:
    """All jobs of a chunk together, chunks by the best rank that any of their jobs gives them; stable otherwise."""
    best: dict[str, int] = {}
    for one in placed:
        best[one.chunk.id] = min(one.rank, best.get(one.chunk.id, one.rank))
    return sorted(placed, key=lambda one: (best[one.chunk.id], one.chunk.id))


def _jobs(placements: Iterable[_Placement], samples: int, round_number: int) -> Iterator[Job]:
    for task, chunk, parts, rank in placements:
        for sample in range(samples):
            job_id = f"r{round_number}.{task.id}.{chunk.id}.{sample}"
            yield Job(id=job_id, task=task, chunk=chunk, sample=sample, rank=rank, parts=parts)


def _reading(
    task: Task, scope: frozenset[str] | None, question: str, corpus: Corpus, limits: Limits
) -> _Reading:
    phrases = (*task.search, task.instruction, question)
    found = (
        corpus.search(phrases, documents=scope, limit=limits.chunks_per_task) if task.search else []
    )
    whole = task.judges and limits.whole_documents
    return _Reading(task, scope, list(_pieces(found, corpus, limits, whole=whole)), whole)


def _pieces_in(reading: _Reading, corpus: Corpus, limits: Limits) -> int:
    """How many jobs reading everything in scope takes."""
    contents = corpus.contents
    if not reading.whole:
        return contents.chunks_in(reading.scope)
    columns = (contents if reading.scope is None else contents.of(reading.scope)).columns
    most = _most_tokens(limits)
    return sum(
        min(chunks, 1) if tokens <= most else chunks
        for tokens, chunks in zip(columns.tokens, columns.chunks, strict=True)
    )


def _most_tokens(limits: Limits) -> int:
    """The longest document that is read whole: the context less prompt, reply, and what an estimate may be short of."""
    return limits.context_tokens * 4 // 5


def _pieces(
    chunks: Iterable[Chunk], corpus: Corpus, limits: Limits, *, whole: bool
) -> Iterator[_Piece]:
    """The chunks or, where documents are wanted ``whole``, each that fits in the place of the first of its chunks."""
    contents, most = corpus.contents, _most_tokens(limits)
    seen: set[str] = set()
    for chunk in chunks:
        document = chunk.document_id
        if not whole or contents.columns.tokens[contents.places[document]] > most:
            yield _Piece(chunk)
        elif document not in seen:
            seen.add(document)
            yield _whole(list(corpus.chunks(documents={document})))


def _whole(chunks: Sequence[Chunk]) -> _Piece:
    """All chunks of a document as one."""
    first, last = chunks[0], chunks[-1]
    if first is last:
        return _Piece(first)
    document = first.model_copy(
        update={
            "id": f"{first.id}-{last.index}",
            "end": last.end,
            "text": "".join(chunk.text for chunk in chunks),
            "tokens": sum(chunk.tokens for chunk in chunks),
        }
    )
    return _Piece(document, tuple(chunk.id for chunk in chunks))


def _promising(
    tasks: Sequence[Task],
    question: str,
    corpus: Corpus,
    scope: frozenset[str] | None,
    limits: Limits,
) -> Iterator[Chunk]:
    """The chunks of a scope that is too large for these tasks: what the index finds for their instructions, then of
    each document in turn, so that none is left out for standing late in the order.

    All of the tasks get the same chunks: a chunk that was read for one costs the others little.
    """
    wanted = -(-limits.max_jobs // (limits.samples * len(tasks)))
    phrases = (*(task.instruction for task in tasks), question)
    found = corpus.search(
        phrases, documents=scope, limit=min(wanted, limits.chunks_per_task * len(tasks))
    )
    known = {chunk.id for chunk in found}
    documents = corpus.contents.in_order(scope)
    rest = (chunk for chunk in in_turn(documents, corpus) if chunk.id not in known)
    return chain(found, rest)


def in_turn(documents: Iterable[str], corpus: Corpus) -> Iterator[Chunk]:
    """The first chunk of each document, then the second of each, and so on."""
    turn: Iterable[Iterator[Chunk]] = (
        iter(corpus.chunks(documents={document})) for document in documents
    )
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


def scope_of(
    task: Task, contents: Contents, warnings: list[str], naming: Naming
) -> frozenset[str] | None:
    """Ids of the documents that a task names, as its author may name them; None for all.

    A name that is none and one that its author may not use are the same: what is read tells no difference.
    """
    if not task.documents:
        return None
    chosen, unmatched = contents.select(task.documents, naming)
    which = "is not in the corpus" if naming == "any" else "it was not shown"
    warnings += [
        f"{task.id}: the plan names a document that {which}: {wanted!r}" for wanted in unmatched
    ]
    if not chosen:
        warnings.append(f"{task.id}: it names no other documents, so it reads all")
    return chosen or None
