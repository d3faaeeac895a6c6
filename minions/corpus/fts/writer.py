"""Documents and their chunks into the index's tables, many at a time."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.corpus.fts.rows import join_heads
from minions.corpus.fts.schema import ROWS_PER_QUERY, writing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from minions.corpus.discover import FoundFile
    from minions.values.documents import Chunk, Document

_ORPHANS: Final = "SELECT pk FROM documents WHERE pk NOT IN (SELECT document FROM files)"
_ORPHAN_CHUNKS: Final = (
    "SELECT c.pk, c.heads, c.text FROM documents d JOIN chunks c "  # noqa: S608 - constants
    f"ON c.pk >= d.first_chunk AND c.pk < d.first_chunk + d.chunks WHERE d.pk IN ({_ORPHANS})"
)


class FileRead(NamedTuple):
    """A file that was opened: with the document and its chunks, or None where the index has that content already."""

    path: str
    file: FoundFile
    id: str
    document: Document | None = None
    chunks: tuple[Chunk, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What decides the text: the content, and the suffix, for which a reader is chosen."""
        return self.id, suffix_of(self.path)


class Writer:
    """Writes for one recipe (versions of reader and chunker, and chunk size)."""

    def __init__(self, connection: sqlite3.Connection, recipe: str) -> None:
        self._connection, self._recipe = connection, recipe

    def row(self, id_: str, path: str) -> int | None:
        """The row of the document with this content under this path's suffix."""
        return self._rows([id_]).get((id_, suffix_of(path)))

    def write(self, batch: Sequence[FileRead], read_again: Callable[[FileRead], FileRead]) -> None:
        """Write files, and those of their documents that are new, in one transaction.

        ``read_again`` reads a file whose content was known when it was hashed, and which another process has dropped.
        """
        with writing(self._connection):
            rows = self._rows([read.id for read in batch])
            keys = [read.key for read in batch]
            fresh = {key: read for key, read in zip(keys, batch, strict=True) if key not in rows}
            whole = {
                key: read if read.document else read_again(read) for key, read in fresh.items()
            }
            rows |= self._insert(whole)
            self._connection.executemany(
                "INSERT OR REPLACE INTO files (path, size, mtime_ns, document) VALUES (?, ?, ?, ?)",
                [
                    (read.path, read.file.size, read.file.mtime_ns, rows[key])
                    for key, read in zip(keys, batch, strict=True)
                ],
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
        rows: dict[tuple[str, str], int] = {}
        for at in range(0, len(ids), ROWS_PER_QUERY):
            some = ids[at : at + ROWS_PER_QUERY]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT id, suffix, pk FROM documents WHERE id IN ({marks}) AND recipe = ?"  # noqa: S608
            rows.update(
                ((id_, suffix), row)
                for id_, suffix, row in self._connection.execute(sql, (*some, self._recipe))
            )
        return rows

    def _insert(self, batch: Mapping[tuple[str, str], FileRead]) -> dict[tuple[str, str], int]:
        document_row, chunk_row = self._next_document(), self._next_chunk()
        documents: list[tuple[object, ...]] = []
        chunks: list[tuple[object, ...]] = []
        for row, (key, read) in enumerate(batch.items(), start=document_row):
            first = chunk_row + len(chunks)
            chunks.extend(_chunk_rows(read, row, first))
            documents.append(_document_row(read, (row, *key, self._recipe), first))
        insert = self._connection.executemany
        insert("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", documents)
        insert("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", chunks)
        self._connection.execute(
            "INSERT INTO words (rowid, heads, text) SELECT pk, heads, text FROM chunks WHERE pk >= ?",
            (chunk_row,),
        )
        return {key: row for row, key in enumerate(batch, start=document_row)}

    def _next_document(self) -> int:
        """A row that no document has or had."""
        found = self._connection.execute(
            "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'documents'"
        ).fetchone()
        return int(found[0]) if found else 1

    def _next_chunk(self) -> int:
        return int(
            self._connection.execute("SELECT coalesce(max(pk), 0) + 1 FROM chunks").fetchone()[0]
        )


def suffix_of(path: str) -> str:
    """A path's suffix in lower case, with its dot; a name's leading dot begins none.

    Written out, because a Path for each of 100,000 files takes longer than inserting them.
    """
    name = path[max(path.rfind("/"), path.rfind(os.sep)) + 1 :]
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def _document_row(read: FileRead, key: tuple[object, ...], first_chunk: int) -> tuple[object, ...]:
    document = read.document
    if document is None:
        raise ValueError("a file that was only hashed has no document")
    title = None if document.title == os.path.basename(read.path) else document.title  # noqa: PTH119 - see suffix_of
    heads = (
        [(head.level, head.start, head.text) for head in document.outline]
        if document.outline
        else None
    )
    tokens = sum([chunk.tokens for chunk in read.chunks])
    pages = json.dumps([page.start for page in document.pages]) if document.pages else None
    return (
        *key,
        title,
        tokens,
        len(read.chunks),
        first_chunk,
        pages,
        json.dumps(heads) if heads else "[]",
    )


def _chunk_rows(read: FileRead, document: int, first: int) -> Iterator[tuple[object, ...]]:
    title = read.document.title if read.document else ""
    for row, chunk in enumerate(read.chunks, start=first):
        heads = join_heads(title, chunk.headings)
        yield (
            row,
            document,
            chunk.index,
            chunk.start,
            chunk.tokens,
            chunk.page,
            heads,
            chunk.table_header,
            chunk.text,
        )
