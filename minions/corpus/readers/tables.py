"""Rows of cells as a Markdown table, the form in which all tables reach the chunker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.limits import MAX_CELLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SPACE: Final = re.compile(r"\s+")


def table_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A line ``| a | b |`` for each row, and ``| --- | --- |`` after the first; see `cell_text`."""
    for number, row in enumerate(rows):
        yield "| " + " | ".join(map(cell_text, row)) + " |"
        if number == 0:
            yield "|" + " --- |" * len(row)


def cell_text(cell: str) -> str:
    """A cell's text on one line, with white space collapsed and ``|`` escaped."""
    return _SPACE.sub(" ", cell).strip().replace("|", "\\|")


def without_empty_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows in one width, without empty rows and without columns that are empty in every row.

    Where the result would have more than `MAX_CELLS`, the columns stay as they are.
    """
    filled = [row for row in rows if any(map(str.strip, row))]
    columns: set[int] = set()
    for row in filled:
        for column, cell in enumerate(row):
            if cell.strip():
                columns.add(column)
    if len(columns) * len(filled) > MAX_CELLS:
        return [list(row) for row in filled]
    kept = sorted(columns)
    table: list[list[str]] = []
    for row in filled:
        width = len(row)
        table.append([row[column] if column < width else "" for column in kept])
    return table


def padded(rows: Sequence[list[str]]) -> list[list[str]]:
    """The rows, padded to the length of the longest.

    Where the result would have more than `MAX_CELLS`, the rows stay as they are.
    """
    width = max(map(len, rows), default=0)
    if width * len(rows) > MAX_CELLS:
        return list(rows)
    return [[*row, *[""] * (width - len(row))] for row in rows]
