"""The port through which everything above the corpus reads the documents of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from minions.corpus.contents import Contents
    from minions.values.documents import Chunk, DocumentFacts, Unreadable


class Corpus(Protocol):
    """The indexed documents of one run.

    Where a method takes ``documents``, it is the scope: the ids of the documents to look at, or
    None for all of them. Ids that are not in the corpus are ignored there.
    """

    @property
    def documents(self) -> Sequence[DocumentFacts]:
        """The facts of every document, in the order in which the files were found."""
        ...

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """The files that could not be read, each with the reason."""
        ...

    @property
    def contents(self) -> Contents:
        """Totals, names and selections over all documents; the same object every time."""
        ...

    def search(
        self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int
    ) -> list[Chunk]:
        """At most ``limit`` chunks in scope that match any of the phrases, best first."""
        ...

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterable[Chunk]:
        """Every chunk in scope, document by document, in the order of the text."""
        ...

    def page_at(self, document_id: str, offset: int) -> int | None:
        """The number of the page that holds a character offset; None for formats without pages.

        Raises CorpusError for a document that is not in the corpus.
        """
        ...

    def text(self, document_id: str) -> str:
        """A document's whole extracted text.

        Raises CorpusError for a document that is not in the corpus.
        """
        ...
