"""A plan becomes jobs: each task over the chunks it concerns, chunk-major.

The worker's prompt is ``[system][chunk][task]``, so all jobs on a chunk stand together: a server
with a prefix cache reads the chunk once, however many tasks ask about it.
"""

from __future__ import annotations

from itertools import islice
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

    # A scope (ids of documents; None: all), and True if its documents are read whole.
    _Extent = tuple[frozenset[str] | None, bool]


class Expansion(NamedTuple):
    """The jobs to run, the number that a limit left out, and warnings about the plan."""

    jobs: tuple[Job, ...]
    skipped: int
    warnings: tuple[str, ...]


class _Piece(NamedTuple):
    """The text that one job reads: a chunk, or a whole document with the ids of its chunks."""

    chunk: Chunk
    parts: tuple[str, ...] = ()


class _Reading(NamedTuple):
    """A task, and the chunks that it reads.

    ``scope``: ids of the documents it concerns; None: all. ``found``: the pieces that its search
    found; empty: it reads the whole scope. ``whole``: documents are read in one piece if they fit.
    """

    task: Task
    scope: frozenset[str] | None
    found: Sequence[_Piece]
    whole: bool


class _Placement(NamedTuple):
    """A piece in a task's order of reading; ``rank`` 0 is read first."""

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
    """The jobs of a round.

    A task with search phrases reads the chunks that match them and the question best; a task
    without reads its whole scope. If a task judges documents, those that fit the worker's context
    are read whole (docs/adr/0012). ``naming``: how the plan's author may name documents.

    Chunks stand in the order of the best rank that any task gives them, so a limit leaves out the
    least promising ones. Jobs that are left out are counted and never built: a limit bounds the
    time and memory of this function, too.
    """
    warnings: list[str] = []
    readings: list[_Reading] = []
    for task in plan.tasks:
        scope = scope_of(task, corpus.contents, warnings, naming)
        readings.append(_reading(task, scope, question, corpus, limits))

    total = 0
    for reading in readings:
        total += limits.samples * (len(reading.found) or _pieces_in(reading, corpus, limits))

    pieces_of = _exhaustive(readings, question, corpus, limits, fits=total <= limits.max_jobs)
    placements: list[_Placement] = []
    for reading in readings:
        in_order = reading.found or pieces_of[reading.scope, reading.whole]
        placements += [
            _Placement(reading.task, piece.chunk, piece.parts, rank)
            for rank, piece in enumerate(in_order)
        ]

    all_jobs = _jobs(chunk_major(placements), limits.samples, round_number)
    jobs = tuple(islice(all_jobs, limits.max_jobs))
    skipped = total - len(jobs)
    if skipped:
        warnings.append(
            f"{skipped} of {total} jobs were skipped: the limit is {limits.max_jobs} a round"
        )
    return Expansion(jobs, skipped, tuple(warnings))


def chunk_major(placed: Sequence[P]) -> list[P]:
    """All jobs on a chunk together; chunks by the best rank that any of their jobs gives them.

    Jobs on one chunk keep their order.
    """
    best: dict[str, int] = {}
    for placement in placed:
        chunk_id = placement.chunk.id
        best[chunk_id] = min(placement.rank, best.get(chunk_id, placement.rank))
    return sorted(placed, key=lambda placement: (best[placement.chunk.id], placement.chunk.id))


def _jobs(placements: Iterable[_Placement], samples: int, round_number: int) -> Iterator[Job]:
    for task, chunk, parts, rank in placements:
        for sample in range(samples):
            job_id = f"r{round_number}.{task.id}.{chunk.id}.{sample}"
            yield Job(id=job_id, task=task, chunk=chunk, sample=sample, rank=rank, parts=parts)


def _reading(
    task: Task, scope: frozenset[str] | None, question: str, corpus: Corpus, limits: Limits
) -> _Reading:
    whole = task.judges and limits.whole_documents
    if not task.search:
        return _Reading(task, scope, [], whole)
    phrases = (*task.search, task.instruction, question)
    found = corpus.search(phrases, documents=scope, limit=limits.chunks_per_task)
    return _Reading(task, scope, list(_pieces(found, corpus, limits, whole=whole)), whole)


