"""XLSX: one table a sheet, under a heading that is the sheet's name. Needs the ``office`` extra."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.encoding import storable
from minions.corpus.readers.archive import open_archive
from minions.corpus.readers.extract import Extract
from minions.corpus.readers.tables import table_lines, without_empty_columns
from minions.documents import Heading

if TYPE_CHECKING:
    from minions.corpus.readers.extract import Source

OFFICE_MISSING: Final = "office format: install local-minions[office]"
MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def read_xlsx(source: Source) -> Extract:
    """Each sheet's values, formulas as the values last computed, dates in ISO form, percentages as percentages."""
    open_archive(source, "XLSX").close()
    try:
        openpyxl = import_module("openpyxl")  # an extra without types
    except ImportError as error:
        raise source.unreadable(OFFICE_MISSING) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions that hold no text
        book = openpyxl.load_workbook(io.BytesIO(source.data), read_only=True, data_only=True)
        try:
            sheets = [(sheet.title, _rows(sheet)) for sheet in book.worksheets]
            title = book.properties.title
        finally:
            book.close()
    texts: list[str] = []
    outline: list[Heading] = []
    start = 0
    for name, rows in sheets:
        if rows:
            texts.append(f"# {name}\n\n" + "".join(f"{line}\n" for line in table_lines(rows)) + "\n")
            outline.append(Heading(level=1, text=name, start=start))
            start += len(texts[-1])
    return Extract("".join(texts), MEDIA_TYPE, title=title or None, outline=tuple(outline))


def _rows(sheet: Any) -> list[list[str]]:
    # The size that a file states of its sheets is often wrong, and rows beyond it would be lost.
    sheet.reset_dimensions()
    return without_empty_columns([[_cell(cell) for cell in row] for row in sheet.iter_rows()])


def _cell(cell: Any) -> str:
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
        midnight = value.time() == dt.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    return storable(str(value))
