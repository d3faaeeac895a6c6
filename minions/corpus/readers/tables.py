"""Rows of cells as a Markdown table, the one form in which tables reach the chunker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.limits import MAX_CELLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SPACE: Final = re.compile(r"\s+")


def table_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """``| a | b |`` for each row, ``| --- | --- |`` after the first. Cells are put on one line, ``|`` escaped."""
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell_text(cell) for cell in row) + " |"
        if number == 0:
            yield "|" + " --- |" * len(row)


def cell_text(cell: str) -> str:
    """A cell on one line, its white space collapsed."""
    return _SPACE.sub(" ", cell).strip().replace("|", "\\|")


def without_empty_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows, padded to one width, less empty rows and the columns that are empty in every row."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    kept = sorted({column for row in filled for column, cell in enumerate(row) if cell.strip()})
    if len(kept) * len(filled) > MAX_CELLS:  # few cells in many columns: no rectangle
        return [list(row) for row in filled]
    return [[row[column] if column < len(row) else "" for column in kept] for row in filled]


def padded(rows: Sequence[list[str]]) -> list[list[str]]:
    """The rows, all as long as the longest; as they are where that would take more than `MAX_CELLS`."""
    width = max(map(len, rows), default=0)
    if width * len(rows) > MAX_CELLS:
        return list(rows)
    return [[*row, *[""] * (width - len(row))] for row in rows]
