"""The documents of one run, as the index holds them."""

from __future__ import annotations

import json
from bisect import bisect_right
from pathlib import PurePath
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.schema import ROWS_PER_QUERY, translated
from minions.corpus.search import SearchHit, fuse, match_expression
from minions.documents import Chunk, DocumentFacts, Heading, Unreadable
from minions.errors import CorpusError, StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

HEADS_WEIGHT: Final = 2.0  # of title and headings against the text; docs/experiments.md
_SEPARATOR: Final = "\x1f"
_FUSED_PER_PHRASE: Final = 4
_COLUMNS: Final = "c.pk, c.document, c.position, c.start, c.tokens, c.page, c.heads, c.table_header, c.text"
_SNIPPET_WORDS: Final = 24
_CHUNKS_PER_QUERY: Final = 64


class LocalCorpus:
    """Implements `minions.ports.Corpus` over a snapshot of an index, for one run's files.

    What other runs index or drop meanwhile does not change it. Files with the same content are one document, under the
    path that comes first. It ends with its index; its methods raise StoreError then, and for trouble with the index.
    """

    def __init__(
        self,
        index: Path,
        snapshot: sqlite3.Connection,
        places: Sequence[tuple[int, str]],
        unreadable: Sequence[Unreadable],
    ) -> None:
        """``snapshot``: a connection of its own, see `open_snapshot`, closed by ``close``. ``places``: row of the
        document and path, in the order of the run.
        """
        self._index, self._snapshot, self._lock = index, snapshot, RLock()
        self._unreadable = tuple(unreadable)
        self._rows: dict[int, DocumentFacts] = _load_facts(snapshot, places)
        self._row_of = {facts.id: row for row, facts in self._rows.items()}
        self._place = {row: place for place, row in enumerate(self._rows)}
        self._documents = tuple(self._rows.values())
        self._is_whole = snapshot.execute("SELECT count(*) FROM documents").fetchone()[0] == len(self._rows)
        self._scope: frozenset[int] | None = None

    def close(self) -> None:
        """Let the snapshot go. May be called twice."""
        with self._lock:
            self._snapshot.close()

    @property
    def documents(self) -> Sequence[DocumentFacts]:
        """Every document, in the order of the paths."""
        return self._documents

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """The files that could not be read, and why."""
        return self._unreadable

    def search(self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int) -> list[Chunk]:
        """The best chunks for any of the phrases, best first: BM25 for each, fused by reciprocal rank."""
        rankings = [
            [row for row, _ in self._match(match_expression(phrase), documents, limit * _FUSED_PER_PHRASE)]
            for phrase in dict.fromkeys(phrases)
        ]
        return self._load(fuse(rankings, limit))

    def search_scored(self, query: str, *, limit: int) -> list[SearchHit]:
        """The best chunks for one query as `match_expression` reads it, with score and snippet."""
        expression = match_expression(query)
        scores = dict(self._match(expression, None, limit))
        return [
            SearchHit(chunk=chunk, score=round(score, 4), snippet=self._snippet(expression, row))
            for (row, score), chunk in zip(scores.items(), self._load(list(scores)), strict=True)
        ]

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterator[Chunk]:
        """Every chunk in scope, by document and place; read as they are asked for."""
        rows = list(self._rows) if documents is None else sorted(self._known(documents), key=self._place.__getitem__)
        for row in rows:
            yield from self._chunks_of(row)

    def page_at(self, document_id: str, offset: int) -> int | None:
        """The number of the page that holds a character offset; None for formats without pages. Raises CorpusError
        for a document that is not in the corpus.
        """
        stored = self._query("SELECT pages FROM documents WHERE pk = ?", (self._row(document_id),))[0][0]
        return bisect_right(json.loads(stored), offset) if stored else None

    def text(self, document_id: str) -> str:
        """A document's whole extracted text. Raises CorpusError for a document that is not in the corpus."""
        return "".join(chunk.text for chunk in self._chunks_of(self._row(document_id)))

    def _row(self, document_id: str) -> int:
        row = self._row_of.get(document_id)
        if row is None:
            raise CorpusError(
                f"document {document_id} is not among the documents of this run", hint="`minions ask` with its path"
            )
        return row

    def _known(self, documents: Collection[str]) -> frozenset[int]:
        return frozenset(self._row_of[id_] for id_ in documents if id_ in self._row_of)

    def _chunks_of(self, row: int) -> Iterator[Chunk]:
        sql = (
            f"SELECT {_COLUMNS} FROM chunks c WHERE c.document = ? AND c.position >= ? "  # noqa: S608 - constants
            "ORDER BY c.position LIMIT ?"
        )
        first, size = 0, 1
        while first < self._rows[row].chunks:
            yield from map(self._chunk, self._query(sql, (row, first, size)))
            # Who wants the first chunk of each document pays for one, who wants all for few queries.
            first, size = first + size, min(2 * size, _CHUNKS_PER_QUERY)

    def _match(self, expression: str, documents: Collection[str] | None, limit: int) -> list[tuple[int, float]]:
        """Rows of chunks and their scores, best first."""
        if not expression or limit < 1:
            return []
        with self._lock:
            join = self._restrict(documents)
            sql = (
                f"SELECT words.rowid, -bm25(words, {HEADS_WEIGHT}, 1.0) AS score FROM words {join} "  # noqa: S608 - constants
                "WHERE words MATCH ? ORDER BY score DESC, words.rowid LIMIT ?"
            )
            return [(int(row), float(score)) for row, score in self._query(sql, (expression, limit))]

    def _restrict(self, documents: Collection[str] | None) -> str:
        """The join that keeps a search to its documents; a table in memory holds their chunks while they stay."""
        if documents is None:
            if self._is_whole:
                return ""
            rows = frozenset(self._rows)
        else:
            rows = self._known(documents)
        if rows != self._scope:
            self._scope = None
            self._fill_scope(rows)
            self._scope = rows
        return "JOIN temp.scope ON scope.pk = words.rowid"

    def _fill_scope(self, rows: frozenset[int]) -> None:
        self._query("CREATE TEMP TABLE IF NOT EXISTS scope (pk INTEGER PRIMARY KEY)")
        self._query("DELETE FROM temp.scope")
        for row in sorted(rows):
            self._query("INSERT INTO temp.scope SELECT pk FROM chunks WHERE document = ?", (row,))

    def _load(self, rows: Sequence[int]) -> list[Chunk]:
        sql = f"SELECT {_COLUMNS} FROM chunks c WHERE c.pk = ?"  # noqa: S608 - constants
        found = (self._query(sql, (row,)) for row in rows)
        return [self._chunk(matches[0]) for matches in found if matches]

    def _snippet(self, expression: str, row: int) -> str:
        sql = "SELECT snippet(words, 1, '[', ']', '…', ?) FROM words WHERE words MATCH ? AND rowid = ?"
        found = self._query(sql, (_SNIPPET_WORDS, expression, row))
        return " ".join(str(found[0][0]).split()) if found else ""

    def _chunk(self, columns: tuple[Any, ...]) -> Chunk:
        _, document, position, start, tokens, page, heads, header, text = columns
        facts = self._rows[document]
        return Chunk(
            id=f"{facts.id}:{position}",
            document_id=facts.id,
            path=facts.path,
            index=position,
            start=start,
            end=start + len(text),
            text=text,
            tokens=tokens,
            page=page,
            headings=tuple(heads.split(_SEPARATOR)[1:]),
            table_header=header,
        )

    def _query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, translated(self._index):
            found = self._snapshot.execute(sql, values).fetchall()
            if not self._snapshot.in_transaction:  # after it, row numbers may mean other documents
                raise StoreError(f"the index at {self._index} lost its snapshot", hint="ask again")
            return found


