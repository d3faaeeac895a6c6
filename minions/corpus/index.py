"""The index: files to chunks in SQLite, kept up to date file by file. It is a cache: nothing is lost with it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import structlog

from minions.corpus.chunking import CHUNKER_VERSION, DEFAULT_CHUNK_TOKENS, chunk_document
from minions.corpus.discover import discover
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
from minions.corpus.readers import READER_VERSION, content_id_of, read_document
from minions.errors import CorpusError, UnreadableError
from minions.values.base import Value
from minions.values.documents import Unreadable
from minions.values.events import IndexEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from minions.corpus.discover import FoundFile
    from minions.values.documents import Document
    from minions.values.events import Observer

    Read = Callable[[Path], Document]

_BATCH_FILES: Final = 4000
_BATCH_CHARS: Final = 8_000_000
# Files up to this size are read at once; larger ones are first hashed, in case their content is known.
_CHEAP_BYTES: Final = 2**16
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
    """A file whose size, time or recipe changed: its document as it was."""

    id: str
    is_current: bool


class Index:
    """An open index; use it as a context manager. One process writes at a time, others wait for their turn."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._corpora: list[LocalCorpus] = []
        self._lock = RLock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the index at ``path``, creating it and its folder if need be. Raises StoreError."""
        return cls(path, open_database(path))

    def close(self) -> None:
        """Close the file; the corpora over this index end with it. May be called twice."""
        # The corpora first: the last one to close tidies the file up, and they may not write.
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
        read: Read = read_document,
    ) -> tuple[LocalCorpus, IndexReport]:
        """Bring the index up to date with the files under ``paths``, and return them as a corpus, which stays
        as it is whatever is indexed later.

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
        self,
        index: Index,
        paths: Sequence[Path | str],
        chunk_tokens: int,
        observe: Observer,
        read: Read,
    ) -> None:
        self._index, self._connection = index, index._connection  # noqa: SLF001 - one class in two
        self._paths, self._chunk_tokens, self._observe, self._read = (
            paths,
            chunk_tokens,
            observe,
            read,
        )
        self._recipe = f"{READER_VERSION}.{CHUNKER_VERSION}.{chunk_tokens}"
        self._writer = Writer(self._connection, self._recipe)
        self._unreadable: list[Unreadable] = []
        self._counts = dict.fromkeys(("added", "updated", "unchanged", "removed"), 0)
        self._batch: list[FileRead] = []
        self._batch_chars = 0
        self._large_sizes: set[int] | None = None

    def run(self) -> tuple[LocalCorpus, IndexReport]:
        found = discover(self._paths)
        self._unreadable.extend(found.unreadable)
        files = {_absolute(file.path): file for file in found.files}
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
        _log.info(
            "indexed",
            **report.model_dump(exclude={"unreadable"}),
            unreadable=len(report.unreadable),
        )
        return corpus, report

    def _compare(
        self, files: dict[str, FoundFile]
    ) -> tuple[dict[str, FoundFile], dict[str, _Known], set[str]]:
        """The files to open, what the index knows of them, and the files that it has and that are gone."""
        fresh, known, gone = dict(files), dict[str, _Known](), set[str]()
        columns = "f.path, f.size, f.mtime_ns, d.id, d.recipe"
        for path, size, mtime_ns, id_, recipe in files_under(
            self._connection, self._paths, columns
        ):
            file = files.get(path)
            if file is None:
                gone.add(path)
            elif recipe == self._recipe and (size, mtime_ns) == (file.size, file.mtime_ns):
                fresh.pop(path, None)
            else:
                known[path] = _Known(id_, recipe == self._recipe)
        return fresh, known, gone

    def _read_new(self, files: dict[str, FoundFile]) -> set[str]:
        """Read what is new or changed; the paths that the index must forget."""
        fresh, known, gone = self._compare(files)
        unchanged, total = len(files) - len(fresh), len(files)
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
            same = old is not None and old.is_current and old.id == read.id
            self._counts["unchanged" if same else "updated" if old else "added"] += 1
            self._add(read)
        self._observe(IndexEvent(done=total, total=total))
        return gone

    def _read_file(self, path: str, file: FoundFile, old: _Known | None) -> FileRead:
        """Open a file. Content that the index has, under this or another path, is hashed and not chunked again."""
        if old is not None or (file.size > _CHEAP_BYTES and self._has_size(file.size)):
            id_ = content_id_of(Path(file.path))
            if self._writer.row(id_, path) is not None:
                return FileRead(path, file, id_)
        return self._read_whole(path, file)

    def _has_size(self, size: int) -> bool:
        if self._large_sizes is None:
            rows = self._connection.execute(
                "SELECT size FROM files WHERE size > ?", (_CHEAP_BYTES,)
            )
            self._large_sizes = {row[0] for row in rows}
        return size in self._large_sizes

    def _read_whole(self, path: str, file: FoundFile) -> FileRead:
        document = self._read(Path(file.path))
        try:
            document.text.encode()
        except UnicodeEncodeError:
            raise UnreadableError(file.path, "its text is not valid Unicode") from None
        chunks = chunk_document(document, max_tokens=self._chunk_tokens)
        if not chunks:
            raise UnreadableError(file.path, "no text in it")
        return FileRead(path, file, document.id, document, tuple(chunks))

    def _add(self, read: FileRead) -> None:
        self._batch.append(read)
        self._batch_chars += len(read.document.text) if read.document else 0
        if len(self._batch) >= _BATCH_FILES or self._batch_chars >= _BATCH_CHARS:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch, self._batch_chars = self._batch, [], 0
        if batch:
            self._writer.write(batch, lambda read: self._read_whole(read.path, read.file))

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
        shown = "; ".join(
            f"{item.path}: {item.reason}" for item in self._unreadable[:_SHOWN_UNREADABLE]
        )
        more = len(self._unreadable) - _SHOWN_UNREADABLE
        return CorpusError(
            f"nothing readable in {where}", hint=shown + (f"; and {more} more" if more > 0 else "")
        )


def _absolute(path: str) -> str:
    """The same text where the path is absolute already, so that 100,000 of them are held once."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - links are not followed
    return path if path == absolute else absolute


def _ignore(event: object) -> None:
    """Nobody watches."""
