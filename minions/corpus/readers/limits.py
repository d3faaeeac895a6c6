"""The limits of the readers on one file's time and memory, each with its reason.

A file may come from anywhere. A kilobyte can claim to hold terabytes, and a hundred bytes can ask
for a table of a billion cells. So each format is bounded where it can grow beyond its own size. A
file that passes a limit is unreadable, with a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from minions.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MIB: Final = 2**20

# Text is decoded once: a gigabyte needs a small multiple of itself. The tree of an HTML page takes
# twenty times the memory of its markup.
MAX_TEXT_BYTES: Final = 2048 * _MIB
MAX_PARSED_BYTES: Final = 256 * _MIB
# Office files and books, unpacked. Libraries hold all of it in memory. Pictures hardly shrink when
# packed, so only a large slide deck comes near.
MAX_EXPANDED_BYTES: Final = 512 * _MIB
# Office XML packs to a tenth, and spreadsheets of zeros to a fiftieth. Only repetition packs to
# less.
MAX_RATIO: Final = 200
RATIO_FREE_BYTES: Final = 16 * _MIB
# A book with a file for each page has a few thousand. Each costs a kilobyte before it is opened.
MAX_ENTRIES: Final = 20_000
# Elements and attributes of XML that is held as a tree; in Word files they take about a kilobyte
# each.
MAX_XML_NODES: Final = 2_000_000
# Elements and attributes of an HTML page; they take 350 bytes each.
MAX_HTML_NODES: Final = 6_000_000
# Looks of the HTML parser at open elements and attributes, 5 to 20 ns each. A large filing takes
# 100 million.
MAX_HTML_EFFORT: Final = 300_000_000
# Cells of a spreadsheet, or of an HTML table with its spans spread out. Empty cells count up to the
# last one in a row.
MAX_CELLS: Final = 20_000_000
MAX_TABLE_CELLS: Final = 2_000_000
# The largest number of rows that a spreadsheet may have by its own standard.
MAX_ROWS: Final = 1_048_576
# The drawing of a page of small print takes 100 kilobytes, and is packed to a tenth.
MAX_PDF_STREAM_BYTES: Final = 4 * _MIB
MAX_PDF_RATIO: Final = 100
MAX_PAGES: Final = 50_000
# Text that a format stores once and shows in many places (shared strings, footnotes, slides, spans)
# is counted as often as it is shown.
MAX_EXTRACTED_CHARS: Final = 256 * _MIB
# Forwarded mail within mail, groups within groups, lists within lists: deeper levels are not told
# apart.
MAX_DEPTH: Final = 20
MAX_JSON_DEPTH: Final = 20
# Mail headers: a thousand recipients fit. The parameters of a content type need less.
MAX_HEADER_CHARS: Final = 65_536
MAX_CONTENT_HEADER_CHARS: Final = 2048
# A longer title or heading is really a paragraph.
MAX_HEADING_CHARS: Final = 200


def too_much(what: str) -> UnreadableError:
    """The error for a file that passes a limit; `read_document` adds the file's path."""
    return UnreadableError("", what)


def bounded(texts: Iterable[str]) -> Iterator[str]:
    """The texts, one by one. Raises UnreadableError beyond `MAX_EXTRACTED_CHARS` together."""
    total = 0
    for text in texts:
        total += len(text)
        if total > MAX_EXTRACTED_CHARS:
            millions = MAX_EXTRACTED_CHARS // 10**6
            raise too_much(f"its text takes more than {millions:,} million characters: split it")
        yield text
