"""Chunking: a document is cut into pieces that a worker can read, along its structure."""

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
_LINE_END: Final = re.compile(r"\n")
_VISIBLE: Final = re.compile(r"\S")
HEADER_CHARS: Final = 400
_SLICE_CHARS_PER_TOKEN: Final = 3
_JOINERS: Final = frozenset("\u200d\ufe0f\ufe0e")
# The quality of a cut before a piece; higher is better.
_INSIDE: Final = 0
_AT_BLOCK: Final = 1
_AT_HEADING: Final = 2


class _Piece(NamedTuple):
    """A part of the text that no chunk cuts.

    ``cut`` is the quality of a cut before the piece. A ``glued`` piece must not end a chunk.
    ``header`` is the span of the head of the table that the piece continues.
    """

    start: int
    end: int
    tokens: int
    cut: int
    glued: bool = False
    header: tuple[int, int] | None = None


def chunk_document(document: Document, *, max_tokens: int = DEFAULT_CHUNK_TOKENS) -> list[Chunk]:
    """Cut ``document`` into chunks of at most ``max_tokens`` estimated tokens each.

    The chunks tile the text, and the time is linear in its length. Cuts come at headings, else
    between blocks, sentences, words, and as a last resort between characters. A table that fits in
    a chunk is not cut. A larger one is cut between rows, and ``table_header`` repeats its head.
    Only a single character may exceed the limit. White space alone makes no chunk where a neighbour
    has room for it. An empty text has no chunks. Raises ValueError for a limit below one token.
    """
    if max_tokens < 1:
        raise ValueError("a chunk holds at least one token")
    text = document.text
    if not text:
        return []
    tokens = estimate_tokens(text)
    if tokens > max_tokens:
        blocks = find_blocks(document)
        headings = find_headings(document, blocks)
        pieces = list(_pieces(text, blocks, headings, max_tokens))
        pieces = _join_blanks(text, pieces, max_tokens)
        return _describe(document, headings, _pack(text, pieces, max_tokens))
    end = len(text)
    if document.outline:
        whole = _Piece(0, end, tokens, _AT_HEADING)
        return _describe(document, document.outline, [(whole, end, tokens)])
    # Most documents of a large corpus fit in a chunk and have no outline: they take the short way.
    chunk = Chunk(
        id=f"{document.id}:0",
        document_id=document.id,
        path=document.path,
        index=0,
        start=0,
        end=end,
        text=text,
        tokens=tokens,
        page=document.pages[0].number if document.pages else None,
    )
    return [chunk]


def _pieces(
    text: str, blocks: Sequence[Block], headings: Sequence[Heading], max_tokens: int
) -> Iterator[_Piece]:
    """Each block as one piece where it fits in a chunk, else cut into pieces that fit."""
    starts = {heading.start for heading in headings}
    for block in blocks:
        cut = _AT_BLOCK
        if block.level or block.start in starts:
            cut = _AT_HEADING
        tokens = estimate_tokens(text[block.start : block.end])
        if tokens <= max_tokens:
            yield _Piece(block.start, block.end, tokens, cut, glued=block.kind == "heading")
            continue
        for start, end, size in _cut_block(text, block, max_tokens):
            header = None
            if block.start < block.head_end <= start:
                header = (block.start, block.head_end)
            yield _Piece(start, end, size, cut, header=header)
            cut = _INSIDE  # only the first piece starts where the block does


def _cut_block(text: str, block: Block, max_tokens: int) -> Iterator[tuple[int, int, int]]:
    """Cut a block that is too large into spans (start, end, tokens) that fit in a chunk.

    The cuts are between rows or lines, else between sentences; where those are too long, see
    `_slices`.
    """
    ends = _SENTENCE
    if block.kind in {"table", "code", "record"}:
        ends = _LINE_END
    stops = [match.end() for match in ends.finditer(text, block.start, block.end)]
    if not stops or stops[-1] < block.end:
        stops.append(block.end)
    start = block.start
    for stop in stops:
        tokens = estimate_tokens(text[start:stop])
        if tokens <= max_tokens:
            yield start, stop, tokens
        else:
            yield from _slices(text, start, stop, max_tokens)
        start = stop


def _slices(text: str, start: int, end: int, max_tokens: int) -> Iterator[tuple[int, int, int]]:
    """Cut a long line or sentence into spans (start, end, tokens), between words if it has any."""
    while start < end:
        stop = min(end, start + max_tokens * _SLICE_CHARS_PER_TOKEN)
        tokens = estimate_tokens(text[start:stop])
        while tokens > max_tokens and stop - start > 1:
            stop = start + (stop - start) // 2
            tokens = estimate_tokens(text[start:stop])
        if stop < end:
            better = _better_stop(text, start, stop)
            # Where a run of signs is cut, fewer characters may be estimated at more tokens.
            fewer = estimate_tokens(text[start:better])
            if fewer <= max_tokens:
                stop = better
                tokens = fewer
        yield start, stop, tokens
        start = stop


