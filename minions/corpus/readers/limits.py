"""What reading one file may take: every limit of the readers, and why it is where it is.

A file comes from anywhere. A kilobyte can claim to hold terabytes, a hundred bytes can ask for a table of a billion
cells: each format is bounded where it can grow beyond its own size. What passes a limit is unreadable, with a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from minions.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MIB: Final = 2**20

# Text is decoded once: a gigabyte needs a small multiple of itself. A page's tree takes twenty times its markup.
MAX_TEXT_BYTES: Final = 2048 * _MIB
MAX_PARSED_BYTES: Final = 256 * _MIB
# Office files and books, unpacked. Pictures do not shrink, so this is a large deck; libraries hold all of it.
MAX_EXPANDED_BYTES: Final = 512 * _MIB
# Office XML packs to a tenth, spreadsheets of zeros to a fiftieth; only what repeats itself packs to less.
MAX_RATIO: Final = 200
RATIO_FREE_BYTES: Final = 16 * _MIB
# A book of one file a page has a few thousand; each costs a kilobyte before it is opened.
MAX_ENTRIES: Final = 20_000
# Elements and attributes of XML that is held as a tree: about a kilobyte each where Word files are read.
MAX_XML_NODES: Final = 2_000_000
# Elements and attributes of a page: 350 bytes each.
MAX_HTML_NODES: Final = 6_000_000
# Looks of the parser at open elements and attributes, 5 to 20 ns each; a large filing takes 100 million.
MAX_HTML_EFFORT: Final = 300_000_000
# Cells of a spreadsheet, or of an HTML table with its spans spread out; empty ones up to a row's last count.
MAX_CELLS: Final = 20_000_000
MAX_TABLE_CELLS: Final = 2_000_000
# What a spreadsheet may have at most by its own standard.
MAX_ROWS: Final = 1_048_576
# A page of small print takes 100 kilobytes of drawing, packed to a tenth.
MAX_PDF_STREAM_BYTES: Final = 4 * _MIB
MAX_PDF_RATIO: Final = 100
MAX_PAGES: Final = 50_000
# Text that a format repeats from one place in many (shared strings, footnotes, slides, spans) is counted as often.
MAX_EXTRACTED_CHARS: Final = 256 * _MIB
# Forwarded mail within mail, groups within groups, lists within lists: deeper ones are not told apart any more.
MAX_DEPTH: Final = 20
MAX_JSON_DEPTH: Final = 20
# Headers: a thousand recipients fit; of a content type's parameters nobody needs more.
MAX_HEADER_CHARS: Final = 65_536
MAX_CONTENT_HEADER_CHARS: Final = 2048
# A title or heading that is longer is a paragraph in disguise.
MAX_HEADING_CHARS: Final = 200


def too_much(what: str) -> UnreadableError:
    """The error of a file that passes a limit; `minions.corpus.readers.read_document` adds its path."""
    return UnreadableError("", what)


def bounded(texts: Iterable[str]) -> Iterator[str]:
    """The texts, while they fit in `MAX_EXTRACTED_CHARS` together. Raises UnreadableError after that."""
    total = 0
    for text in texts:
        total += len(text)
        if total > MAX_EXTRACTED_CHARS:
            raise too_much(
                f"its text takes more than {MAX_EXTRACTED_CHARS // 10**6:,} million characters: split it"
            )
        yield text
