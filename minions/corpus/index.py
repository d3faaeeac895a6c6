"""The index of files and their chunks in SQLite, a cache of the files, updated file by file."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import structlog

from minions.corpus.chunking import CHUNKER_VERSION, DEFAULT_CHUNK_TOKENS, chunk_document
from minions.corpus.discover import discover, open_found
from minions.corpus.fts.rows import files_under, load_shelf
from minions.corpus.fts.schema import (
    is_corrupt,
    move_aside,
    open_database,
    open_snapshot,
    translated,
)
from minions.corpus.fts.writer import FileRead, Writer
from minions.corpus.local import LocalCorpus
from minions.corpus.readers import READER_VERSION, content_id_of, read_open
from minions.errors import CorpusError, UnreadableError
from minions.values.base import Value
from minions.values.documents import Unreadable
from minions.values.events import IndexEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import BinaryIO

    from minions.corpus.discover import FoundFile
    from minions.values.documents import Document
    from minions.values.events import Observer

    Read = Callable[[Path, BinaryIO], Document]

_BATCH_FILES: Final = 4000
_BATCH_CHARS: Final = 8_000_000
# New files up to this size are read at once. Larger ones are first hashed where the index has a
# file of their size, since it may have their content already.
_CHEAP_BYTES: Final = 2**16
_SHOWN_UNREADABLE: Final = 3
_log = structlog.get_logger()


class IndexReport(Value):
    """The counts of an update, and the files that could not be read.

    ``files`` are the readable files, the sum of ``added``, ``updated`` and ``unchanged``. The
    corpus has ``documents`` (files with the same content are one), ``chunks`` and estimated
    ``tokens``. ``removed`` files were in the index and left it.
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
    """The indexed document of a file that changed.

    ``is_current``: the current reader, chunker and chunk size made it; only the file's size or time
    changed.
    """

    id: str
    is_current: bool


class Index:
    """An open index; a context manager. One process writes at a time, and others wait for it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._corpora: list[LocalCorpus] = []
        self._lock = RLock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the index at ``path``, creating it and its folder if missing. Raises StoreError."""
        return cls(path, open_database(path))

    def close(self) -> None:
        """Close the file, and every corpus over this index. May be called twice."""
        # The corpora first: the last connection to close tidies up the file, and theirs cannot
        # write.
        while self._corpora:
            self._corpora.pop().close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def update(
        self,
        paths: Sequence[Path | str],
        *,
        chunk_tokens: int = DEFAULT_CHUNK_TOKENS,
        observe: Observer | None = None,
        read: Read = read_open,
    ) -> tuple[LocalCorpus, IndexReport]:
        """Bring the index up to date with the files under ``paths``, and return them as a corpus.

        The corpus does not change with later updates. Files whose size and time of change are as
        before are not opened. Content that the index has already is not chunked again. Files that
        are gone leave the index. Raises CorpusError where nothing is readable, StoreError where the
        index cannot be used.
        """
        with self._lock, translated(self.path):
            try:
                return _Update(self, paths, chunk_tokens, observe, read).run()
            except sqlite3.DatabaseError as error:
                if not is_corrupt(error):
                    raise
            self.close()
            move_aside(self.path)
            self._connection = open_database(self.path)
            return _Update(self, paths, chunk_tokens, observe, read).run()


