"""XLSX: a table for each sheet, under a heading with its name. Needs the ``office`` extra."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.readers.archive import check_parts, open_archive
from minions.corpus.readers.encoding import storable
from minions.corpus.readers.extract import Extract
from minions.corpus.readers.limits import (
    MAX_CELLS,
    MAX_EXTRACTED_CHARS,
    MAX_ROWS,
    bounded,
    too_much,
)
from minions.corpus.readers.tables import table_lines, without_empty_columns
from minions.values.documents import Heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from minions.corpus.readers.extract import Source

OFFICE_MISSING: Final = "office format: install local-minions[office]"
MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def read_xlsx(source: Source) -> Extract:
    """Each sheet's values; formulas as last computed, ISO dates, percentages with ``%``."""
    with open_archive(source, "XLSX") as archive:
        check_parts(source, archive, "XLSX")
    try:
        openpyxl = import_module("openpyxl")  # an extra without types
    except ImportError as error:
        raise source.unreadable(OFFICE_MISSING) from error
    outline: list[Heading] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions that hold no text
        book = openpyxl.load_workbook(io.BytesIO(source.data), read_only=True, data_only=True)
        try:
            text = "".join(bounded(_written(book.worksheets, outline)))
            title = storable(str(book.properties.title or ""))
        finally:
            book.close()
    return Extract(text, MEDIA_TYPE, title=title or None, outline=tuple(outline))


def _written(sheets: Iterable[Any], outline: list[Heading]) -> Iterator[str]:
    """The lines of every sheet that has values; the sheets' names are added to ``outline``."""
    start = 0
    for sheet in sheets:
        rows = _rows(sheet)
        if not rows:
            continue
        name = " ".join(storable(sheet.title).split())
        outline.append(Heading(level=1, text=name, start=start))
        for line in (f"# {name}", "", *table_lines(rows), ""):
            start += len(line) + 1
            yield f"{line}\n"


def _rows(sheet: Any) -> list[list[str]]:
    """The rows of a sheet, without empty rows and columns."""
    # The size that a file states for a sheet is often wrong, and rows beyond it would be lost.
    sheet.reset_dimensions()
    rows: list[list[str]] = []
    cells = 0
    characters = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        shown = [_cell(cell) for cell in row]
        rows.append(shown)
        cells += len(shown)
        characters += sum(map(len, shown))
        if cells > MAX_CELLS or number > MAX_ROWS:
            raise too_much(
                f"XLSX has a sheet of more than {MAX_CELLS:,} cells, or {MAX_ROWS:,} rows: split it"
            )
        if characters > MAX_EXTRACTED_CHARS:
            raise too_much("XLSX repeats its texts beyond measure: it is broken, or an attack")
    return without_empty_columns(rows)


def _cell(cell: Any) -> str:
    """A cell's value as the sheet shows it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int) and "%" in (cell.number_format or ""):
        return f"{value * 100:.10g}%"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, dt.datetime):
        shown = value.isoformat(sep=" ", timespec="seconds")
        if value.time() == dt.time():  # midnight: only the date is meant
            shown = value.date().isoformat()
        return shown
    return storable(str(value))
