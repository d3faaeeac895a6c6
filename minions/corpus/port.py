"""The documents of one run, indexed: the port that everything above the corpus reads through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from minions.corpus.contents import Contents
    from minions.values.documents import Chunk, DocumentFacts, Unreadable


class Corpus(Protocol):
    """The documents of one run, indexed."""

    @property
    def documents(self) -> Sequence[DocumentFacts]: ...  # noqa: D102

    @property
    def unreadable(self) -> Sequence[Unreadable]: ...  # noqa: D102

    @property
    def contents(self) -> Contents:
        """What is known of all documents together, worked out once: the same object every time."""
        ...

    def search(
        self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int
    ) -> list[Chunk]:
        """The best chunks for any of the phrases, best first, within the documents with these ids (None: all)."""
        ...

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterable[Chunk]:
        """Every chunk in scope, by document and place."""
        ...

    def page_at(self, document_id: str, offset: int) -> int | None:
        """The number of the page that holds a character offset; None for formats without pages."""
        ...

    def text(self, document_id: str) -> str:
        """A document's whole extracted text."""
        ...
