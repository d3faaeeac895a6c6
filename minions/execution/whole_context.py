"""Which passages one worker holds at once: all that fit its context, in the order of their documents.

The worker's prompt is ``[system][passages][task]``: while the same passages are held, a server with a prefix cache
reads them once, however many rounds ask about them.
"""

from __future__ import annotations

from itertools import chain
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

_BESIDES_TOKENS = (
    600  # what a context holds besides passages: the worker's prompts, a long message, the reply
)
_PLACE_TOKENS = (
    30  # a passage's name, headings and table header, where it does not follow the one before
)
_NUMBER_TOKENS = 2  # a line's number, beyond the digits it has within its own passage
_SMALLEST_TOKENS = 50  # room in which no further passage is looked for
_MISSES = 20  # passages in a row that do not fit, after which nothing further is tried


def hold(
    plan: Plan,
    question: str,
    corpus: Corpus,
    limits: Limits,
    *,
    round_number: int = 1,
    naming: Naming = "shown",  # noqa: ARG001 - as `expand` is called; all documents are held
) -> Expansion:
    """Jobs of a round: each task over the same passages, as many as fit ``context_tokens`` together.

    Where they do not all fit, those that the index finds for the tasks' words and the question's are held, best first,
    then of each document in turn; the rest is counted as skipped. ``rank`` says how much a passage promised.
    """
    phrases = list(
        dict.fromkeys(
            chain(*((*task.search, task.instruction) for task in plan.tasks), (question,))
        )
    )
    repeated = len(plan.tasks) * limits.samples
    held = _fitting(
        _promising(corpus, phrases, limits), limits, most=max(1, limits.max_jobs // repeated)
    )
    ranks = {chunk.id: rank for rank, chunk in enumerate(held)}
    places = corpus.contents.places
    in_order = sorted(held, key=lambda chunk: (places[chunk.document_id], chunk.index))
    jobs = tuple(
        Job(
            id=f"r{round_number}.{task.id}.{chunk.id}.{sample}",
            task=task,
            chunk=chunk,
            sample=sample,
            rank=ranks[chunk.id],
        )
        for task in plan.tasks
        for sample in range(limits.samples)
        for chunk in in_order
    )
    left_out = corpus.contents.chunks - len(held)
    return Expansion(jobs, left_out * repeated, _warnings(left_out, corpus, limits))


def _warnings(left_out: int, corpus: Corpus, limits: Limits) -> tuple[str, ...]:
    if not left_out:
        return ()
    warning = (
        f"the documents (about {corpus.contents.tokens:,} tokens) are more than the worker holds at once "
        f"(--context-tokens {limits.context_tokens}, max_jobs {limits.max_jobs}): each message was read over the "
        "passages that promise most"
    )
    return (warning,)


def _promising(corpus: Corpus, phrases: Sequence[str], limits: Limits) -> Iterator[Chunk]:
    """All passages, those first that the index finds."""
    found = corpus.search(
        phrases,
        limit=max(1, min(corpus.contents.chunks, limits.context_tokens // _SMALLEST_TOKENS)),
    )
    known = {chunk.id for chunk in found}
    rest = in_turn(corpus.contents.in_order(), corpus)
    return chain(found, (chunk for chunk in rest if chunk.id not in known))


def _fitting(chunks: Iterable[Chunk], limits: Limits, *, most: int) -> list[Chunk]:
    """The first passages that fit together; the very first in any case."""
    room, misses = limits.context_tokens - _BESIDES_TOKENS, 0
    held: list[Chunk] = []
    for chunk in chunks:
        tokens = _tokens(chunk)
        if tokens <= room or not held:
            held.append(chunk)
            room, misses = room - tokens, 0
        else:
            misses += 1
        if len(held) == most or room < _SMALLEST_TOKENS or misses == _MISSES:
            break
    return held


def _tokens(chunk: Chunk) -> int:
    """About what a passage takes, its lines numbered."""
    lines = split_lines(chunk.text)
    return (
        estimate_tokens(number_lines(chunk.text, lines))
        + _NUMBER_TOKENS * len(lines)
        + _PLACE_TOKENS
    )