def _exhaustive(
    readings: Sequence[_Reading], question: str, corpus: Corpus, limits: Limits, *, fits: bool
) -> dict[_Extent, list[_Piece]]:
    """The pieces for tasks that read their whole scope: all, if they fit, else the most promising.

    Tasks that read the same scope in the same way read the same pieces.
    """
    tasks_of: dict[_Extent, list[Task]] = {}
    for reading in readings:
        if not reading.found:
            tasks_of.setdefault((reading.scope, reading.whole), []).append(reading.task)
    pieces_of: dict[_Extent, list[_Piece]] = {}
    for (scope, whole), tasks in tasks_of.items():
        most: int | None = None
        chunks: Iterable[Chunk]
        if fits:
            chunks = corpus.chunks(documents=scope)
        else:
            jobs_per_piece = limits.samples * len(tasks)
            most = (limits.max_jobs + jobs_per_piece - 1) // jobs_per_piece  # rounded up
            chunks = _promising(tasks, question, corpus, scope, limits, most=most)
        pieces = _pieces(chunks, corpus, limits, whole=whole)
        pieces_of[scope, whole] = list(islice(pieces, most))
    return pieces_of


def _pieces_in(reading: _Reading, corpus: Corpus, limits: Limits) -> int:
    """The number of pieces in a reading's whole scope."""
    contents = corpus.contents
    if not reading.whole:
        return contents.chunks_in(reading.scope)
    if reading.scope is not None:
        contents = contents.of(reading.scope)
    columns = contents.columns
    most_tokens = _most_tokens(limits)
    count = 0
    for tokens, chunks in zip(columns.tokens, columns.chunks, strict=True):
        if tokens <= most_tokens:
            count += min(chunks, 1)
        else:
            count += chunks
    return count


def _most_tokens(limits: Limits) -> int:
    """The tokens of the longest document that is read whole.

    The rest of the context is for the prompt, the reply, and a margin for low estimates.
    """
    return limits.context_tokens * 4 // 5


def _pieces(
    chunks: Iterable[Chunk], corpus: Corpus, limits: Limits, *, whole: bool
) -> Iterator[_Piece]:
    """The chunks as pieces; with ``whole``, the chunks of a document that fits become one piece."""
    contents = corpus.contents
    most_tokens = _most_tokens(limits)
    seen: set[str] = set()
    for chunk in chunks:
        document_id = chunk.document_id
        if not whole or contents.columns.tokens[contents.places[document_id]] > most_tokens:
            yield _Piece(chunk)
        elif document_id not in seen:
            seen.add(document_id)
            yield _joined(list(corpus.chunks(documents={document_id})))


def _joined(chunks: Sequence[Chunk]) -> _Piece:
    """All chunks of a document as one piece."""
    first = chunks[0]
    last = chunks[-1]
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
    *,
    most: int,
) -> Iterator[Chunk]:
    """The chunks of a scope from which ``most`` will be taken, because it is too large.

    First the chunks that the index finds for the tasks' instructions, then the others of each
    document in turn, so that no document is left out for standing late in the order. All of the
    tasks get the same chunks: once a chunk was read for one task, it costs the others little.
    """
    phrases = [task.instruction for task in tasks]
    limit = min(most, limits.chunks_per_task * len(tasks))
    found = corpus.search((*phrases, question), documents=scope, limit=limit)
    yield from found
    known = {chunk.id for chunk in found}
    for chunk in in_turn(corpus.contents.in_order(scope), corpus):
        if chunk.id not in known:
            yield chunk


def in_turn(documents: Iterable[str], corpus: Corpus) -> Iterator[Chunk]:
    """The first chunk of each document (given by its id), then the second of each, and so on."""
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
    """Ids of the documents that a task names; None for all. Names that match none are warned of.

    A document that does not exist and one that the plan's author may not name have the same
    warning: otherwise it would tell the author which documents exist.
    """
    if not task.documents:
        return None
    chosen, unmatched = contents.select(task.documents, naming)
    trouble = "is not in the corpus" if naming == "any" else "it was not shown"
    warnings += [
        f"{task.id}: the plan names a document that {trouble}: {wanted!r}" for wanted in unmatched
    ]
    if not chosen:
        warnings.append(f"{task.id}: it names no other documents, so it reads all")
    return chosen or None