class _Update:
    """One pass over the files of a run.

    Files are read outside of transactions and written in batches, so that other processes can
    write.
    """

    def __init__(
        self,
        index: Index,
        paths: Sequence[Path | str],
        chunk_tokens: int,
        observe: Observer | None,
        read: Read,
    ) -> None:
        self._index = index
        self._connection = index._connection  # noqa: SLF001 - one class in two
        self._paths = paths
        self._chunk_tokens = chunk_tokens
        self._observe = observe or (lambda _event: None)
        self._read = read
        self._recipe = f"{READER_VERSION}.{CHUNKER_VERSION}.{chunk_tokens}"
        self._writer = Writer(self._connection, self._recipe)
        self._unreadable: list[Unreadable] = []
        self._counts = {"added": 0, "updated": 0, "unchanged": 0, "removed": 0}
        self._batch: list[FileRead] = []
        self._batch_chars = 0
        self._large_sizes: set[int] | None = None
        self._roots: tuple[str, ...] = ()

    def run(self) -> tuple[LocalCorpus, IndexReport]:
        found = discover(self._paths)
        self._unreadable.extend(found.unreadable)
        self._roots = found.roots
        files: dict[str, FoundFile] = {}
        for file in found.files:
            path = os.path.abspath(file.path)  # noqa: PTH100 - links are not followed
            if path == file.path:
                path = file.path  # one object, so that 100,000 paths are held once
            files[path] = file
        del found
        gone = self._read_new(files)
        self._flush()
        self._counts["removed"] = len(gone)
        if gone or self._counts["updated"]:
            self._writer.forget(gone)
        corpus = self._corpus(files)
        contents = corpus.contents
        if not contents.columns.ids:
            raise self._nothing_readable()
        report = IndexReport(
            files=self._counts["added"] + self._counts["updated"] + self._counts["unchanged"],
            documents=len(contents),
            chunks=contents.chunks,
            tokens=contents.tokens,
            unreadable=tuple(self._unreadable),
            **self._counts,
        )
        counts = report.model_dump(exclude={"unreadable"})
        _log.info("indexed", **counts, unreadable=len(report.unreadable))
        return corpus, report

    def _compare(
        self, files: dict[str, FoundFile]
    ) -> tuple[dict[str, FoundFile], dict[str, _Known], set[str]]:
        """The files to open, the known documents of changed files, and the paths that are gone."""
        fresh = dict(files)
        known: dict[str, _Known] = {}
        gone: set[str] = set()
        columns = "f.path, f.size, f.mtime_ns, d.id, d.recipe"
        rows = files_under(self._connection, self._paths, columns)
        for path, size, mtime_ns, id_, recipe in rows:
            file = files.get(path)
            if file is None:
                gone.add(path)
            elif recipe == self._recipe and (size, mtime_ns) == (file.size, file.mtime_ns):
                fresh.pop(path, None)
            else:
                known[path] = _Known(id_, recipe == self._recipe)
        return fresh, known, gone

    def _read_new(self, files: dict[str, FoundFile]) -> set[str]:
        """Read the files that are new or changed; return the paths that the index must forget."""
        fresh, known, gone = self._compare(files)
        total = len(files)
        unchanged = total - len(fresh)
        self._counts["unchanged"] = unchanged
        for done, (path, file) in enumerate(fresh.items(), start=unchanged):
            self._observe(IndexEvent(done=done, total=total, path=file.path))
            old = known.get(path)
            try:
                read = self._read_file(path, file, old)
            except UnreadableError as error:
                self._unreadable.append(Unreadable(path=file.path, reason=error.reason))
                if old is not None:
                    gone.add(path)
                continue
            if old is None:
                outcome = "added"
            elif old.is_current and old.id == read.id:
                outcome = "unchanged"
            else:
                outcome = "updated"
            self._counts[outcome] += 1
            self._batch.append(read)
            if read.document:
                self._batch_chars += len(read.document.text)
            if len(self._batch) >= _BATCH_FILES or self._batch_chars >= _BATCH_CHARS:
                self._flush()
        self._observe(IndexEvent(done=total, total=total))
        return gone

    def _read_file(self, path: str, file: FoundFile, old: _Known | None) -> FileRead:
        """Open a file. Content that the index has already, under any path, is not chunked again."""
        may_be_known = old is not None
        if not may_be_known and file.size > _CHEAP_BYTES:
            if self._large_sizes is None:
                sql = "SELECT size FROM files WHERE size > ?"
                rows = self._connection.execute(sql, (_CHEAP_BYTES,))
                self._large_sizes = {size for (size,) in rows}
            may_be_known = file.size in self._large_sizes
        with open_found(file, self._roots) as opened:
            if may_be_known:
                id_ = content_id_of(Path(file.path), opened)
                if self._writer.row(id_, path) is not None:
                    return FileRead(path, file, id_)
                opened.seek(0)
            return self._read_whole(path, file, opened)

    def _read_again(self, read: FileRead) -> FileRead:
        with open_found(read.file, self._roots) as opened:
            return self._read_whole(read.path, read.file, opened)

    def _read_whole(self, path: str, file: FoundFile, opened: BinaryIO) -> FileRead:
        document = self._read(Path(file.path), opened)
        try:
            document.text.encode()
        except UnicodeEncodeError:
            raise UnreadableError(file.path, "its text is not valid Unicode") from None
        chunks = chunk_document(document, max_tokens=self._chunk_tokens)
        if not chunks:
            raise UnreadableError(file.path, "no text in it")
        return FileRead(path, file, document.id, document, tuple(chunks))

    def _flush(self) -> None:
        """Write the files that were read since the last time."""
        batch = self._batch
        self._batch = []
        self._batch_chars = 0
        if batch:
            self._writer.write(batch, self._read_again)

    def _corpus(self, files: dict[str, FoundFile]) -> LocalCorpus:
        snapshot = open_snapshot(self._index.path)
        try:
            shelf = load_shelf(snapshot, self._paths, files)
            corpus = LocalCorpus(self._index.path, snapshot, shelf, self._unreadable)
        except BaseException:
            snapshot.close()
            raise
        self._index._corpora.append(corpus)  # noqa: SLF001 - one class in two
        return corpus

    def _nothing_readable(self) -> CorpusError:
        where = ", ".join(str(path) for path in self._paths)
        if not self._unreadable:
            return CorpusError(
                f"no files in {where}",
                hint="name a folder that holds documents, or the files themselves",
            )
        shown = self._unreadable[:_SHOWN_UNREADABLE]
        reasons = [f"{item.path}: {item.reason}" for item in shown]
        more = len(self._unreadable) - len(shown)
        if more:
            reasons.append(f"and {more} more")
        return CorpusError(f"nothing readable in {where}", hint="; ".join(reasons))
