"""A document's blocks: headings, paragraphs, tables, code, list items and records, found in its text.

Readers of structured formats write Markdown conventions, which are read here exactly; plain text and the text of PDFs
have none, so numbered clauses, lines in capitals and runs of numeric rows are recognised by rule.
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
    r"(?:text|application)/(?:x-(?:python|c|c\+\+|java|go|rust|ruby|sh|shellscript|script|source).*|.*script)$"
)
_OUTER: Final = re.compile(
    r"(?:ARTICLE|Article|SECTION|Section|PART|Part|CHAPTER|Chapter|EXHIBIT|Exhibit|SCHEDULE|Schedule|ANNEX|Annex|APPENDIX|Appendix"
    r"|ITEM|Item|NOTE|Note)\s+(?:[IVXLC]+|\d+[A-Z]?|[A-Z])\b(?:\.\d+)*[.:)]?(?:\s|$)"
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
_CAPTION_LINES: Final = 2  # above the head: what the table is, which periods its columns are
_HEAD_CHARS: Final = 110
_CAPITALS: Final = 4
_SMALL: Final = 3  # letters of the words that titles write small


class Block(NamedTuple):
    """A piece of the text, ``[start, end)``; blocks tile the document.

    ``title`` and ``level`` (1 outermost) are set where a heading starts the block; ``head_end`` is where the rows that
    head a table end (``start`` when there are none).
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    title: str = ""
    head_end: int = 0


class _Line(NamedTuple):
    kind: str
    start: int
    end: int
    text: str
    level: int = 0
    title: str = ""


def find_blocks(document: Document) -> list[Block]:
    """Split the document's text into blocks, which tile it; a block never crosses a page. Linear in the text."""
    text, media_type = document.text, document.media_type
    marks = sorted(
        {0, len(text), *(page.start for page in document.pages if 0 < page.start < len(text))}
    )
    blocks: list[Block] = []
    for start, end in pairwise(marks):
        if media_type in _RECORDS:
            blocks.extend(Block("record", s, e) for s, e in _spans(text, start, end))
        elif _CODE.match(media_type):
            blocks.extend(_code_blocks(text, start, end))
        else:
            lines = [_classify(text[s:e], s, e) for s, e in _spans(text, start, end)]
            blocks.extend(_group(lines))
    return blocks


def find_headings(document: Document, blocks: Sequence[Block]) -> tuple[Heading, ...]:
    """The document's outline where the reader gave one, else the headings found among its blocks."""
    if document.outline:
        return document.outline
    titled = ((block, clean_line(block.title, TITLE_CHARS)) for block in blocks if block.level)
    return tuple(
        Heading(level=block.level, text=title, start=block.start) for block, title in titled
    )


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = text.find("\n", start, end) + 1 or end
        yield start, stop
        start = stop


def _code_blocks(text: str, start: int, end: int) -> Iterator[Block]:
    """Group source lines: a new block starts at an unindented line after a blank one."""
    block_start, blank = start, False
    for line_start, line_end in _spans(text, start, end):
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


def _classify(raw: str, start: int, end: int) -> _Line:
    text = raw.strip()
    if not text:
        return _Line("blank", start, end, text)
    first = text[0]
    if first == "#" and (heading := _markdown_heading(text)):
        return _Line("heading", start, end, text, *heading)
    kind = ""
    if first == "|":
        kind = "pipe"
    elif first in "`~" and text.startswith(("```", "~~~")):
        kind = "fence"
    elif first in "=-" and _UNDERLINE.match(text):
        kind = "underline"
    elif _is_row(text):
        kind = "row"
    return _Line(kind, start, end, text) if kind else _classify_plain(text, start, end)


def _markdown_heading(text: str) -> tuple[int, str] | None:
    """Level and title. By hand: a pattern takes the square of a long line's length."""
    rest = text.lstrip("#")
    level = len(text) - len(rest)
    if level > _MARKDOWN_LEVELS or not rest[:1].isspace():
        return None
    return level, rest.strip().rstrip("#").rstrip()[:TITLE_CHARS]


def _classify_plain(text: str, start: int, end: int) -> _Line:
    first = text[0]
    if first.isdigit() and (match := _CLAUSE.match(text)):
        title = f"{match[1]} {match[2].strip()}"[:TITLE_CHARS]
        return _Line("clause", start, end, text, 3 + match[1].count("."), title)
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


def _is_row(text: str) -> bool:
    """Whether a line of plain text looks like a table's row: it ends in a number, and many fields are numbers, or the
    last two are, however long the label.
    """
    if text[-1] not in _ROW_END or len(text) > 3 * _HEAD_CHARS:
        return False
    fields = [field for field in text.split() if field not in _CURRENCIES]
    numbers = sum(map(_is_number, fields))
    return numbers > 1 and (numbers >= _ROW_SHARE * len(fields) or _is_number(fields[-2]))


