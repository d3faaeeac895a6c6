"""The documents of one run, as the index holds them."""

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
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from minions.corpus.fts.query import Terms
    from minions.corpus.fts.rows import Shelf
    from minions.values.documents import DocumentFacts, Unreadable

_FUSED_PER_PHRASE: Final = 4
_COLUMNS: Final = (
    "d.id, c.position, c.start, c.tokens, c.page, c.heads, c.table_header, c.text "
    "FROM chunks c JOIN documents d ON d.pk = c.document"
)
_SNIPPET_WORDS: Final = 24
_CHUNKS_PER_QUERY: Final = 64
_SCOPES_KEPT: Final = 16  # each may hold a range for most documents


class LocalCorpus:
    """Implements `minions.corpus.port.Corpus` over a snapshot of an index, for one run's files.

    What other runs index or drop meanwhile does not change it. Files with the same content are one document, under the
    path that comes first. It ends with its index; its methods raise StoreError then, and for trouble with the index.
    """

    def __init__(
        self,
        index: Path,
        snapshot: sqlite3.Connection,
        shelf: Shelf,
        unreadable: Sequence[Unreadable],
    ) -> None:
        """``snapshot``: a connection of its own, see `open_snapshot`, closed by ``close``. ``shelf``: its documents."""
        self._index, self._snapshot, self._lock = index, snapshot, RLock()
        self._unreadable = tuple(unreadable)
        self._shelf, self._documents = shelf, StoredDocuments(shelf, self._query)
        self._contents = Contents(self._documents, shelf.columns)
        held, last = self._query(
            "SELECT (SELECT count(*) FROM documents), (SELECT coalesce(max(pk), 0) FROM chunks)"
        )[0]
        self._is_whole = held == len(shelf.rows)
        self._matcher = Matcher(snapshot, self._query, chunks=last)
        self._scopes: OrderedDict[frozenset[str] | None, Scope | None] = OrderedDict()

    def close(self) -> None:
        """Let the snapshot go. May be called twice."""
        with self._lock:
            self._snapshot.close()

    @property
    def documents(self) -> Sequence[DocumentFacts]:
        """Every document, in the order of the paths."""
        return self._documents

    @property
    def contents(self) -> Contents:
        """What is known of all documents together."""
        return self._contents

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """The files that could not be read, and why."""
        return self._unreadable

    def search(
        self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int
    ) -> list[Chunk]:
        """The best chunks for any of the phrases, best first: BM25 for each, fused by `fuse`."""
        rankings = [
            self._match(match_terms(phrase), documents, limit * _FUSED_PER_PHRASE)
            for phrase in dict.fromkeys(phrases)
        ]
        return self._load(fuse(rankings, limit))

    def search_scored(self, query: str, *, limit: int) -> list[SearchHit]:
        """The best chunks for one query as `match_expression` reads it, with score and snippet."""
        scores = dict(self._match(match_terms(query), None, limit))
        expression = match_expression(query)
        return [
            SearchHit(chunk=chunk, score=round(score, 4), snippet=self._snippet(expression, row))
            for (row, score), chunk in zip(scores.items(), self._load(list(scores)), strict=True)
        ]

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterator[Chunk]:
        """Every chunk in scope, by document and place; read as they are asked for."""
        for id_ in self._contents.in_order(documents):
            yield from self._chunks_of(self._contents.places[id_])

    def page_at(self, document_id: str, offset: int) -> int | None:
        """The number of the page that holds a character offset; None for formats without pages. Raises CorpusError
        for a document that is not in the corpus.
        """
        row = self._shelf.rows[self._place(document_id)]
        stored = self._query("SELECT pages FROM documents WHERE pk = ?", (row,))[0][0]
        return bisect_right(json.loads(stored), offset) if stored else None

    def text(self, document_id: str) -> str:
        """A document's whole extracted text. Raises CorpusError for a document that is not in the corpus."""
        return "".join(chunk.text for chunk in self._chunks_of(self._place(document_id)))

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
        first, size = self._shelf.first_chunks[place], 1
        end = first + self._shelf.columns.chunks[place]
        while first < end:
            yield from map(self._chunk, self._query(sql, (first, min(first + size, end))))
            # Who wants the first chunk of each document pays for one, who wants all for few queries.
            first, size = first + size, min(2 * size, _CHUNKS_PER_QUERY)

    def _match(
        self, terms: Terms, documents: Collection[str] | None, limit: int
    ) -> list[tuple[int, float]]:
        """Rows of chunks and their scores, best first."""
        with self._lock:
            return self._matcher.best(terms, self._scope(documents), limit)

    def _scope(self, documents: Collection[str] | None) -> Scope | None:
        """The rows of the documents' chunks; None where these are all that the index has."""
        if documents is None and self._is_whole:
            return None
        key = None if documents is None else frozenset(documents)
        if key not in self._scopes:
            columns, places = self._shelf.columns, self._contents.places
            wanted = (
                range(len(columns.ids))
                if key is None
                else (places[id_] for id_ in key if id_ in places)
            )
            scope = Scope.of(
                (self._shelf.first_chunks[place], columns.chunks[place]) for place in wanted
            )
            self._scopes[key] = (
                None if self._is_whole and scope.rows == self._contents.chunks else scope
            )
            if len(self._scopes) > _SCOPES_KEPT:
                self._scopes.popitem(last=False)
        return self._scopes[key]

    def _load(self, rows: Sequence[int]) -> list[Chunk]:
        sql = f"SELECT {_COLUMNS} WHERE c.pk = ?"
        found = (self._query(sql, (row,)) for row in rows)
        return [self._chunk(matches[0]) for matches in found if matches]

    def _snippet(self, expression: str, row: int) -> str:
        sql = "SELECT snippet(words, 1, '[', ']', '…', ?) FROM words WHERE words MATCH ? AND rowid = ?"
        found = self._query(sql, (_SNIPPET_WORDS, expression, row))
        return " ".join(str(found[0][0]).split()) if found else ""

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
            if not self._snapshot.in_transaction:  # after it, row numbers may mean other documents
                raise StoreError(f"the index at {self._index} lost its snapshot", hint="ask again")
            return found
