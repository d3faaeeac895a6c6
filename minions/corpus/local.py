"""The corpus of a run over a snapshot of the local index."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.contents import Contents
from minions.corpus.fts.matcher import Matcher, Scope
from minions.corpus.fts.query import SearchHit, fuse, match_expression, match_terms
from minions.corpus.fts.rows import SEPARATOR, StoredDocuments
from minions.corpus.fts.schema import translated
from minions.errors import CorpusError, StoreError
from minions.values.documents import Chunk

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from minions.corpus.fts.query import Terms
    from minions.corpus.fts.rows import Shelf
    from minions.values.documents import DocumentFacts, Unreadable

_FUSED_PER_PHRASE: Final = 4
_COLUMNS: Final = (
    "d.id, c.position, c.start, c.tokens, c.page, c.heads, c.table_header, c.text "
    "FROM chunks c JOIN documents d ON d.pk = c.document"
)
_SNIPPET: Final = (
    "SELECT snippet(words, 1, '[', ']', '…', ?) FROM words WHERE words MATCH ? AND rowid = ?"
)
_SNIPPET_WORDS: Final = 24
_CHUNKS_PER_QUERY: Final = 64
_SCOPES_KEPT: Final = 16  # each may hold a range for most documents


class LocalCorpus:
    """Implements `minions.corpus.port.Corpus` over a snapshot of an index, for one run's files.

    The corpus does not change when other runs index or drop documents meanwhile. Files with the
    same content are one document, under the path that comes first. It lives as long as its index:
    after that, and where the index cannot be read, its methods raise StoreError.
    """

    def __init__(
        self,
        index: Path,
        snapshot: sqlite3.Connection,
        shelf: Shelf,
        unreadable: Sequence[Unreadable],
    ) -> None:
        """``index``: the index's file, for messages. ``snapshot``: a connection from
        `open_snapshot` that nobody else uses; ``close`` closes it. ``shelf``: the documents.
        """
        self._index = index
        self._snapshot = snapshot
        self._lock = RLock()
        self._unreadable = tuple(unreadable)
        self._shelf = shelf
        self._documents = StoredDocuments(shelf, self._query)
        self._contents = Contents(self._documents, shelf.columns)
        counts = (
            "SELECT (SELECT count(*) FROM documents), (SELECT coalesce(max(pk), 0) FROM chunks)"
        )
        indexed_documents, last_chunk = self._query(counts)[0]
        self._is_whole = indexed_documents == len(shelf.rows)
        self._matcher = Matcher(snapshot, self._query, chunks=last_chunk)
        self._scopes: OrderedDict[frozenset[str] | None, Scope | None] = OrderedDict()

    def close(self) -> None:
        """Close the snapshot. May be called twice."""
        with self._lock:
            self._snapshot.close()

    @property
    def documents(self) -> Sequence[DocumentFacts]:
        """The facts of every document, in the order in which the files were found."""
        return self._documents

    @property
    def contents(self) -> Contents:
        """Totals, names and selections over all documents."""
        return self._contents

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """The files that could not be read, each with the reason."""
        return self._unreadable

    def search(
        self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int
    ) -> list[Chunk]:
        """The best chunks in scope for any of the phrases, best first.

        Each phrase ranks chunks by BM25; `fuse` joins the rankings.
        """
        candidates = limit * _FUSED_PER_PHRASE
        rankings = [
            self._match(match_terms(phrase), documents, candidates)
            for phrase in dict.fromkeys(phrases)
        ]
        return self._load(fuse(rankings, limit))

    def search_scored(self, query: str, *, limit: int) -> list[SearchHit]:
        """The best chunks for one query as `match_expression` reads it, with score and snippet."""
        scores = dict(self._match(match_terms(query), None, limit))
        chunks = self._load(list(scores))
        expression = match_expression(query)
        hits: list[SearchHit] = []
        for (row, score), chunk in zip(scores.items(), chunks, strict=True):
            found = self._query(_SNIPPET, (_SNIPPET_WORDS, expression, row))
            snippet = ""
            if found:
                snippet = " ".join(str(found[0][0]).split())
            hits.append(SearchHit(chunk=chunk, score=round(score, 4), snippet=snippet))
        return hits

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterator[Chunk]:
        """Every chunk in scope, document by document; read from the index while iterating."""
        for id_ in self._contents.in_order(documents):
            yield from self._chunks_of(self._contents.places[id_])

    def page_at(self, document_id: str, offset: int) -> int | None:
        """The number of the page that holds a character offset; None for formats without pages.

        Raises CorpusError for a document that is not in the corpus.
        """
        row = self._shelf.rows[self._place(document_id)]
        page_starts = self._query("SELECT pages FROM documents WHERE pk = ?", (row,))[0][0]
        if not page_starts:
            return None
        return bisect_right(json.loads(page_starts), offset)

    def text(self, document_id: str) -> str:
        """A document's whole extracted text.

        Raises CorpusError for a document that is not in the corpus.
        """
        return "".join([chunk.text for chunk in self._chunks_of(self._place(document_id))])

    def _place(self, document_id: str) -> int:
        place = self._contents.places.get(document_id)
        if place is None:
            raise CorpusError(
                f"document {document_id} is not among the documents of this run",
                hint="`minions ask` with its path",
            )
        return place

    def _chunks_of(self, place: int) -> Iterator[Chunk]:
        sql = f"SELECT {_COLUMNS} WHERE c.pk >= ? AND c.pk < ? ORDER BY c.pk"
        first = self._shelf.first_chunks[place]
        end = first + self._shelf.columns.chunks[place]
        size = 1
        while first < end:
            for columns in self._query(sql, (first, min(first + size, end))):
                yield self._chunk(columns)
            # The batches double: the first chunk of each document is cheap, and all need few
            # queries.
            first += size
            size = min(2 * size, _CHUNKS_PER_QUERY)

    def _match(
        self, terms: Terms, documents: Collection[str] | None, limit: int
    ) -> list[tuple[int, float]]:
        """The rows and scores of matching chunks, best first."""
        with self._lock:
            return self._matcher.best(terms, self._scope(documents), limit)

    def _scope(self, documents: Collection[str] | None) -> Scope | None:
        """The rows of the documents' chunks; None where these are all chunks of the index."""
        if documents is None and self._is_whole:
            return None
        key = None if documents is None else frozenset(documents)
        if key in self._scopes:
            return self._scopes[key]
        columns = self._shelf.columns
        wanted: Iterable[int] = range(len(columns.ids))
        if key is not None:
            places = self._contents.places
            wanted = [places[id_] for id_ in key if id_ in places]
        spans = [(self._shelf.first_chunks[place], columns.chunks[place]) for place in wanted]
        scope = Scope.of(spans)
        covers_index = self._is_whole and scope.rows == self._contents.chunks
        self._scopes[key] = None if covers_index else scope
        if len(self._scopes) > _SCOPES_KEPT:
            self._scopes.popitem(last=False)
        return self._scopes[key]

    def _load(self, rows: Sequence[int]) -> list[Chunk]:
        """The chunks in these rows of the index; rows without a chunk are left out."""
        sql = f"SELECT {_COLUMNS} WHERE c.pk = ?"
        chunks: list[Chunk] = []
        for row in rows:
            found = self._query(sql, (row,))
            if found:
                chunks.append(self._chunk(found[0]))
        return chunks

    def _chunk(self, columns: tuple[Any, ...]) -> Chunk:
        id_, position, start, tokens, page, heads, header, text = columns
        return Chunk(
            id=f"{id_}:{position}",
            document_id=id_,
            path=self._shelf.columns.paths[self._contents.places[id_]],
            index=position,
            start=start,
            end=start + len(text),
            text=text,
            tokens=tokens,
            page=page,
            headings=tuple(heads.split(SEPARATOR)[1:]),
            table_header=header,
        )

    def _query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, translated(self._index):
            found = self._snapshot.execute(sql, values).fetchall()
            if not self._snapshot.in_transaction:
                # Outside of the snapshot's transaction, row numbers may mean other documents.
                raise StoreError(f"the index at {self._index} lost its snapshot", hint="ask again")
            return found
