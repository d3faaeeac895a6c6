"""Cut a document into chunks that a worker can read: they follow its structure and tile its text."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple
from unicodedata import combining

from minions.corpus.structure import TITLE_CHARS, find_blocks, find_headings
from minions.text.tokens import estimate_tokens
from minions.values.documents import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minions.corpus.structure import Block
    from minions.values.documents import Document, Heading

CHUNKER_VERSION: Final = 2
DEFAULT_CHUNK_TOKENS: Final = 500
_SENTENCE: Final = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]|\n+")  # noqa: RUF001 - full-width stops end sentences too
_VISIBLE: Final = re.compile(r"\S")
HEADER_CHARS: Final = 400
_SLICE_CHARS_PER_TOKEN: Final = 3
_JOINERS: Final = frozenset("\u200d\ufe0f\ufe0e")
# How good a place to cut before a piece is; higher is better.
_INSIDE, _AT_BLOCK, _AT_HEADING = 0, 1, 2


class _Piece(NamedTuple):
    """What is never cut; ``cut`` says how good a place its start is, ``header`` spans the head of its table."""

    start: int
    end: int
    tokens: int
    cut: int
    glued: bool = False
    header: tuple[int, int] | None = None


def chunk_document(document: Document, *, max_tokens: int = DEFAULT_CHUNK_TOKENS) -> list[Chunk]:
    """Cut ``document`` into chunks of at most ``max_tokens`` estimated tokens each; linear in its length.

    Cuts come at headings, else between blocks, sentences, words, and at last anywhere. A table that fits in a chunk
    is not cut; a larger one is cut between rows, and ``table_header`` repeats its head. Only a single character may
    exceed the limit.
    White space alone makes no chunk where a neighbour has room for it. An empty text has no chunks.
    """
    if max_tokens < 1:
        raise ValueError("a chunk holds at least one token")
    text = document.text
    whole = estimate_tokens(text)
    if not text:
        return []
    if whole <= max_tokens:
        return [_only_chunk(document, whole)]
    blocks = find_blocks(document)
    headings = find_headings(document, blocks)
    pieces = _join_blanks(text, list(_pieces(text, blocks, headings, max_tokens)), max_tokens)
    return _describe(document, headings, _pack(text, pieces, max_tokens))


def _pieces(
    text: str, blocks: Sequence[Block], headings: Sequence[Heading], max_tokens: int
) -> Iterator[_Piece]:
    starts = {heading.start for heading in headings}
    for block in blocks:
        cut = _AT_HEADING if block.level or block.start in starts else _AT_BLOCK
        tokens = estimate_tokens(text[block.start : block.end])
        if tokens <= max_tokens:
            yield _Piece(block.start, block.end, tokens, cut, glued=block.kind == "heading")
            continue
        header = (block.start, block.head_end) if block.head_end > block.start else None
        for start, end, size in _atoms(text, block, max_tokens):
            inside = start > block.start
            continued = header if header and start >= block.head_end else None
            yield _Piece(start, end, size, _INSIDE if inside else cut, header=continued)


def _atoms(text: str, block: Block, max_tokens: int) -> Iterator[tuple[int, int, int]]:
    """Cut a block that is too large: between its rows or lines, sentences, words, at last anywhere."""
    by_line = block.kind in {"table", "code", "record"}
    for start, end in _split(text, block.start, block.end, None if by_line else _SENTENCE):
        if (tokens := estimate_tokens(text[start:end])) <= max_tokens:
            yield start, end, tokens
        else:
            yield from _slices(text, start, end, max_tokens)


def _split(
    text: str, start: int, end: int, pattern: re.Pattern[str] | None
) -> Iterator[tuple[int, int]]:
    if pattern is None:
        while start < end:
            stop = text.find("\n", start, end) + 1 or end
            yield start, stop
            start = stop
        return
    for match in pattern.finditer(text, start, end):
        yield start, match.end()
        start = match.end()
    if start < end:
        yield start, end


def _slices(text: str, start: int, end: int, max_tokens: int) -> Iterator[tuple[int, int, int]]:
    while start < end:
        stop = min(end, start + max(1, max_tokens * _SLICE_CHARS_PER_TOKEN))
        while (tokens := estimate_tokens(text[start:stop])) > max_tokens and stop - start > 1:
            stop = start + (stop - start) // 2
        if stop < end:
            better = _better_stop(text, start, stop)
            # Fewer characters can be estimated at more, where a run of signs is cut.
            if (fewer := estimate_tokens(text[start:better])) <= max_tokens:
                stop, tokens = better, fewer
        yield start, stop, tokens
        start = stop


def _better_stop(text: str, start: int, stop: int) -> int:
    """A place at or before ``stop`` after white space, if the slice's second half has one; else between characters."""
    half = start + (stop - start) // 2
    space = max(text.rfind(white, half, stop) for white in " \t\r\n")
    if space > start:
        return space + 1
    back = stop
    while back > half + 1 and _joins(text, back):
        back -= 1
    return back


