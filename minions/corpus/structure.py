"""A document's blocks: headings, paragraphs, tables, code, list items and records, found in its
text.

Readers of structured formats write Markdown conventions, which are read here exactly. Plain text
and the text of PDFs have no such conventions, so rules recognise numbered clauses, lines in
capitals and runs of numeric rows.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from minions.text.visible import clean_line
from minions.values.documents import Heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minions.values.documents import Document

BlockKind = Literal["heading", "paragraph", "table", "code", "list", "record"]

TITLE_CHARS: Final = 80
_RECORDS: Final = frozenset(
    {"application/jsonl", "application/x-jsonlines", "application/x-ndjson", "application/ndjson"}
)
_CODE: Final = re.compile(
    r"(?:text|application)/"
    r"(?:x-(?:python|c|c\+\+|java|go|rust|ruby|sh|shellscript|script|source).*|.*script)$"
)
_OUTER: Final = re.compile(
    r"(?:ARTICLE|Article|SECTION|Section|PART|Part|CHAPTER|Chapter|EXHIBIT|Exhibit"
    r"|SCHEDULE|Schedule|ANNEX|Annex|APPENDIX|Appendix|ITEM|Item|NOTE|Note)"
    r"\s+(?:[IVXLC]+|\d+[A-Z]?|[A-Z])\b(?:\.\d+)*[.:)]?(?:\s|$)"
)
_CLAUSE: Final = re.compile(
    r"(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+([A-Z][^\n.;:]{1,70})(?:[.:](?=\s|$)|$)"
)
_LIST: Final = re.compile(r"(?:[-*+•▪◦■]|\d{1,3}[.)]|\([a-z0-9]{1,4}\))\s")
_MARKDOWN_LEVELS: Final = 6
_UNDERLINE: Final = re.compile(r"(=+|-{3,})$")
_YEAR: Final = re.compile(r"(?:19|20)\d\d\D*$")
_ROW_END: Final = frozenset("0123456789%)-\N{EM DASH}\N{EN DASH}")
_ROW_SHARE: Final = 0.3
_ROW_LABEL_CHARS: Final = 70
_NUMBERED_TABLE: Final = re.compile(r"(?:Table|TABLE|Tab\.)\s+(?:\d|[IVX])")
_CURRENCIES: Final = frozenset("$€£¥")
_HEAD_LINES: Final = 3
_CAPTION_LINES: Final = 2  # above the head: the name of the table, the periods of its columns
_HEAD_CHARS: Final = 110
_CAPITALS: Final = 4
_SMALL: Final = 3  # the longest word, in letters, that a title does not capitalise


class Block(NamedTuple):
    """A piece of the text, ``[start, end)``; blocks tile the document.

    ``title`` and ``level`` (1 is outermost) are set where a heading starts the block. ``head_end``
    is the end of a table's head rows (``start`` where it has none).
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    title: str = ""
    head_end: int = 0


class _Line(NamedTuple):
    """A line with its kind; ``text`` is stripped. Headings and clauses have a level and a title."""

    kind: str
    start: int
    end: int
    text: str
    level: int = 0
    title: str = ""

    def closes(self, fence: str) -> bool:
        """True if the line ends the code that begins with this fence."""
        return self.kind == "fence" and self.text.startswith(fence)

    @property
    def is_head(self) -> bool:
        """True if a line of text can be in the head of a plain table."""
        return self.kind == "text" and len(self.text) <= _HEAD_CHARS and self.text[-1] not in ".;,"

    @property
    def is_caption(self) -> bool:
        """True if the line announces what follows, numbers it as a table, or looks like a title."""
        if self.text[-1] == ":" or _NUMBERED_TABLE.match(self.text):
            return True
        words = [word for word in self.text.split() if word[0].isalpha()]
        return bool(words) and not any(word[0].islower() and len(word) > _SMALL for word in words)


