"""From a span in a chunk to a finding: the document's own text, and the lines around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from minions.corpus.structure import Block, find_blocks
from minions.evidence.lines import Line, split_lines
from minions.values.documents import Document
from minions.values.findings import Citation, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.corpus.port import Corpus
    from minions.evidence.grounding import Location
    from minions.values.documents import Chunk
    from minions.values.jobs import Job

_WORD_MIN = 3
_WINDOW_LINES = 3
_RULE = re.compile(r"[-|:=\s]+")  # the line under a table's header
_NEIGHBOURS = 3
_NEIGHBOUR_CHARACTERS = 160


def find(
    job: Job, location: Location, *, answer: str | None, confidence: float, part: int = 0
) -> Finding:
    """The finding at ``location`` (offsets within the job's chunk), with the lines of the chunk around it."""
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
    place = _place(chunk, location.start)
    above, below = _neighbours(chunk.text, location.start, location.end, place.header_end)
    return Finding(
        id=finding_id,
        task_id=job.task.id,
        answer=answer,
        confidence=confidence,
        citation=citation,
        headings=place.headings,
        table_header=place.table_header,
        before=_joined(chunk.text, above),
        after=_joined(chunk.text, below),
        passage=chunk.id,
        sample=job.sample,
        context_start=chunk.start + min([location.start, *(line.start for line in above)]),
        context_end=chunk.start + max([location.end, *(line.end for line in below)]),
    )


class _Place(NamedTuple):
    """Where an offset of a chunk stands; ``header_end`` is where the table's header ends if it is in the chunk,
    else 0.
    """

    headings: tuple[str, ...]
    table_header: str | None = None
    header_end: int = 0


def _place(chunk: Chunk, offset: int) -> _Place:
    """The headings above ``offset``, and the rows that head its table if it lies below them.

    A heading inside the chunk is nearer than those above the chunk, of which only the outermost then stays.
    """
    inner: list[tuple[int, str]] = []
    table: Block | None = None
    for block in find_blocks(Document(id=chunk.id, path=chunk.path, title="", text=chunk.text)):
        if block.start > offset:
            break
        if block.level:
            inner = [
                *((level, title) for level, title in inner if level < block.level),
                (block.level, block.title),
            ]
        table = block if block.kind == "table" and offset < block.end else None
    titles = tuple(title for _, title in inner)
    outer = (
        tuple(title for title in chunk.headings[:1] if title not in titles)
        if inner
        else chunk.headings
    )
    return _headed(_Place((*outer, *titles)), chunk, table, offset)


def _headed(place: _Place, chunk: Chunk, table: Block | None, offset: int) -> _Place:
    if table is None:
        return place
    if table.start == 0 and chunk.table_header:
        return place._replace(table_header=chunk.table_header)
    header = chunk.text[table.start : table.head_end].strip()
    if not header or offset < table.head_end:
        return place
    return place._replace(table_header=header, header_end=table.head_end)


def _neighbours(text: str, start: int, end: int, floor: int) -> tuple[list[Line], list[Line]]:
    """A long line on each side, or up to three short ones: the rows around a row of a table, from ``floor`` on."""
    lines = [line for line in split_lines(text) if not _RULE.fullmatch(text, line.start, line.end)]
    above = _few(reversed([line for line in lines if floor <= line.start and line.end <= start]))
    return above[::-1], _few(line for line in lines if line.start >= end)


def _few(lines: Iterable[Line]) -> list[Line]:
    few: list[Line] = []
    for line in lines:
        characters = line.end - line.start + sum(other.end - other.start for other in few)
        if few and (len(few) == _NEIGHBOURS or characters > _NEIGHBOUR_CHARACTERS):
            break
        few.append(line)
    return few


def _joined(text: str, lines: Iterable[Line]) -> str:
    return "\n".join(text[line.start : line.end] for line in lines)


def best_window(
    chunk: Chunk, phrases: Iterable[str], *, lines: int = _WINDOW_LINES
) -> tuple[int, int]:
    """Span within the chunk of so many lines that share most words with the phrases, the first of several: what the
    index alone would show.
    """
    words = {word for phrase in phrases for word in _words(phrase)}
    numbered = split_lines(chunk.text)
    if not numbered:
        return 0, len(chunk.text)
    scores = [len(words & set(_words(chunk.text[line.start : line.end]))) for line in numbered]
    starts = range(max(1, len(numbered) - lines + 1))
    best = max(starts, key=lambda first: sum(scores[first : first + lines]))
    window = numbered[best : best + lines]
    return window[0].start, window[-1].end


def _words(text: str) -> list[str]:
    return [
        word
        for word in "".join(c if c.isalnum() else " " for c in text.casefold()).split()
        if len(word) >= _WORD_MIN
    ]


def names_of(corpus: Corpus, *, numbered: bool) -> dict[str, str]:
    """Names that go up for documents: as on the card, or d1, d2, ... where the policy hides names."""
    return corpus.contents.names(numbered=numbered)
