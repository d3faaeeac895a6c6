"""A plan becomes jobs: each task over the chunks it concerns, chunk-major.

The worker's prompt is ``[system][chunk][task]``, so all jobs of a chunk stand together: a server with a prefix cache
reads the chunk once, however many tasks ask about it (DESIGN section 6).
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from minions.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.documents import Chunk, DocumentFacts
    from minions.limits import Limits
    from minions.plans import Plan, Task
    from minions.ports import Corpus


class Expansion(NamedTuple):
    """The jobs to run, those a limit left out, and what of the plan could not be followed."""

    jobs: tuple[Job, ...]
    skipped: tuple[Job, ...]
    warnings: tuple[str, ...]


def expand(plan: Plan, question: str, corpus: Corpus, limits: Limits, *, round_number: int = 1) -> Expansion:
    """Jobs of a round. A task with search phrases reads the best chunks for them and for the question, another reads
    all in scope.

    Chunks stand in the order of the best rank any task gives them, so that what a limit leaves out is what promised
    least.
    """
    jobs: list[Job] = []
    warnings: list[str] = []
    for task in plan.tasks:
        scope = scope_of(task, corpus.documents, warnings)
        for rank, chunk in enumerate(_ranked_chunks(task, question, corpus, scope, limits)):
            for sample in range(limits.samples):
                job_id = f"r{round_number}.{task.id}.{chunk.id}.{sample}"
                jobs.append(Job(id=job_id, task=task, chunk=chunk, sample=sample, rank=rank))
    ordered = chunk_major(jobs)
    kept, skipped = ordered[: limits.max_jobs], ordered[limits.max_jobs :]
    if skipped:
        warnings.append(f"{len(skipped)} of {len(ordered)} jobs were skipped: the limit is {limits.max_jobs} a round")
    return Expansion(tuple(kept), tuple(skipped), tuple(warnings))


def chunk_major(jobs: Sequence[Job]) -> list[Job]:
    """All jobs of a chunk together, chunks by the best rank that any of their jobs gives them; stable otherwise."""
    best: dict[str, int] = {}
    for job in jobs:
        best[job.chunk.id] = min(job.rank, best.get(job.chunk.id, job.rank))
    return sorted(jobs, key=lambda job: (best[job.chunk.id], job.chunk.id))


def _ranked_chunks(
    task: Task, question: str, corpus: Corpus, scope: frozenset[str] | None, limits: Limits
) -> Sequence[Chunk]:
    if task.search:
        phrases = (*task.search, task.instruction, question)
        found = corpus.search(phrases, documents=scope, limit=limits.chunks_per_task)
        if found:
            return found
    return list(corpus.chunks(documents=scope))


def scope_of(task: Task, documents: Sequence[DocumentFacts], warnings: list[str]) -> frozenset[str] | None:
    """Ids of the documents a task names by id, d-number, name, path or glob; None for all."""
    if not task.documents:
        return None
    chosen: set[str] = set()
    for wanted in task.documents:
        matched = {
            document.id for number, document in enumerate(documents, 1) if _matches(wanted, f"d{number}", document)
        }
        if not matched:
            warnings.append(f"{task.id}: the plan names a document that is not in the corpus: {wanted!r}")
        chosen |= matched
    if not chosen:
        warnings.append(f"{task.id}: none of its documents exist, so it reads all")
        return None
    return frozenset(chosen)


def _matches(wanted: str, number: str, document: DocumentFacts) -> bool:
    name = PurePath(document.path).name
    if wanted in {document.id, number, document.path, name, PurePath(name).stem, document.title}:
        return True
    return fnmatchcase(name.casefold(), wanted.casefold()) or fnmatchcase(document.path.casefold(), wanted.casefold())
