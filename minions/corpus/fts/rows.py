"""A run's documents in the index: read in one pass, kept in columns, made into facts on demand."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

from minions.corpus.contents import Columns
from minions.corpus.fts.schema import ROWS_PER_QUERY
from minions.text.paths import file_name
from minions.values.documents import DocumentFacts, Heading

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from minions.corpus.discover import FoundFile

Query = Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]

SEPARATOR: Final = "\x1f"
_UNDER: Final = (
    "FROM files f JOIN documents d ON d.pk = f.document "
    "WHERE f.path = ? OR (f.path > ? AND f.path < ?)"
)


def join_heads(title: str, headings: Sequence[str]) -> str:
    """Title and headings as the index stores and searches them."""
    if not headings and SEPARATOR not in title:
        return title
    return SEPARATOR.join(part.replace(SEPARATOR, " ") for part in (title, *headings))


def files_under(
    connection: sqlite3.Connection, paths: Sequence[Path | str], columns: str
) -> Iterator[tuple[Any, ...]]:
    """Rows for the indexed files at and below ``paths``.

    ``columns``: the SQL columns to select, from files ``f`` and their documents ``d``.
    """
    for path in paths:
        root = os.path.abspath(path)  # noqa: PTH100 - links are not followed
        below = root.rstrip(os.sep) + os.sep
        values = (root, below, below[:-1] + chr(ord(os.sep) + 1))
        yield from connection.execute(f"SELECT {columns} {_UNDER}", values)


class Shelf(NamedTuple):
    """The documents of a run as columns: rows, the first rows of their chunks, and facts."""

    rows: array[int]
    first_chunks: array[int]
    columns: Columns


def load_shelf(
    connection: sqlite3.Connection, paths: Sequence[Path | str], files: Mapping[str, FoundFile]
) -> Shelf:
    """The indexed documents of ``files``, which lie under ``paths``.

    ``files`` are given by absolute path, in the order of the run. Files with the same content are
    one document, under the path that comes first. Files that are not in the index are left out.
    """
    count = len(files)
    place_of = {path: place for place, path in enumerate(files)}
    rows, firsts, tokens, chunks = (array("q", bytes(8 * count)) for _ in range(4))
    texts: list[tuple[str, str | None, str | None] | None] = [None] * count
    columns = "f.path, d.pk, d.first_chunk, d.tokens, d.chunks, d.id, d.title, d.pages"
    for path, row, first, of_tokens, of_chunks, *text in files_under(connection, paths, columns):
        place = place_of.get(path)
        if place is not None:
            rows[place] = row
            firsts[place] = first
            tokens[place] = of_tokens
            chunks[place] = of_chunks
            texts[place] = tuple(text)
    shelf = Shelf(array("q"), array("q"), Columns.empty())
    seen: set[str] = set()
    for place, (file, stored) in enumerate(zip(files.values(), texts, strict=True)):
        if stored is None or stored[0] in seen:
            continue
        id_, title, pages = stored
        seen.add(id_)
        shelf.rows.append(rows[place])
        shelf.first_chunks.append(firsts[place])
        page_count = None
        if pages:
            page_count = len(json.loads(pages))
        title = title or file_name(file.path)
        shelf.columns.add(id_, file.path, title, tokens[place], chunks[place], page_count)
    return shelf


class StoredDocuments(Sequence[DocumentFacts]):
    """The facts of a shelf's documents, made on demand, with outlines read from the index."""

    def __init__(self, shelf: Shelf, query: Query) -> None:
        self._rows = shelf.rows
        self._columns = shelf.columns
        self._query = query

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> DocumentFacts: ...
    @overload
    def __getitem__(self, at: slice) -> list[DocumentFacts]: ...
    def __getitem__(self, at: int | slice) -> DocumentFacts | list[DocumentFacts]:
        places = range(len(self))[at]
        if isinstance(places, int):
            return next(self._load([places]))
        return list(self._load(places))

    def __iter__(self) -> Iterator[DocumentFacts]:
        return self._load(range(len(self)))

    def _load(self, places: Sequence[int]) -> Iterator[DocumentFacts]:
        columns = self._columns
        for at in range(0, len(places), ROWS_PER_QUERY):
            some = places[at : at + ROWS_PER_QUERY]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT pk, outline FROM documents WHERE pk IN ({marks}) AND outline <> '[]'"  # noqa: S608
            rows = tuple(self._rows[place] for place in some)
            outlines: dict[int, str] = dict(self._query(sql, rows))
            for place in some:
                outline: list[Heading] = []
                stored = outlines.get(self._rows[place])
                if stored:
                    for level, start, text in json.loads(stored):
                        outline.append(Heading(level=level, start=start, text=text))
                yield DocumentFacts(
                    id=columns.ids[place],
                    path=columns.paths[place],
                    title=columns.titles[place],
                    tokens=columns.tokens[place],
                    chunks=columns.chunks[place],
                    pages=columns.pages_at(place),
                    outline=tuple(outline),
                )