def join_heads(title: str, headings: Sequence[str]) -> str:
    """Title and headings as the index stores and searches them."""
    if not headings and _SEPARATOR not in title:
        return title
    return _SEPARATOR.join(part.replace(_SEPARATOR, " ") for part in (title, *headings))


def _load_facts(connection: sqlite3.Connection, places: Sequence[tuple[int, str]]) -> dict[int, DocumentFacts]:
    stored: dict[int, tuple[Any, ...]] = {}
    wanted = list(dict.fromkeys(row for row, _ in places))
    for at in range(0, len(wanted), ROWS_PER_QUERY):
        some = wanted[at : at + ROWS_PER_QUERY]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT pk, id, title, tokens, chunks, pages, outline FROM documents WHERE pk IN ({marks})"  # noqa: S608
        stored.update((row, columns) for row, *columns in connection.execute(sql, some))
    rows: dict[int, DocumentFacts] = {}
    seen: set[str] = set()
    for row, path in places:
        if row not in stored or stored[row][0] in seen:
            continue
        id_, title, tokens, chunks, pages, outline = stored[row]
        seen.add(id_)
        rows[row] = DocumentFacts(
            id=id_,
            path=path,
            title=title or PurePath(path).name,
            tokens=tokens,
            chunks=chunks,
            pages=len(json.loads(pages)) if pages else None,
            outline=_outline(outline) if outline != "[]" else (),
        )
    return rows


def _outline(stored: str) -> tuple[Heading, ...]:
    return tuple(Heading(level=level, start=start, text=text) for level, start, text in json.loads(stored))
