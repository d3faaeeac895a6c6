"""Makes a finding of a span in a chunk: the document's own text, and the lines around it."""

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

_WORD_MIN = 3  # characters
_WINDOW_LINES = 3
_RULE = re.compile(r"[-|:=\s]+")  # the line under a table's header
_NEIGHBOURS = 3
_NEIGHBOUR_CHARACTERS = 160


def find(
    job: Job, location: Location, *, answer: str | None, confidence: float, part: int = 0
) -> Finding:
    """The finding at ``location`` (offsets within the job's chunk), with the lines around it."""
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
    """The headings and the table that an offset of a chunk stands under.

    ``header_end`` is the offset at which the table's header ends, 0 if the chunk does not hold it.
    """

    headings: tuple[str, ...]
    table_header: str | None = None
    header_end: int = 0


def _place(chunk: Chunk, offset: int) -> _Place:
    """The headings above ``offset``, and the header rows of its table if they stand above it.

    If a heading inside the chunk stands above ``offset``, then of the headings above the chunk only
    the outermost is kept.
    """
    inner: list[tuple[int, str]] = []  # level and title, each deeper than the one before
    table: Block | None = None
    for block in find_blocks(Document(id=chunk.id, path=chunk.path, title="", text=chunk.text)):
        if block.start > offset:
            break
        if block.level:
            while inner and inner[-1][0] >= block.level:
                inner.pop()
            inner.append((block.level, block.title))
        table = None
        if block.kind == "table" and offset < block.end:
            table = block
    headings = chunk.headings
    titles = tuple(title for _, title in inner)
    if titles:
        outer = tuple(title for title in chunk.headings[:1] if title not in titles)
        headings = outer + titles
    place = _Place(headings)
    if table is None:
        return place
    if table.start == 0 and chunk.table_header:
        return place._replace(table_header=chunk.table_header)
    header = chunk.text[table.start : table.head_end].strip()
    if not header or offset < table.head_end:
        return place
    return place._replace(table_header=header, header_end=table.head_end)


def _neighbours(text: str, start: int, end: int, floor: int) -> tuple[list[Line], list[Line]]:
    """The lines above and below a span: one long line or up to three short ones on each side.

    In a table these are the rows around a row. Lines that begin before ``floor`` are left out.
    """
    above: list[Line] = []
    below: list[Line] = []
    for line in split_lines(text):
        if _RULE.fullmatch(text, line.start, line.end):
            continue
        if floor <= line.start and line.end <= start:
            above.append(line)
        if line.start >= end:
            below.append(line)
    nearest_above = _few(reversed(above))
    nearest_above.reverse()
    return nearest_above, _few(below)


def _few(lines: Iterable[Line]) -> list[Line]:
    """The first line, and up to two more while all are short."""
    few: list[Line] = []
    characters = 0
    for line in lines:
        characters += line.end - line.start
        if few and (len(few) == _NEIGHBOURS or characters > _NEIGHBOUR_CHARACTERS):
            break
        few.append(line)
    return few


def _joined(text: str, lines: Iterable[Line]) -> str:
    return "\n".join([text[line.start : line.end] for line in lines])


def best_window(
    chunk: Chunk, phrases: Iterable[str], *, lines: int = _WINDOW_LINES
) -> tuple[int, int]:
    """The span of the ``lines`` adjacent lines that share most words with the phrases.

    Of equally good windows, the first. It shows what the index alone would show.
    """
    words: set[str] = set()
    for phrase in phrases:
        words |= _words(phrase)
    numbered = split_lines(chunk.text)
    if not numbered:
        return 0, len(chunk.text)
    scores = [len(words & _words(chunk.text[line.start : line.end])) for line in numbered]
    starts = range(max(1, len(numbered) - lines + 1))
    best = max(starts, key=lambda first: sum(scores[first : first + lines]))
    window = numbered[best : best + lines]
    return window[0].start, window[-1].end


def _words(text: str) -> set[str]:
    """The words of a text that are long enough to mean something, case-folded."""
    folded = text.casefold()
    for character in set(folded):
        if not character.isalnum():
            folded = folded.replace(character, " ")
    return {word for word in folded.split() if len(word) >= _WORD_MIN}


def names_of(corpus: Corpus, *, numbered: bool) -> dict[str, str]:
    """Names that are sent for documents: as on the card, or d1, d2, ... where ``numbered``."""
    return corpus.contents.names(numbered=numbered)
