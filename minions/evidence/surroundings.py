"""From a span in a chunk to a finding: the document's own text, and the lines around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.corpus.structure import Block, find_blocks
from minions.documents import Document
from minions.evidence.lines import split_lines
from minions.findings import Citation, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.documents import Chunk
    from minions.evidence.grounding import Location
    from minions.jobs import Job
    from minions.ports import Corpus

_WORD_MIN = 3
_WINDOW_LINES = 3


def find(job: Job, location: Location, *, answer: str | None, confidence: float, part: int = 0) -> Finding:
    """The finding at ``location`` (offsets within the job's chunk), with one line of the chunk on each side."""
    chunk = job.chunk
    finding_id = f"{job.id}.{part}"
    citation = Citation(
        id=finding_id,
        document_id=chunk.document_id,
        path=chunk.path,
        page=chunk.page,
        start=chunk.start + location.start,
        end=chunk.start + location.end,
        quote=chunk.text[location.start : location.end],
        status=location.status,
        score=location.score,
    )
    headings, table_header = _place(chunk, location.start)
    before, after = _neighbours(chunk.text, location.start, location.end)
    return Finding(
        id=finding_id,
        task_id=job.task.id,
        answer=answer,
        confidence=confidence,
        citation=citation,
        headings=headings,
        table_header=table_header,
        before=before,
        after=after,
    )


def _place(chunk: Chunk, offset: int) -> tuple[tuple[str, ...], str | None]:
    """The headings above ``offset`` in the chunk, and the rows that head its table if it lies below them.

    A heading inside the chunk is nearer than those above the chunk, of which only the outermost then stays.
    """
    inner: list[tuple[int, str]] = []
    header: str | None = None
    for block in find_blocks(Document(id=chunk.id, path=chunk.path, title="", text=chunk.text)):
        if block.start > offset:
            break
        if block.level:
            inner = [*((level, title) for level, title in inner if level < block.level), (block.level, block.title)]
        if block.kind == "table" and offset < block.end:
            header = _header_of(chunk, block, offset)
    titles = tuple(title for _, title in inner)
    return (
        (*(title for title in chunk.headings[:1] if title not in titles), *titles) if inner else chunk.headings
    ), header


def _header_of(chunk: Chunk, table: Block, offset: int) -> str | None:
    if table.start == 0 and chunk.table_header:
        return chunk.table_header
    return chunk.text[table.start : table.head_end].strip() or None if table.head_end <= offset else None


def _neighbours(text: str, start: int, end: int) -> tuple[str, str]:
    lines = split_lines(text)
    before = [line for line in lines if line.end <= start][-1:]
    after = [line for line in lines if line.start >= end][:1]
    return _joined(text, before), _joined(text, after)


def _joined(text: str, lines: Sequence[tuple[int, int, int]]) -> str:
    return "\n".join(text[start:end] for _, start, end in lines)


def best_window(chunk: Chunk, phrases: Iterable[str]) -> tuple[int, int]:
    """Span within the chunk of the three lines that share most words with the phrases: what the index alone would
    show.
    """
    words = {word for phrase in phrases for word in _words(phrase)}
    lines = split_lines(chunk.text)
    if not lines:
        return 0, len(chunk.text)
    scores = [len(words & set(_words(chunk.text[line.start : line.end]))) for line in lines]
    starts = range(max(1, len(lines) - _WINDOW_LINES + 1))
    best = max(starts, key=lambda first: sum(scores[first : first + _WINDOW_LINES]))
    window = lines[best : best + _WINDOW_LINES]
    return window[0].start, window[-1].end


def _words(text: str) -> list[str]:
    return [
        word for word in "".join(c if c.isalnum() else " " for c in text.casefold()).split() if len(word) >= _WORD_MIN
    ]


def names_of(corpus: Corpus, *, numbered: bool) -> dict[str, str]:
    """Names that go up for documents: their file names, or d1, d2, ... where the policy hides names."""
    from pathlib import PurePath

    return {
        document.id: f"d{number}" if numbered else PurePath(document.path).name
        for number, document in enumerate(corpus.documents, 1)
    }
