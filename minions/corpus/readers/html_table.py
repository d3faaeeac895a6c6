"""HTML tables as rows of cells, with the spacing tricks of typeset tables undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.limits import MAX_TABLE_CELLS, too_much
from minions.corpus.readers.tables import padded, without_empty_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selectolax.lexbor import LexborNode

# Wider or taller spans are mistakes or attacks, and would take much memory.
_MAX_SPAN: Final = 100
# A table that holds one of these elements lays out a page; it holds no data.
_LAYOUT: Final = frozenset({"table", "h1", "h2", "h3", "h4", "h5", "h6", "pre"})
_DIGITS: Final = 9
_LEADS: Final = frozenset({"$", "€", "£", "¥", "(", "$(", "US$"})
_TRAILS: Final = frozenset({")", "%", ")%", "%)"})
_SPACE: Final = re.compile(r"\s+")


def is_data_table(table: LexborNode) -> bool:
    """True if a table holds data: two columns somewhere, and no element that lays out a page."""
    # The search ends at the first such element. Otherwise, tables within tables would be searched
    # once for each table around them.
    for node in table.traverse():
        if node.tag in _LAYOUT and node.mem_id != table.mem_id:
            return False
    return any(len(list(_cells(row))) > 1 for row in table.css("tr"))


def table_rows(table: LexborNode) -> list[list[str]]:
    """The cells of each row, without empty columns; a caption is the first row.

    A cell that spans rows is repeated in each of them, so that each row can be read alone. Currency
    and percent signs in cells of their own are joined to their numbers.
    """
    grid, joined = _grid(table)
    for row in grid:
        _join_signs(row)
    _collapse(grid, joined)
    caption = table.css_first("caption")
    if caption is not None:
        title = caption.text(strip=True)
        if title:
            grid.insert(0, [title])
    return without_empty_columns(grid)


def number_in(node: LexborNode, name: str) -> int:
    """The whole number in an attribute; 1 where there is none."""
    value = (node.attributes.get(name) or "").strip()
    if value.isdecimal() and len(value) <= _DIGITS:
        return int(value)
    return 1


def _cells(row: LexborNode) -> Iterator[LexborNode]:
    for cell in row.iter():
        if cell.tag in {"td", "th"}:
            yield cell


def _grid(table: LexborNode) -> tuple[list[list[str]], set[int]]:
    """The rows with spans spread out, and the columns that a cell joins with the column before."""
    grid: list[list[str]] = []
    joined: set[int] = set()
    below: dict[int, tuple[int, str]] = {}
    room = MAX_TABLE_CELLS
    for row in table.css("tr"):
        line: list[str] = []
        for cell in _cells(row):
            below = _fill(line, below)
            columns = _span(cell, "colspan")
            rows = _span(cell, "rowspan")
            text = _SPACE.sub(" ", cell.text(separator=" ")).strip()
            joined.update(range(len(line) + 1, len(line) + columns))
            for _ in range(columns):
                if rows > 1:
                    below[len(line)] = (rows, text)
                line.append(text)
                text = ""  # the other columns of the cell are empty
        below = _fill(line, below)
        below = {column: (rows - 1, text) for column, (rows, text) in below.items() if rows > 1}
        grid.append(line)
        room -= len(line)
        if room < 0:
            raise too_much(f"HTML has a table of more than {MAX_TABLE_CELLS:,} cells: split it")
    return padded(grid), joined


def _fill(line: list[str], below: dict[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
    """Add cells that span rows, from rows above, at the end of a line that has reached them."""
    while len(line) in below and below[len(line)][0] > 0:
        line.append(below[len(line)][1])
    return below


def _span(cell: LexborNode, name: str) -> int:
    return min(max(number_in(cell, name), 1), _MAX_SPAN)


def _join_signs(row: list[str]) -> None:
    """Join signs in cells of their own to their numbers: ``$ | 5`` to ``$5``, ``(5 | )`` to
    ``(5)``.

    A sign before a number keeps its column; a sign after one moves to the number's column.
    """
    for column, cell in enumerate(row):
        if cell in _LEADS:
            number = _first_filled(row, range(column + 1, min(column + 3, len(row))))
            if number is not None:
                row[column] = cell + row[number]
                row[number] = ""
    for column, cell in enumerate(row):
        if cell in _TRAILS:
            number = _first_filled(row, range(column - 1, max(column - 3, -1), -1))
            if number is not None:
                row[number] += cell
                row[column] = ""


def _first_filled(row: list[str], columns: range) -> int | None:
    for column in columns:
        if row[column]:
            return column
    return None


def _collapse(grid: list[list[str]], joined: set[int]) -> None:
    """Merge neighbouring columns that a cell spans and of which no row fills both.

    They look like one column on the page. ``home`` is the column that takes the others' cells.
    """
    if not grid or len(set(map(len, grid))) > 1:  # rows differ where a rectangle would be too large
        return
    home = 0
    for column in range(1, len(grid[0])):
        if column not in joined or any(row[home] and row[column] for row in grid):
            home = column
            continue
        for row in grid:
            row[home] = row[home] or row[column]
            row[column] = ""
