"""CSV and TSV as one Markdown table."""

from __future__ import annotations

import csv
import io
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.extract import Extract
from minions.corpus.readers.tables import table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.readers.extract import Source

_DELIMITERS: Final = ",;\t|"
_SAMPLE_LINES: Final = 50


def read_csv(source: Source) -> Extract:
    """A line for each row, the first as the header. Line breaks in quoted cells become spaces."""
    text = source.text()
    media_type = "text/csv"
    expected = ","
    if source.path.suffix.lower() == ".tsv":
        media_type = "text/tab-separated-values"
        expected = "\t"
    delimiter = _delimiter(text, expected)
    try:
        return Extract(_table(text, delimiter, csv.QUOTE_MINIMAL), media_type)
    except csv.Error:
        # A quote that never closes takes the rest of the file into a cell. Then quotes are
        # characters.
        pass
    try:
        return Extract(_table(text, delimiter, csv.QUOTE_NONE), media_type)
    except csv.Error:
        return Extract(text, media_type)


def _table(text: str, delimiter: str, quoting: int) -> str:
    # Not a join of lines: a list of them all takes several times the memory of the text.
    written = io.StringIO()
    for line in table_lines(_rows(text, delimiter, quoting)):
        written.write(line)
        written.write("\n")
    return written.getvalue()


def _rows(text: str, delimiter: str, quoting: int) -> Iterator[list[str]]:
    """The rows that have a filled cell. Raises csv.Error for a cell that is too long."""
    for row in csv.reader(_lines(text), delimiter=delimiter, quoting=quoting):  # type: ignore[arg-type]
        if any(cell.strip() for cell in row):
            yield row


def _lines(text: str) -> Iterator[str]:
    """The lines of a text, one at a time, with their line breaks."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _delimiter(text: str, expected: str) -> str:
    """The separator that splits most of the first lines into the same number of columns.

    Tie-breaks: more columns, then the ``expected`` separator.
    """
    sample = "".join(islice(_lines(text), _SAMPLE_LINES))
    best = expected
    best_score = (-1.0, 0)
    for delimiter in sorted(_DELIMITERS, key=lambda sign: sign != expected):
        try:
            widths = Counter(map(len, _rows(sample, delimiter, csv.QUOTE_MINIMAL)))
        except csv.Error:
            continue
        width, rows = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        score = (0.0, 0)
        if width > 1:
            score = (rows / widths.total(), width)
        if score > best_score:
            best = delimiter
            best_score = score
    return best
