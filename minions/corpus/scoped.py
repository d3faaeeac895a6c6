"""Some documents of an open corpus as a corpus of their own: the scope of one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from minions.corpus.contents import Contents
    from minions.corpus.port import Corpus
    from minions.values.documents import Chunk, DocumentFacts, Unreadable


class ScopedCorpus:
    """Implements `minions.corpus.port.Corpus` over the documents with these ids.

    Ids that the corpus does not hold are ignored. The costs depend on the number of ids, not on the
    size of the corpus. All unreadable files of the corpus are listed, since any of them may have
    belonged to the scope.
    """

    def __init__(self, corpus: Corpus, ids: Collection[str]) -> None:
        self._corpus = corpus
        self._contents = corpus.contents.of(frozenset(ids))
        self._ids = frozenset(self._contents.columns.ids)

    @property
    def documents(self) -> Sequence[DocumentFacts]:
        """The documents in scope, in the order of the corpus."""
        return self._contents.documents

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """The files of the whole corpus that could not be read."""
        return self._corpus.unreadable

    @property
    def contents(self) -> Contents:
        """Totals, names and selections over the documents in scope alone."""
        return self._contents

    def search(
        self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int
    ) -> list[Chunk]:
        """The best chunks in scope for any of the phrases, best first."""
        return self._corpus.search(phrases, documents=self._within(documents), limit=limit)

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterable[Chunk]:
        """Every chunk in scope, document by document, in the order of the text."""
        return self._corpus.chunks(documents=self._within(documents))

    def page_at(self, document_id: str, offset: int) -> int | None:
        """The number of the page that holds a character offset; None for formats without pages.

        Raises CorpusError for a document out of scope.
        """
        return self._corpus.page_at(self._known(document_id), offset)

    def text(self, document_id: str) -> str:
        """A document's whole extracted text. Raises CorpusError for a document out of scope."""
        return self._corpus.text(self._known(document_id))

    def _within(self, documents: Collection[str] | None) -> frozenset[str]:
        if documents is None:
            return self._ids
        return self._ids.intersection(documents)

    def _known(self, document_id: str) -> str:
        if document_id not in self._ids:
            raise CorpusError(
                f"document {document_id} is not among the documents of this question",
                hint="name it among the question's documents",
            )
        return document_id
