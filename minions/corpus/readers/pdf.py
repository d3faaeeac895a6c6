"""PDF, page by page, with pypdfium2."""

from __future__ import annotations

import re
import threading
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.readers.encoding import storable
from minions.corpus.readers.extract import Extract
from minions.corpus.readers.limits import (
    MAX_HEADING_CHARS,
    MAX_PAGES,
    MAX_PDF_RATIO,
    MAX_PDF_STREAM_BYTES,
    bounded,
    too_much,
)
from minions.values.documents import Heading, Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minions.corpus.readers.extract import Source

# PDFium keeps global state, so two threads in it at once crash the process.
_PDFIUM: Final = threading.Lock()
_PAGE_BREAK: Final = "\n\n"
# Where a line ends in a hyphen, PDFium writes this character instead, and drops the line break.
_HYPHEN: Final = "\ufffe"
_BROKEN_WORD: Final = re.compile(rf"(?:(?<!\w)(\w+))?[{_HYPHEN}\x02](\w*)")
_WORD: Final = re.compile(r"\w+(?:-\w+)*")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\xad\ufffe\uffff]")
# A bookmark often has a section number that the page writes in another way ("II." for "II") or not
# at all.
_NUMBER: Final = re.compile(r"^(?:[\dA-Z]{1,4}(?:[.-][\dA-Z]{1,3})*\.?|[IVX]+)\s+(?=\S)")
# Titles that programs write where the author gave none.
_NO_TITLE: Final = re.compile(
    r"$|untitled|microsoft (word|powerpoint)|\S+\.(docx?|tex|dvi|indd|pptx?|pdf)$", re.IGNORECASE
)
_MAX_BOOKMARKS: Final = 5000
# The part of a page that is searched for each of its bookmarks; a page of small print has 10,000
# characters.
_SEARCHED_CHARS: Final = 50_000
_ENCRYPTED: Final = "PDF is encrypted: decrypt it first (for example qpdf --decrypt)"
_BROKEN: Final = "PDF is broken: it cannot be opened"
_PASSWORD: Final = "password"  # noqa: S105 - a word in PDFium's message


def read_pdf(source: Source) -> Extract:
    """The text of each page in the order in which the file draws it.

    This order keeps a table's row on one line, and columns apart. Each page but the last ends with
    a blank line, so that the pages tile the text. Words that were hyphenated at a line's end are
    whole again. The bookmarks are the outline. Raises UnreadableError for a broken or encrypted
    file, and for a file whose pages are all pictures.
    """
    import pypdfium2

    if is_bomb(source.data):
        raise too_much("PDF holds a page that is packed beyond measure: it is broken, or an attack")
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(source.data)
        except pypdfium2.PdfiumError as error:
            reason = _BROKEN
            if _PASSWORD in str(error).lower():
                reason = _ENCRYPTED
            raise source.unreadable(reason) from error
        try:
            if len(document) > MAX_PAGES:  # a file may claim any number
                raise too_much(f"PDF has more than {MAX_PAGES:,} pages: split it")
            numbers = range(len(document))
            texts = list(bounded(_page_text(document, number) for number in numbers))
            bookmarks = list(_bookmarks(document))
            title = storable(str(document.get_metadata_dict().get("Title") or "")).strip()
        finally:
            document.close()
    if not any(text.strip() for text in texts):
        raise source.unreadable("PDF has no text layer: run OCR first (for example ocrmypdf)")
    pieces = [text.strip("\n") + _PAGE_BREAK for text in _whole_words(texts)]
    pieces[-1] = pieces[-1].removesuffix(_PAGE_BREAK) + "\n"
    pages: list[Page] = []
    start = 0
    for number, piece in enumerate(pieces, start=1):
        end = start + len(piece)
        pages.append(Page(number=number, start=start, end=end))
        start = end
    text = "".join(pieces)
    outline = _outline(text, pages, bookmarks)
    named = None if _NO_TITLE.match(title) else title
    return Extract(text, "application/pdf", title=named, pages=tuple(pages), outline=outline)


