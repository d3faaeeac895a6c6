"""Documents, their pages and chunks. Offsets are character offsets into a document's extracted text, end exclusive."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from minions.values.base import Value


class Page(Value):
    """One page of a paged format; ``number`` starts at 1."""

    number: int
    start: int
    end: int


class Heading(Value):
    """A heading of the outline; ``level`` starts at 1; ``start`` is where its line starts."""

    level: int
    text: str
    start: int


class Document(Value):
    """A source, read: its whole extracted text, and what is known of its structure.

    ``id`` identifies the content (a prefix of the SHA-256 of the file's bytes, in hex), ``path`` the place it was read
    from. Readers of structured formats write Markdown conventions into ``text`` (``#`` headings, ``|`` table rows,
    fenced code), so that one chunker understands them all. Reading the same bytes gives the same text.
    """

    id: str
    path: str
    title: str
    text: str
    pages: tuple[Page, ...] = ()
    outline: tuple[Heading, ...] = ()
    media_type: str = "text/plain"


class Chunk(Value):
    """A contiguous piece of a document: ``text`` is exactly ``document.text[start:end]``.

    The chunks of a document tile it: sorted by ``index`` they follow each other without gap or overlap. ``headings``
    are the titles above the chunk, outermost first; ``table_header`` is the header row of the table that the chunk
    continues, when the row itself stands in an earlier chunk. ``page`` is the page on which it starts, where there are
    pages. ``tokens`` is an estimate (`minions.text.tokens`).
    """

    id: str
    document_id: str
    path: str
    index: int
    start: int
    end: int
    text: str
    tokens: int
    page: int | None = None
    headings: tuple[str, ...] = ()
    table_header: str | None = None

    @model_validator(mode="after")
    def _spans_its_text(self) -> Self:
        if self.end - self.start != len(self.text):
            raise ValueError("a chunk's span is as long as its text")
        return self


class Unreadable(Value):
    """A file that could not be read, and why."""

    path: str
    reason: str


class DocumentFacts(Value):
    """What the corpus knows of a document without its text; ``pages`` is None for formats without pages."""

    id: str
    path: str
    title: str
    tokens: int
    chunks: int
    pages: int | None = None
    outline: tuple[Heading, ...] = ()


class CorpusCard(Value):
    """What the planner sees of the corpus: sizes, and names as far as policy and budget allow (``text``)."""

    documents: int
    tokens: int
    pages: int
    text: str