def _joins(text: str, at: int) -> bool:
    """Whether the character at ``at`` belongs to the one before: a mark, a joiner, half of a surrogate pair."""
    letter, before = text[at], text[at - 1]
    if combining(letter) or letter in _JOINERS or before in _JOINERS:
        return True
    return "\ud800" <= before <= "\udbff" and "\udc00" <= letter <= "\udfff"


def _join_blanks(text: str, pieces: Sequence[_Piece], max_tokens: int) -> list[_Piece]:
    """Give pieces of white space to a neighbour that has room."""
    joined: list[_Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and (
            text[piece.start : piece.end].isspace() or text[last.start : last.end].isspace()
        ):
            tokens = estimate_tokens(text[last.start : piece.end])
            if tokens <= max_tokens:
                cut = min(last.cut, piece.cut) if last.start else _AT_BLOCK
                joined[-1] = piece._replace(
                    start=last.start, tokens=tokens, cut=cut, header=last.header
                )
                continue
        joined.append(piece)
    return joined


def _pack(
    text: str, pieces: Sequence[_Piece], max_tokens: int
) -> Iterator[tuple[_Piece, int, int]]:
    """Fill chunks with whole pieces: their first piece, their end and tokens."""
    at = 0
    while at < len(pieces):
        stop, total = at, 0
        while stop < len(pieces) and (stop == at or total + pieces[stop].tokens <= max_tokens):
            total += pieces[stop].tokens
            stop += 1
        if stop < len(pieces):
            stop = _best_cut(pieces, at, stop, total)
        # Estimates do not add up exactly, so the chunk is measured whole.
        while (
            tokens := estimate_tokens(text[pieces[at].start : pieces[stop - 1].end])
        ) > max_tokens and stop > at + 1:
            stop -= 1
        yield pieces[at], pieces[stop - 1].end, tokens
        at = stop


def _best_cut(pieces: Sequence[_Piece], at: int, stop: int, total: int) -> int:
    """Where to end a chunk that could reach ``stop``: at the best boundary that leaves it at least half full."""
    best, quality, filled = stop, -1, total
    for place in range(stop, at, -1):
        if filled * 2 < total and quality >= 0:
            break
        here = -1 if pieces[place - 1].glued else pieces[place].cut
        if here > quality:
            best, quality = place, here
        filled -= pieces[place - 1].tokens
    return best


def _describe(
    document: Document, headings: Sequence[Heading], cuts: Iterable[tuple[_Piece, int, int]]
) -> list[Chunk]:
    chunks: list[Chunk] = []
    trail: list[Heading] = []
    ahead = 0
    page_starts = [page.start for page in document.pages]
    for piece, end, tokens in cuts:
        visible = (
            _first_visible(document.text, piece.start, end)
            if headings or page_starts
            else piece.start
        )
        while ahead < len(headings) and headings[ahead].start <= visible:
            while trail and trail[-1].level >= headings[ahead].level:
                trail.pop()
            trail.append(headings[ahead])
            ahead += 1
        page = bisect_right(page_starts, visible) - 1
        header = (
            document.text[piece.header[0] : piece.header[1]].strip("\r\n")[:HEADER_CHARS]
            if piece.header
            else None
        )
        chunks.append(
            Chunk(
                id=f"{document.id}:{len(chunks)}",
                document_id=document.id,
                path=document.path,
                index=len(chunks),
                start=piece.start,
                end=end,
                text=document.text[piece.start : end],
                tokens=tokens,
                page=document.pages[page].number if page >= 0 else None,
                headings=tuple(heading.text[:TITLE_CHARS] for heading in trail),
                table_header=header or None,
            )
        )
    return chunks


def _only_chunk(document: Document, tokens: int) -> Chunk:
    """The chunk of a document that fits in one; most documents of a large corpus do, so this takes the short way."""
    if document.outline:
        end = len(document.text)
        return _describe(
            document, document.outline, [(_Piece(0, end, tokens, _AT_HEADING), end, tokens)]
        )[0]
    return Chunk(
        id=f"{document.id}:0",
        document_id=document.id,
        path=document.path,
        index=0,
        start=0,
        end=len(document.text),
        text=document.text,
        tokens=tokens,
        page=document.pages[0].number if document.pages else None,
    )


def _first_visible(text: str, start: int, end: int) -> int:
    match = _VISIBLE.search(text, start, end)
    return match.start() if match else start
