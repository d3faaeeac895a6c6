"""HTML tables as rows of cells, with the spacing tricks of typeset tables undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.limits import MAX_TABLE_CELLS, too_much
from minions.corpus.readers.tables import padded, without_empty_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selectolax.lexbor import LexborNode

# Wider or taller spans are mistakes or attacks; a table is not worth its memory.
_MAX_SPAN: Final = 100
# A table that holds these lays out a page; it is no data.
_LAYOUT: Final = frozenset({"table", "h1", "h2", "h3", "h4", "h5", "h6", "pre"})
_DIGITS: Final = 9
_LEADS: Final = frozenset({"$", "€", "£", "¥", "(", "$(", "US$"})
_TRAILS: Final = frozenset({")", "%", ")%", "%)"})
_SPACE: Final = re.compile(r"\s+")


def is_data_table(table: LexborNode) -> bool:
    """Whether a table holds data: two columns somewhere, and nothing that lays out a page."""
    if _lays_out(table):
        return False
    return any(len(list(_cells(row))) > 1 for row in table.css("tr"))


def table_rows(table: LexborNode) -> list[list[str]]:
    """The cells of each row, spans spread out, currency and percent signs joined to their numbers, no empty columns.

    A cell that spans rows is repeated in each, so that each row can be read alone.
    """
    grid, joined = _grid(table)
    for row in grid:
        _join_signs(row)
    _collapse(grid, joined)
    caption = table.css_first("caption")
    title = [[caption.text(strip=True)]] if caption is not None and caption.text(strip=True) else []
    return without_empty_columns([*title, *grid])


def number_in(node: LexborNode, name: str) -> int:
    """The whole number in an attribute; 1 where there is none."""
    value = (node.attributes.get(name) or "").strip()
    return int(value) if value.isdecimal() and len(value) <= _DIGITS else 1


def _lays_out(table: LexborNode) -> bool:
    """Looks no further than the first such element: tables within tables would be read once for each around them."""
    return any(node.tag in _LAYOUT for node in table.traverse() if node.mem_id != table.mem_id)


def _cells(row: LexborNode) -> Iterator[LexborNode]:
    for cell in row.iter():
        if cell.tag in {"td", "th"}:
            yield cell


def _grid(table: LexborNode) -> tuple[list[list[str]], set[int]]:
    """Rows with spans spread out, and the columns that some cell joins with the one before."""
    grid: list[list[str]] = []
    joined: set[int] = set()
    below: dict[int, tuple[int, str]] = {}
    room = MAX_TABLE_CELLS
    for row in table.css("tr"):
        line: list[str] = []
        for cell in _cells(row):
            below = _fill(line, below)
            columns, rows = _span(cell, "colspan"), _span(cell, "rowspan")
            text = _SPACE.sub(" ", cell.text(separator=" ")).strip()
            joined.update(range(len(line) + 1, len(line) + columns))
            for offset in range(columns):
                if rows > 1:
                    below[len(line)] = (rows, text if offset == 0 else "")
                line.append(text if offset == 0 else "")
        below = _fill(line, below)
        below = {column: (rows - 1, text) for column, (rows, text) in below.items() if rows > 1}
        grid.append(line)
        if (room := room - len(line)) < 0:
            raise too_much(f"HTML has a table of more than {MAX_TABLE_CELLS:,} cells: split it")
    return padded(grid), joined


def _fill(line: list[str], below: dict[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
    """Put the cells that reach down from rows above where the line has arrived."""
    while len(line) in below and below[len(line)][0] > 0:
        line.append(below[len(line)][1])
    return below


def _span(cell: LexborNode, name: str) -> int:
    return min(max(number_in(cell, name), 1), _MAX_SPAN)


def _join_signs(row: list[str]) -> None:
    """``$ | 5`` to ``$5`` in the sign's place, ``(5 | )`` to ``(5)``: signs set in cells of their own."""
    for column, cell in enumerate(row):
        if cell in _LEADS and (ahead := _next_filled(row, column)) is not None:
            row[column], row[ahead] = cell + row[ahead], ""
    for column, cell in enumerate(row):
        if cell in _TRAILS and (behind := _last_filled(row, column)) is not None:
            row[behind], row[column] = row[behind] + cell, ""


def _next_filled(row: list[str], column: int) -> int | None:
    return next((at for at in range(column + 1, min(column + 3, len(row))) if row[at]), None)


def _last_filled(row: list[str], column: int) -> int | None:
    return next((at for at in range(column - 1, max(column - 3, -1), -1) if row[at]), None)


def _collapse(grid: list[list[str]], joined: set[int]) -> None:
    """Make one column of neighbours that a cell spans together and that no row fills both: they were one to the eye."""
    home = 0
    if len({len(row) for row in grid}) > 1:  # too large to be made a rectangle
        return
    for column in range(1, len(grid[0]) if grid else 0):
        if column in joined and not any(row[home] and row[column] for row in grid):
            for row in grid:
                row[home], row[column] = row[home] or row[column], ""
        else:
            home = column