def _better_stop(text: str, start: int, stop: int) -> int:
    """A place to cut in the second half of a slice: after white space, else between characters.

    A mark, a joiner or half of a surrogate pair belongs to the character before it.
    """
    half = start + (stop - start) // 2
    space = max(text.rfind(white, half, stop) for white in " \t\r\n")
    if space > start:
        return space + 1
    for at in range(stop, half + 1, -1):
        letter = text[at]
        before = text[at - 1]
        is_joined = combining(letter) or letter in _JOINERS or before in _JOINERS
        is_pair = "\ud800" <= before <= "\udbff" and "\udc00" <= letter <= "\udfff"
        if not is_joined and not is_pair:
            return at
    return half + 1


def _join_blanks(text: str, pieces: Sequence[_Piece], max_tokens: int) -> list[_Piece]:
    """Join pieces of white space alone with a neighbour that has room for them."""
    joined: list[_Piece] = []
    last: _Piece | None = None
    for piece in pieces:
        if last is not None and (
            text[piece.start : piece.end].isspace() or text[last.start : last.end].isspace()
        ):
            tokens = estimate_tokens(text[last.start : piece.end])
            if tokens <= max_tokens:
                cut = _AT_BLOCK
                if last.start:
                    cut = min(last.cut, piece.cut)
                last = piece._replace(start=last.start, tokens=tokens, cut=cut, header=last.header)
                joined[-1] = last
                continue
        joined.append(piece)
        last = piece
    return joined


def _pack(
    text: str, pieces: Sequence[_Piece], max_tokens: int
) -> Iterator[tuple[_Piece, int, int]]:
    """Fill chunks with whole pieces: each chunk's first piece, its end and its tokens."""
    at = 0
    while at < len(pieces):
        stop = at
        total = 0
        while stop < len(pieces) and (stop == at or total + pieces[stop].tokens <= max_tokens):
            total += pieces[stop].tokens
            stop += 1
        if stop < len(pieces):
            stop = _best_cut(pieces, at, stop, total)
        # Estimates do not add up exactly, so the chunk is measured as a whole.
        start = pieces[at].start
        tokens = estimate_tokens(text[start : pieces[stop - 1].end])
        while tokens > max_tokens and stop > at + 1:
            stop -= 1
            tokens = estimate_tokens(text[start : pieces[stop - 1].end])
        yield pieces[at], pieces[stop - 1].end, tokens
        at = stop


def _best_cut(pieces: Sequence[_Piece], at: int, stop: int, total: int) -> int:
    """The end of a chunk that has room up to ``stop``: the best cut that leaves it half full."""
    best = stop
    quality = -1
    filled = total
    for place in range(stop, at, -1):
        if filled * 2 < total and quality >= 0:
            break
        last = pieces[place - 1]
        if not last.glued and pieces[place].cut > quality:
            best = place
            quality = pieces[place].cut
        filled -= last.tokens
    return best


def _describe(
    document: Document, headings: Sequence[Heading], cuts: Iterable[tuple[_Piece, int, int]]
) -> list[Chunk]:
    """The chunks for `_pack`'s cuts, each with its page and the headings above it."""
    text = document.text
    chunks: list[Chunk] = []
    trail: list[Heading] = []
    ahead = 0
    page_starts = [page.start for page in document.pages]
    for piece, end, tokens in cuts:
        visible = piece.start
        if headings or page_starts:
            first = _VISIBLE.search(text, piece.start, end)
            if first:
                visible = first.start()
        while ahead < len(headings) and headings[ahead].start <= visible:
            while trail and trail[-1].level >= headings[ahead].level:
                trail.pop()
            trail.append(headings[ahead])
            ahead += 1
        page = bisect_right(page_starts, visible) - 1
        header = ""
        if piece.header:
            head_start, head_end = piece.header
            header = text[head_start:head_end].strip("\r\n")[:HEADER_CHARS]
        chunks.append(
            Chunk(
                id=f"{document.id}:{len(chunks)}",
                document_id=document.id,
                path=document.path,
                index=len(chunks),
                start=piece.start,
                end=end,
                text=text[piece.start : end],
                tokens=tokens,
                page=document.pages[page].number if page >= 0 else None,
                headings=tuple([heading.text[:TITLE_CHARS] for heading in trail]),
                table_header=header or None,
            )
        )
    return chunks
