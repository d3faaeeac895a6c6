"""Documents, their pages and chunks.

Offsets count characters of a document's extracted text from 0; an end is exclusive.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from minions.values.base import Value


class Page(Value):
    """One page of a format that has pages."""

    number: int
    """Counted from 1."""
    start: int
    end: int


class Heading(Value):
    """A heading in a document's outline."""

    level: int
    """1 for the outermost level."""
    text: str
    start: int
    """The offset of the heading's line."""


class Document(Value):
    """The whole extracted text of one file, and its structure.

    Reading the same bytes gives the same text. Readers of structured formats use Markdown in
    ``text`` (``#`` for headings, ``|`` for table rows, fenced code), so that one chunker serves all
    formats.
    """

    id: str
    """The start of the SHA-256 of the file's bytes, in hexadecimal."""
    path: str
    """The path that the document was read from."""
    title: str
    text: str
    pages: tuple[Page, ...] = ()
    """The pages in order; empty for formats without pages."""
    outline: tuple[Heading, ...] = ()
    """The headings in order."""
    media_type: str = "text/plain"


class Chunk(Value):
    """A contiguous piece of a document: ``text`` is exactly ``document.text[start:end]``.

    The chunks of a document tile it: sorted by ``index``, they follow each other without a gap or
    an overlap.
    """

    id: str
    document_id: str
    path: str
    """The document's path."""
    index: int
    """The chunk's number in its document, from 0."""
    start: int
    end: int
    text: str
    tokens: int
    """The estimated tokens of ``text`` (`minions.text.tokens`)."""
    page: int | None = None
    """The page on which the chunk starts, from 1; None for formats without pages."""
    headings: tuple[str, ...] = ()
    """The headings above the chunk, outermost first."""
    table_header: str | None = None
    """The header row of the table that the chunk continues, if that row is in an earlier chunk."""

    @model_validator(mode="after")
    def _spans_its_text(self) -> Self:
        if self.end - self.start != len(self.text):
            raise ValueError("a chunk's end minus its start must be the length of its text")
        return self


class Unreadable(Value):
    """A file that could not be read."""

    path: str
    reason: str
    """A short sentence for the user."""


class DocumentFacts(Value):
    """Facts about a document, without its text."""

    id: str
    path: str
    title: str
    tokens: int
    """The estimated tokens of the document's text."""
    chunks: int
    """The number of its chunks."""
    pages: int | None = None
    """The number of its pages; None for formats without pages."""
    outline: tuple[Heading, ...] = ()


class CorpusCard(Value):
    """The planner's view of the corpus: sizes and, where the policy allows, names."""

    documents: int
    """The number of documents."""
    tokens: int
    """The estimated tokens of all documents."""
    pages: int
    """The number of pages, of the documents that have any."""
    text: str
    """A table of contents within a token budget, with the names that the policy allows."""
