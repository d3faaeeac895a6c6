"""The chunks that one worker holds at once: all that fit its context, in their documents' order.

The worker's prompt is ``[system][chunks][task]``: while the same chunks are held, a server with a
prefix cache reads them once, however many rounds ask about them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.evidence.lines import number_lines, split_lines
from minions.execution.expand import Expansion, in_turn
from minions.text.tokens import estimate_tokens
from minions.values.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minions.corpus.port import Corpus
    from minions.corpus.selecting import Naming
    from minions.values.documents import Chunk
    from minions.values.limits import Limits
    from minions.values.plans import Plan

# What a context holds besides chunks: the worker's prompts, a long message, the reply.
_BESIDES_TOKENS = 600
# A chunk's name, headings and table header, unless it follows the chunk before.
_PLACE_TOKENS = 30
_NUMBER_TOKENS = 2  # a line's number, beyond the digits it has within its own chunk
_SMALLEST_TOKENS = 50  # with less room than this, no further chunk is looked for
_MISSES = 20  # chunks in a row that do not fit, after which no further one is tried


def hold(
    plan: Plan,
    question: str,
    corpus: Corpus,
    limits: Limits,
    *,
    round_number: int = 1,
    naming: Naming = "shown",  # noqa: ARG001 - as `expand` is called; all documents are held
) -> Expansion:
    """The jobs of a round: each task over the same chunks, as many as fit ``context_tokens``.

    If they do not all fit, the chunks that the index finds for the words of the tasks and of the
    question are held, best first, then other chunks of each document in turn; the rest is counted
    as skipped. A job's ``rank`` is the place of its chunk in that order.
    """
    phrases: list[str] = []
    for task in plan.tasks:
        phrases += [*task.search, task.instruction]
    phrases.append(question)
    jobs_per_chunk = len(plan.tasks) * limits.samples
    candidates = _promising(corpus, list(dict.fromkeys(phrases)), limits)
    held = _fitting(candidates, limits, most=max(1, limits.max_jobs // jobs_per_chunk))
    ranks = {chunk.id: rank for rank, chunk in enumerate(held)}
    places = corpus.contents.places
    in_order = sorted(held, key=lambda chunk: (places[chunk.document_id], chunk.index))
    jobs: list[Job] = []
    for task in plan.tasks:
        for sample in range(limits.samples):
            for chunk in in_order:
                job_id = f"r{round_number}.{task.id}.{chunk.id}.{sample}"
                rank = ranks[chunk.id]
                jobs.append(Job(id=job_id, task=task, chunk=chunk, sample=sample, rank=rank))
    left_out = corpus.contents.chunks - len(held)
    warnings: list[str] = []
    if left_out:
        warnings.append(
            f"the documents (about {corpus.contents.tokens:,} tokens) are more than the worker "
            f"holds at once (--context-tokens {limits.context_tokens}, max_jobs {limits.max_jobs})"
            ": each message was read over the passages that promise most"
        )
    return Expansion(tuple(jobs), left_out * jobs_per_chunk, tuple(warnings))


def _promising(corpus: Corpus, phrases: Sequence[str], limits: Limits) -> Iterator[Chunk]:
    """All chunks, first those that the index finds."""
    most = min(corpus.contents.chunks, limits.context_tokens // _SMALLEST_TOKENS)
    found = corpus.search(phrases, limit=max(1, most))
    yield from found
    known = {chunk.id for chunk in found}
    for chunk in in_turn(corpus.contents.in_order(), corpus):
        if chunk.id not in known:
            yield chunk


def _fitting(chunks: Iterable[Chunk], limits: Limits, *, most: int) -> list[Chunk]:
    """The first chunks that fit together; the very first in any case."""
    room = limits.context_tokens - _BESIDES_TOKENS
    misses = 0
    held: list[Chunk] = []
    for chunk in chunks:
        tokens = _tokens(chunk)
        if tokens <= room or not held:
            held.append(chunk)
            room -= tokens
            misses = 0
        else:
            misses += 1
        if len(held) == most or room < _SMALLEST_TOKENS or misses == _MISSES:
            break
    return held


def _tokens(chunk: Chunk) -> int:
    """The estimated tokens of a chunk with its lines numbered."""
    lines = split_lines(chunk.text)
    shown = estimate_tokens(number_lines(chunk.text, lines))
    return shown + _NUMBER_TOKENS * len(lines) + _PLACE_TOKENS
