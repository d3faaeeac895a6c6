"""Writing of documents and their chunks to the index's tables, many at a time."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.corpus.fts.rows import join_heads
from minions.corpus.fts.schema import ROWS_PER_QUERY, writing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from minions.corpus.discover import FoundFile
    from minions.values.documents import Chunk, Document

_ORPHANS: Final = "SELECT pk FROM documents WHERE pk NOT IN (SELECT document FROM files)"
_ORPHAN_CHUNKS: Final = (
    "SELECT c.pk, c.heads, c.text FROM documents d JOIN chunks c "  # noqa: S608 - constants
    f"ON c.pk >= d.first_chunk AND c.pk < d.first_chunk + d.chunks WHERE d.pk IN ({_ORPHANS})"
)


class FileRead(NamedTuple):
    """A file that was opened; ``document`` is None where the index has its content already."""

    path: str
    file: FoundFile
    id: str
    document: Document | None = None
    chunks: tuple[Chunk, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """The document's key: the content's id, and the suffix, by which its reader is chosen."""
        return self.id, suffix_of(self.path)


class Writer:
    """Writes documents made by one recipe: versions of reader and chunker, and chunk size."""

    def __init__(self, connection: sqlite3.Connection, recipe: str) -> None:
        self._connection = connection
        self._recipe = recipe

    def row(self, id_: str, path: str) -> int | None:
        """The row of the document with this content and this path's suffix; None if missing."""
        return self._rows([id_]).get((id_, suffix_of(path)))

    def write(self, batch: Sequence[FileRead], read_again: Callable[[FileRead], FileRead]) -> None:
        """Write files, and their documents where the index lacks them, in one transaction.

        ``read_again`` reads a file that was only hashed, because its content was in the index then,
        and whose document another process has dropped meanwhile.
        """
        with writing(self._connection):
            rows = self._rows([read.id for read in batch])
            missing: dict[tuple[str, str], FileRead] = {}
            for read in batch:
                if read.key not in rows:
                    missing[read.key] = read
            for key, read in missing.items():
                if read.document is None:
                    missing[key] = read_again(read)
            rows |= self._insert(missing)
            files = [
                (read.path, read.file.size, read.file.mtime_ns, rows[read.key]) for read in batch
            ]
            self._connection.executemany(
                "INSERT OR REPLACE INTO files (path, size, mtime_ns, document) VALUES (?, ?, ?, ?)",
                files,
            )

    def forget(self, paths: set[str]) -> None:
        """Drop files, and the documents that no file holds any more."""
        with writing(self._connection):
            execute = self._connection.execute
            self._connection.executemany(
                "DELETE FROM files WHERE path = ?", [(path,) for path in paths]
            )
            execute(
                "INSERT INTO words (words, rowid, heads, text) "  # noqa: S608 - constants
                f"SELECT 'delete', * FROM ({_ORPHAN_CHUNKS})"
            )
            execute(f"DELETE FROM chunks WHERE pk IN (SELECT pk FROM ({_ORPHAN_CHUNKS}))")  # noqa: S608 - constants
            execute(f"DELETE FROM documents WHERE pk IN ({_ORPHANS})")  # noqa: S608 - constants

    def _rows(self, ids: Sequence[str]) -> dict[tuple[str, str], int]:
        """The rows of the documents with these ids, by `FileRead.key`."""
        rows: dict[tuple[str, str], int] = {}
        for at in range(0, len(ids), ROWS_PER_QUERY):
            some = ids[at : at + ROWS_PER_QUERY]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT id, suffix, pk FROM documents WHERE id IN ({marks}) AND recipe = ?"  # noqa: S608
            for id_, suffix, row in self._connection.execute(sql, (*some, self._recipe)):
                rows[id_, suffix] = row
        return rows

    def _insert(self, batch: Mapping[tuple[str, str], FileRead]) -> dict[tuple[str, str], int]:
        """Insert documents with their chunks; return the documents' rows."""
        connection = self._connection
        # A document's row is one that no document has or had.
        last = connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'documents'"
        ).fetchone()
        document_row = int(last[0]) + 1 if last else 1
        (last_chunk,) = connection.execute("SELECT coalesce(max(pk), 0) FROM chunks").fetchone()
        first_row = int(last_chunk) + 1
        rows: dict[tuple[str, str], int] = {}
        documents: list[tuple[object, ...]] = []
        chunks: list[tuple[object, ...]] = []
        for row, (key, read) in enumerate(batch.items(), start=document_row):
            rows[key] = row
            first = first_row + len(chunks)
            documents.append((row, *key, self._recipe, *_facts(read, first)))
            title = read.document.title if read.document else ""
            for number, chunk in enumerate(read.chunks, start=first):
                heads = join_heads(title, chunk.headings)
                place = (chunk.index, chunk.start, chunk.tokens, chunk.page)
                chunks.append((number, row, *place, heads, chunk.table_header, chunk.text))
        connection.executemany(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", documents
        )
        connection.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", chunks)
        connection.execute(
            "INSERT INTO words (rowid, heads, text) "
            "SELECT pk, heads, text FROM chunks WHERE pk >= ?",
            (first_row,),
        )
        return rows


def suffix_of(path: str) -> str:
    """A path's suffix in lower case, with its dot; a name's leading dot begins no suffix.

    Computed by hand: a Path for each of 100,000 files takes longer than inserting them.
    """
    name = path[max(path.rfind("/"), path.rfind(os.sep)) + 1 :]
    dot = name.rfind(".")
    if dot <= 0:
        return ""
    return name[dot:].lower()


def _facts(read: FileRead, first_chunk: int) -> tuple[object, ...]:
    """The columns of a document from ``title`` on. Raises ValueError if there is no document."""
    document = read.document
    if document is None:
        raise ValueError("a file that was only hashed has no document")
    title: str | None = document.title
    if title == os.path.basename(read.path):  # noqa: PTH119 - see suffix_of
        title = None
    tokens = sum([chunk.tokens for chunk in read.chunks])
    pages = None
    if document.pages:
        pages = json.dumps([page.start for page in document.pages])
    outline = [(head.level, head.start, head.text) for head in document.outline]
    return title, tokens, len(read.chunks), first_chunk, pages, json.dumps(outline)