def find_blocks(document: Document) -> list[Block]:
    """Split the document's text into blocks.

    They tile the text, and none of them crosses a page. The time is linear in the text's length.
    """
    text = document.text
    marks = {0, len(text)}
    marks.update(page.start for page in document.pages if 0 < page.start < len(text))
    blocks: list[Block] = []
    for start, end in pairwise(sorted(marks)):
        spans = _line_spans(text, start, end)
        if document.media_type in _RECORDS:
            blocks.extend(Block("record", *span) for span in spans)
        elif _CODE.match(document.media_type):
            blocks.extend(_code_blocks(text, start, end))
        else:
            lines = [_classify(text, *span) for span in spans]
            at = 0
            while at < len(lines):
                stop, block = _block_at(lines, at)
                # Blank lines end a block and belong to it.
                stop = _skip("blank", lines, stop)
                blocks.append(block._replace(end=lines[stop - 1].end))
                at = stop
    return blocks


def find_headings(document: Document, blocks: Sequence[Block]) -> tuple[Heading, ...]:
    """The document's outline where the reader gave one, else the headings among its blocks."""
    if document.outline:
        return document.outline
    headings: list[Heading] = []
    for block in blocks:
        if block.level:
            title = clean_line(block.title, TITLE_CHARS)
            headings.append(Heading(level=block.level, text=title, start=block.start))
    return tuple(headings)


def _line_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = text.find("\n", start, end) + 1 or end
        yield start, stop
        start = stop


def _code_blocks(text: str, start: int, end: int) -> Iterator[Block]:
    """Group source lines; a new block starts at an unindented line after a blank one."""
    block_start = start
    blank = False
    for line_start, line_end in _line_spans(text, start, end):
        line = text[line_start : min(line_end, line_start + TITLE_CHARS)]
        if not line.strip():
            blank = True
            continue
        if blank and not line[0].isspace() and line[0] not in ")]}" and line_start > block_start:
            yield Block("code", block_start, line_start)
            block_start = line_start
        blank = False
    if block_start < end:
        yield Block("code", block_start, end)


def _classify(document: str, start: int, end: int) -> _Line:
    """The line ``document[start:end]`` with its kind."""
    text = document[start:end].strip()
    if not text:
        return _Line("blank", start, end, text)
    first = text[0]
    if first == "#":
        # By hand, because a regular expression takes time with the square of a long line's length.
        rest = text.lstrip("#")
        level = len(text) - len(rest)
        if level <= _MARKDOWN_LEVELS and rest[:1].isspace():
            title = rest.strip().rstrip("#").rstrip()[:TITLE_CHARS]
            return _Line("heading", start, end, text, level, title)
    kind = ""
    if first == "|":
        kind = "pipe"
    elif first in "`~" and text.startswith(("```", "~~~")):
        kind = "fence"
    elif first in "=-" and _UNDERLINE.match(text):
        kind = "underline"
    elif text[-1] in _ROW_END and len(text) <= 3 * _HEAD_CHARS:
        # A table's row: many of its fields are numbers, or the last two are, after a label of any
        # length.
        fields = [field for field in text.split() if field not in _CURRENCIES]
        numbers = sum(map(_is_number, fields))
        if numbers > 1 and (numbers >= _ROW_SHARE * len(fields) or _is_number(fields[-2])):
            kind = "row"
    if kind:
        return _Line(kind, start, end, text)
    return _classify_plain(text, start, end)