def _is_number(field: str) -> bool:
    return field[-1] in _ROW_END and not field[0].islower() and not field[0].isupper()


def _group(lines: Sequence[_Line]) -> Iterator[Block]:
    """Join lines into blocks. Blank lines end a block and belong to it."""
    at, count = 0, len(lines)
    while at < count:
        kind = lines[at].kind
        if kind == "fence":
            stop = _after_fence(lines, at)
            made = Block("code", lines[at].start, lines[stop - 1].end)
        elif kind == "pipe":
            stop = next((i for i in range(at, count) if lines[i].kind != "pipe"), count)
            made = Block("table", lines[at].start, lines[stop - 1].end, head_end=lines[at].end)
        elif (table := _plain_table(lines, at)) is not None:
            stop, made = table
        elif kind in {"heading", "clause"}:
            stop = at + 1 if kind == "heading" else _after(lines, at + 1)
            made = Block(
                "heading" if stop == at + 1 else "paragraph",
                *_extent(lines, at, stop),
                lines[at].level,
                lines[at].title,
            )
        elif (
            kind in {"text", "row"}
            and at + 1 < count
            and lines[at + 1].kind == "underline"
            and len(lines[at].text) <= TITLE_CHARS
        ):
            stop = at + 2
            made = Block(
                "heading",
                *_extent(lines, at, stop),
                1 if lines[at + 1].text[0] == "=" else 2,
                lines[at].text,
            )
        else:
            stop = _after(lines, at + 1)
            made = Block("list" if kind == "item" else "paragraph", *_extent(lines, at, stop))
        while stop < count and lines[stop].kind == "blank":
            stop += 1
        yield made._replace(end=lines[stop - 1].end)
        at = stop


def _extent(lines: Sequence[_Line], at: int, stop: int) -> tuple[int, int]:
    return lines[at].start, lines[stop - 1].end


def _after(lines: Sequence[_Line], at: int) -> int:
    """The first line from ``at`` on that does not go on with a paragraph: another kind, or a plain table's first."""
    while (
        at < len(lines)
        and lines[at].kind in {"text", "row", "underline"}
        and _plain_table(lines, at) is None
    ):
        at += 1
    return at


def _after_fence(lines: Sequence[_Line], at: int) -> int:
    fence = lines[at].text[:3]
    for stop in range(at + 1, len(lines)):
        if lines[stop].kind == "fence" and lines[stop].text.startswith(fence):
            return stop + 1
    return len(lines)


def _plain_table(lines: Sequence[_Line], at: int) -> tuple[int, Block] | None:
    """The table of plain text that starts at this line, heads included, and where it stops; None for none."""
    first = at
    while (
        first < len(lines) and first - at < _HEAD_LINES + _CAPTION_LINES and _is_head(lines[first])
    ):
        first += 1
    if first >= len(lines) or lines[first].kind != "row":
        return None
    if not all(_is_caption(line.text) for line in lines[at : max(at, first - _HEAD_LINES)]):
        return None
    stop, rows = first, 0
    while (row := _next_row(lines, stop)) is not None:
        stop, rows = row + 1, rows + 1
    if rows < 2:  # noqa: PLR2004 - one row is no table
        return None
    body = first
    while body < stop and all(
        _YEAR.search(field) for field in lines[body].text.split() if field[-1].isdigit()
    ):
        body += 1
    head_end = lines[body - 1].end if body > at else lines[at].start
    return stop, Block("table", lines[at].start, lines[stop - 1].end, head_end=head_end)


def _is_head(line: _Line) -> bool:
    return line.kind == "text" and len(line.text) <= _HEAD_CHARS and line.text[-1] not in ".;,"


def _is_caption(text: str) -> bool:
    """Whether a line announces what follows, numbers it as a table, or is written like a title."""
    if text[-1] == ":" or _NUMBERED_TABLE.match(text):
        return True
    words = [word for word in text.split() if word[0].isalpha()]
    return bool(words) and not any(word[0].islower() and len(word) > _SMALL for word in words)


def _next_row(lines: Sequence[_Line], at: int) -> int | None:
    """The next numeric row from ``at`` on, past at most two lines that only carry a label."""
    for row in range(at, min(at + 3, len(lines))):
        line = lines[row]
        if line.kind == "row":
            return row
        if line.kind not in {"text", "item", "clause"} or line.text[-1] == ".":
            return None
        if len(line.text) > (_HEAD_CHARS if line.text[-1] == ":" else _ROW_LABEL_CHARS):
            return None
    return None
