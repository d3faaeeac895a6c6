"""The index: files to chunks in SQLite, kept up to date file by file. It is a cache: nothing is lost with it."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import structlog

from minions.corpus.chunking import CHUNKER_VERSION, DEFAULT_CHUNK_TOKENS, chunk_document
from minions.corpus.discover import FoundFile, discover
from minions.corpus.local import LocalCorpus, join_heads
from minions.corpus.readers import READER_VERSION, content_id_of, read_document
from minions.corpus.schema import is_corrupt, move_aside, open_database, translated, writing
from minions.documents import Document, Unreadable
from minions.errors import CorpusError, UnreadableError
from minions.events import IndexEvent
from minions.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from minions.documents import Chunk
    from minions.events import Observer

    Read = Callable[[Path], Document]

_BATCH_FILES: Final = 500
_BATCH_CHARS: Final = 8_000_000
_SHOWN_UNREADABLE: Final = 3
_log = structlog.get_logger()


class IndexReport(Value):
    """What an update found and did. Counts of files: ``files`` = ``added`` + ``updated`` + ``unchanged``; of the
    corpus: ``documents`` (files of the same content are one), ``chunks``, estimated ``tokens``; ``removed`` are gone.
    """

    files: int
    documents: int
    chunks: int
    tokens: int
    added: int
    updated: int
    unchanged: int
    removed: int
    unreadable: tuple[Unreadable, ...] = ()


class _Known(NamedTuple):
    size: int
    mtime_ns: int
    row: int
    id: str
    recipe: str


class _Read(NamedTuple):
    """A file that was opened: with the document and its chunks, or None where the index has that content already."""

    path: str
    file: FoundFile
    id: str
    document: Document | None = None
    chunks: tuple[Chunk, ...] = ()


class Index:
    """An open index; use it as a context manager. One process writes at a time, others wait for their turn."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = RLock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the index at ``path``, creating it and its folder if need be. Raises StoreError."""
        return cls(path, open_database(path))

    def close(self) -> None:
        """Close the file; a corpus over this index ends with it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def update(
        self,
        paths: Sequence[Path | str],
        *,
        chunk_tokens: int = DEFAULT_CHUNK_TOKENS,
        observe: Observer | None = None,
        read: Read = read_document,
    ) -> tuple[LocalCorpus, IndexReport]:
        """Bring the index up to date with the files under ``paths``, and return them as a corpus.

        Files of the same size and time of change are not opened; known content is not chunked again; files that are
        gone leave the index. Raises CorpusError when nothing is readable, StoreError for trouble with the index.
        """
        update = (self, paths, chunk_tokens, observe or _ignore, read)
        with self._lock, translated(self.path):
            try:
                return _Update(*update).run()
            except sqlite3.DatabaseError as error:
                if not is_corrupt(error):
                    raise
            self.close()
            move_aside(self.path)
            self._connection = open_database(self.path)
            return _Update(*update).run()


class _Update:
    """One pass over the files. They are read outside of transactions and written in batches, to let others write."""

    def __init__(
        self, index: Index, paths: Sequence[Path | str], chunk_tokens: int, observe: Observer, read: Read
    ) -> None:
        self._index, self._connection = index, index._connection  # noqa: SLF001 - one class in two
        self._paths, self._chunk_tokens, self._observe, self._read = paths, chunk_tokens, observe, read
        self._recipe = f"{READER_VERSION}.{CHUNKER_VERSION}.{chunk_tokens}"
        self._unreadable: list[Unreadable] = []
        self._counts = dict.fromkeys(("added", "updated", "unchanged", "removed"), 0)
        self._batch: list[_Read] = []
        self._batch_chars = 0

    def run(self) -> tuple[LocalCorpus, IndexReport]:
        found = discover(self._paths)
        self._unreadable.extend(found.unreadable)
        files = {os.path.abspath(file.path): file for file in found.files}  # noqa: PTH100 - links are not followed
        known = self._known_files()
        refused = self._read_new(files, known)
        self._flush()
        self._forget(known.keys() - (files.keys() - refused))
        corpus = self._corpus(files)
        if not corpus.documents:
            raise self._nothing_readable()
        report = IndexReport(
            files=len(files) - len(refused),
            documents=len(corpus.documents),
            chunks=sum(facts.chunks for facts in corpus.documents),
            tokens=sum(facts.tokens for facts in corpus.documents),
            unreadable=tuple(self._unreadable),
            **self._counts,
        )
        _log.info("indexed", **report.model_dump(exclude={"unreadable"}), unreadable=len(report.unreadable))
        return corpus, report

    def _known_files(self) -> dict[str, _Known]:
        """What the index knows of the files under the paths."""
        sql = (
            "SELECT f.path, f.size, f.mtime_ns, f.document, d.id, d.recipe "
            "FROM files f JOIN documents d ON d.pk = f.document WHERE f.path = ? OR (f.path > ? AND f.path < ?)"
        )
        known: dict[str, _Known] = {}
        for path in self._paths:
            root = os.path.abspath(path)  # noqa: PTH100 - links are not followed
            below = root.rstrip(os.sep) + os.sep
            rows = self._connection.execute(sql, (root, below, below[:-1] + chr(ord(os.sep) + 1)))
            known.update((name, _Known(*rest)) for name, *rest in rows)
        return known

    def _read_new(self, files: dict[str, FoundFile], known: dict[str, _Known]) -> set[str]:
        """Read what is new or changed; the paths that cannot be read."""
        refused: set[str] = set()
        total = len(files)
        for done, (path, file) in enumerate(files.items()):
            old = known.get(path)
            current = old is not None and old.recipe == self._recipe
            if old is not None and current and (old.size, old.mtime_ns) == (file.size, file.mtime_ns):
                self._counts["unchanged"] += 1
                continue
            self._observe(IndexEvent(done=done, total=total, path=str(file.path)))
            try:
                read = self._read_file(path, file)
            except UnreadableError as error:
                self._unreadable.append(Unreadable(path=str(file.path), reason=error.reason))
                refused.add(path)
                continue
            same = old is not None and current and old.id == read.id
            self._counts["unchanged" if same else "updated" if old else "added"] += 1
            self._add(read)
        self._observe(IndexEvent(done=total, total=total))
        return refused

    def _read_file(self, path: str, file: FoundFile) -> _Read:
        """Open a file. Content that the index has, under this or another path, is hashed and not chunked again."""
        same_size = self._connection.execute("SELECT 1 FROM files WHERE size = ? LIMIT 1", (file.size,)).fetchone()
        if same_size and file.size and (id_ := content_id_of(file.path)) and self._row(id_, path) is not None:
            return _Read(path, file, id_)
        return self._read_whole(path, file)

    def _read_whole(self, path: str, file: FoundFile) -> _Read:
        document = self._read(file.path)
        try:
            document.text.encode()
        except UnicodeEncodeError:
            raise UnreadableError(str(file.path), "its text is not valid Unicode") from None
        chunks = chunk_document(document, max_tokens=self._chunk_tokens)
        if not chunks:
            raise UnreadableError(str(file.path), "no text in it")
        return _Read(path, file, document.id, document, tuple(chunks))

    def _add(self, read: _Read) -> None:
        self._batch.append(read)
        self._batch_chars += len(read.document.text) if read.document else 0
        if len(self._batch) >= _BATCH_FILES or self._batch_chars >= _BATCH_CHARS:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch, self._batch_chars = self._batch, [], 0
        if not batch:
            return
        with writing(self._connection):
            first = self._next_chunk()
            rows = [(read, self._row(read.id, read.path) or self._insert(read)) for read in batch]
            self._connection.execute(
                "INSERT INTO words (rowid, heads, text) SELECT pk, heads, text FROM chunks WHERE pk >= ?", (first,)
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO files (path, size, mtime_ns, document) VALUES (?, ?, ?, ?)",
                [(read.path, read.file.size, read.file.mtime_ns, row) for read, row in rows],
            )

    def _insert(self, read: _Read) -> int:
        """Insert a document and its chunks; the row of the document."""
        if read.document is None:  # another process dropped it since
            read = self._read_whole(read.path, read.file)
        document = read.document
        assert document is not None  # noqa: S101 - for the type checker
        title = document.title if document.title != Path(document.path).name else None
        outline = json.dumps([(head.level, head.start, head.text) for head in document.outline])
        inserted = self._connection.execute(
            "INSERT INTO documents (id, suffix, recipe, title, tokens, chunks, pages, outline) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                _suffix(read.path),
                self._recipe,
                title,
                sum(chunk.tokens for chunk in read.chunks),
                len(read.chunks),
                len(document.pages) or None,
                outline,
            ),
        )
        row = inserted.lastrowid or 0
        first = self._next_chunk()
        self._connection.executemany(
            "INSERT INTO chunks (pk, document, position, start, tokens, page, heads, table_header, text) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            _chunk_rows(read.chunks, row, first, document.title),
        )
        return row

    def _next_chunk(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(pk), 0) + 1 FROM chunks").fetchone()[0])

    def _row(self, id_: str, path: str) -> int | None:
        found = self._connection.execute(
            "SELECT pk FROM documents WHERE id = ? AND suffix = ? AND recipe = ?", (id_, _suffix(path), self._recipe)
        ).fetchone()
        return int(found[0]) if found else None

    def _forget(self, gone: set[str]) -> None:
        """Drop files, and the documents that no file holds any more."""
        orphans = "SELECT pk FROM documents d WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.document = d.pk)"
        self._counts["removed"] = len(gone)
        if not gone and self._connection.execute(orphans + " LIMIT 1").fetchone() is None:
            return
        chunks = f"SELECT pk, heads, text FROM chunks WHERE document IN ({orphans})"  # noqa: S608 - constants
        with writing(self._connection):
            self._connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])
            self._connection.execute(
                f"INSERT INTO words (words, rowid, heads, text) SELECT 'delete', pk, heads, text FROM ({chunks})"  # noqa: S608
            )
            self._connection.execute(f"DELETE FROM chunks WHERE document IN ({orphans})")  # noqa: S608 - constants
            self._connection.execute(f"DELETE FROM documents WHERE pk IN ({orphans})")  # noqa: S608 - constants

    def _corpus(self, files: dict[str, FoundFile]) -> LocalCorpus:
        rows = {path: known.row for path, known in self._known_files().items()}
        places = [(rows[path], str(file.path)) for path, file in files.items() if path in rows]
        return LocalCorpus(self._connection, self._index._lock, places, self._unreadable)  # noqa: SLF001 - one class in two

    def _nothing_readable(self) -> CorpusError:
        where = ", ".join(str(path) for path in self._paths)
        if not self._unreadable:
            return CorpusError(
                f"no files in {where}", hint="name a folder that holds documents, or the files themselves"
            )
        shown = "; ".join(f"{item.path}: {item.reason}" for item in self._unreadable[:_SHOWN_UNREADABLE])
        more = len(self._unreadable) - _SHOWN_UNREADABLE
        return CorpusError(f"nothing readable in {where}", hint=shown + (f"; and {more} more" if more > 0 else ""))


def _chunk_rows(chunks: Sequence[Chunk], document: int, first: int, title: str) -> Iterator[tuple[object, ...]]:
    for row, chunk in enumerate(chunks, start=first):
        heads = join_heads(title, chunk.headings)
        yield row, document, chunk.index, chunk.start, chunk.tokens, chunk.page, heads, chunk.table_header, chunk.text


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - a Path for each of 100,000 files costs more


def _ignore(event: object) -> None:
    """Nobody watches."""