def _page_text(document: Any, number: int) -> str:
    """A page's text; a page that cannot be loaded has none."""
    import pypdfium2

    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return ""
    try:
        text_page = page.get_textpage()
        try:
            return str(text_page.get_text_range())
        finally:
            text_page.close()
    except pypdfium2.PdfiumError:
        return ""
    finally:
        page.close()


def _whole_words(texts: Sequence[str]) -> list[str]:
    """The pages without control characters, and with whole words where a line's end had cut them.

    A cut word gets a hyphen or none as the document writes the word elsewhere.
    """
    words: set[str] = set()
    for text in texts:
        words.update(map(str.lower, _WORD.findall(text)))

    def mended(match: re.Match[str]) -> str:
        before = match.group(1) or ""
        after = match.group(2)
        joined = before + after
        hyphened = f"{before}-{after}"
        # The number of a footnote follows its word without a space.
        if joined.lower() in words or joined.lower().rstrip("0123456789") in words:
            return joined
        if hyphened.lower() in words:
            return hyphened
        # Only small letters continue a word. In "non-GAAP" and "mid-2023" the hyphen is the
        # author's.
        if before.isalpha() and after.isalpha() and after.islower():
            return joined
        return hyphened

    pages: list[str] = []
    for text in texts:
        whole = storable(_BROKEN_WORD.sub(mended, text)).replace("\f", "\n")
        lines = _CONTROLS.sub("", whole).split("\n")
        pages.append("\n".join([line.rstrip(" \t\xa0") for line in lines]))
    return pages


def _bookmarks(document: Any) -> Iterator[tuple[int, str, int]]:
    """The level, title and page index of each bookmark that leads to a page."""
    for bookmark in islice(document.get_toc(), _MAX_BOOKMARKS):
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None:
            title = " ".join(storable(bookmark.get_title()).split())
            yield bookmark.level + 1, title, index


def _outline(
    text: str, pages: Sequence[Page], bookmarks: Sequence[tuple[int, str, int]]
) -> tuple[Heading, ...]:
    """The bookmarks, each at the line of its page that shows its title, else at the page's top."""
    found: list[Heading] = []
    for level, title, index in bookmarks:
        if not title or not 0 <= index < len(pages):
            continue
        page = pages[index]
        words = _NUMBER.sub("", title)[:MAX_HEADING_CHARS].split()
        pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
        end = min(page.end, page.start + _SEARCHED_CHARS)
        shown = pattern.search(text, page.start, end)
        start = page.start
        if shown:
            line_start = text.rfind("\n", page.start, shown.start()) + 1
            start = max(start, line_start)
        found.append(Heading(level=level, text=title, start=start))
    return tuple(sorted(found, key=lambda heading: heading.start))


_STREAM: Final = re.compile(rb"stream\r?\n(?=[\x08-\x78][\x01-\xff])")

_PIECE_BYTES: Final = 2**16

_READABLE: Final = bytes(range(32, 127)) + b"\t\r\n"

# The share of readable bytes in a stream of text. Pictures, which may well be of one colour, have
# fewer.
_SHARE: Final = 0.9


def is_bomb(data: bytes) -> bool:
    """True if some stream of text passes the limits of a page's drawing.

    It is larger than `MAX_PDF_STREAM_BYTES` and than `MAX_PDF_RATIO` times its packed size.
    """
    return any(_explodes(data, stream.end()) for stream in _STREAM.finditer(data))


def _explodes(data: bytes, start: int) -> bool:
    """True if the stream of text that begins at ``start`` exceeds the limits of `is_bomb`."""
    unpacking = zlib.decompressobj()
    expanded = 0
    readable = 0
    for at in range(start, len(data), _PIECE_BYTES):
        packed = data[at : at + _PIECE_BYTES]
        while packed:
            try:
                piece = unpacking.decompress(packed, MAX_PDF_STREAM_BYTES)
            except zlib.error:
                return False
            expanded += len(piece)
            readable += len(piece) - len(piece.translate(None, _READABLE))
            packed = unpacking.unconsumed_tail
            consumed = min(at + _PIECE_BYTES, len(data)) - len(packed) - start
            limit = max(MAX_PDF_STREAM_BYTES, MAX_PDF_RATIO * consumed)
            if expanded > limit and readable > _SHARE * expanded:
                return True
        if unpacking.eof:
            break
    return False
