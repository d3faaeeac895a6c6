"""CSV and TSV as one Markdown table."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.extract import Extract
from minions.corpus.readers.tables import table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.readers.extract import Source

_DELIMITERS: Final = ",;\t|"
_SAMPLE_LINES: Final = 50


def read_csv(source: Source) -> Extract:
    """One row a line, the first row as the header; a line break inside a quoted cell becomes a space."""
    text = source.text()
    media_type = "text/tab-separated-values" if source.path.suffix.lower() == ".tsv" else "text/csv"
    delimiter = _delimiter(text, first="\t" if media_type.startswith("text/tab") else ",")
    try:
        return Extract(_table(text, delimiter, csv.QUOTE_MINIMAL), media_type)
    except csv.Error:
        # A quote that never closes swallows the rest of the file: then quotes are only characters.
        pass
    try:
        return Extract(_table(text, delimiter, csv.QUOTE_NONE), media_type)
    except csv.Error:
        return Extract(text, media_type)


def _table(text: str, delimiter: str, quoting: int) -> str:
    # Not a join of lines: a list of them all takes several times the text.
    written = io.StringIO()
    written.writelines(f"{line}\n" for line in table_lines(_rows(text, delimiter, quoting)))
    return written.getvalue()


def _rows(text: str, delimiter: str, quoting: int) -> Iterator[list[str]]:
    for row in csv.reader(_lines(text), delimiter=delimiter, quoting=quoting):  # type: ignore[arg-type]
        if any(cell.strip() for cell in row):
            yield row


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _delimiter(text: str, *, first: str) -> str:
    """The sign that splits the first lines into the steadiest number of columns; ``first`` wins a tie."""
    end = 0
    for _ in range(_SAMPLE_LINES):
        if (end := text.find("\n", end) + 1) == 0:
            break
    sample = text[:end] if end else text
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in sorted(_DELIMITERS, key=lambda sign: sign != first):
        try:
            widths = Counter(len(row) for row in _rows(sample, delimiter, csv.QUOTE_MINIMAL))
        except csv.Error:
            continue
        width, rows = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        scores[delimiter] = (rows / max(1, widths.total()), width) if width > 1 else (0.0, 0)
    return max(scores, key=lambda sign: scores[sign], default=first)