def _classify_plain(text: str, start: int, end: int) -> _Line:
    """A line without Markdown: a clause, a heading or a list item by its look, else text."""
    first = text[0]
    clause = None
    if first.isdigit():
        clause = _CLAUSE.match(text)
    if clause:
        title = f"{clause[1]} {clause[2].strip()}"[:TITLE_CHARS]
        return _Line("clause", start, end, text, 3 + clause[1].count("."), title)
    if (
        first.isupper()
        and len(text) <= TITLE_CHARS * 2
        and _OUTER.match(text)
        and text[-1] not in ",;"
    ):
        return _Line("heading", start, end, text, 1, text[:TITLE_CHARS])
    if _LIST.match(text):
        return _Line("item", start, end, text)
    if (
        len(text) <= TITLE_CHARS
        and text.isupper()
        and sum(map(str.isalpha, text)) >= max(_CAPITALS, len(text) // 2)
    ):
        return _Line("heading", start, end, text, 2, text)
    return _Line("text", start, end, text)


def _is_number(field: str) -> bool:
    return field[-1] in _ROW_END and not field[0].islower() and not field[0].isupper()


def _block_at(lines: Sequence[_Line], at: int) -> tuple[int, Block]:
    """The block that starts at a line, without blank lines after it, and the line after it."""
    line = lines[at]
    if line.kind == "fence":
        fence = line.text[:3]
        stop = at + 1
        while stop < len(lines) and not lines[stop].closes(fence):
            stop += 1
        stop = min(stop + 1, len(lines))
        return stop, Block("code", line.start, lines[stop - 1].end)
    if line.kind == "pipe":
        stop = _skip("pipe", lines, at)
        return stop, Block("table", line.start, lines[stop - 1].end, head_end=line.end)
    if line.kind == "heading":
        return at + 1, Block("heading", line.start, line.end, line.level, line.title)
    table = _plain_table(lines, at)
    if table is not None:
        return table
    if (
        line.kind in {"text", "row"}
        and len(line.text) <= TITLE_CHARS
        and at + 1 < len(lines)
        and lines[at + 1].kind == "underline"
    ):
        level = 1 if lines[at + 1].text[0] == "=" else 2
        return at + 2, Block("heading", line.start, lines[at + 1].end, level, line.text)
    stop = at + 1
    # A paragraph ends at a line of another kind, or at the first line of a plain table.
    while (
        stop < len(lines)
        and lines[stop].kind in {"text", "row", "underline"}
        and _plain_table(lines, stop) is None
    ):
        stop += 1
    kind: BlockKind = "paragraph"
    if line.kind == "item":
        kind = "list"
    elif line.level and stop == at + 1:
        kind = "heading"
    return stop, Block(kind, line.start, lines[stop - 1].end, line.level, line.title)


def _skip(kind: str, lines: Sequence[_Line], at: int) -> int:
    """The first line from ``at`` on that is not of this kind."""
    while at < len(lines) and lines[at].kind == kind:
        at += 1
    return at


def _plain_table(lines: Sequence[_Line], at: int) -> tuple[int, Block] | None:
    """The table of plain text that starts at this line, with its head, and the line after it."""
    first = at
    limit = min(len(lines), at + _HEAD_LINES + _CAPTION_LINES)
    while first < limit and lines[first].is_head:
        first += 1
    if first >= len(lines) or lines[first].kind != "row":
        return None
    captions = lines[at : max(at, first - _HEAD_LINES)]
    if not all(line.is_caption for line in captions):
        return None
    stop = first
    rows = 0
    row = _next_row(lines, stop)
    while row is not None:
        stop = row + 1
        rows += 1
        row = _next_row(lines, stop)
    if rows < 2:  # noqa: PLR2004 - one row is no table
        return None
    body = first
    while body < stop:
        # Rows whose only numbers are years are the heads of columns.
        numbers = [field for field in lines[body].text.split() if field[-1].isdigit()]
        if not all(map(_YEAR.search, numbers)):
            break
        body += 1
    start = lines[at].start
    head_end = start
    if body > at:
        head_end = lines[body - 1].end
    return stop, Block("table", start, lines[stop - 1].end, head_end=head_end)


def _next_row(lines: Sequence[_Line], at: int) -> int | None:
    """The next numeric row from ``at`` on, after at most two lines that hold only a label."""
    for row in range(at, min(at + 3, len(lines))):
        line = lines[row]
        if line.kind == "row":
            return row
        if line.kind not in {"text", "item", "clause"} or line.text[-1] == ".":
            return None
        longest = _ROW_LABEL_CHARS
        if line.text[-1] == ":":
            longest = _HEAD_CHARS
        if len(line.text) > longest:
            return None
    return None
