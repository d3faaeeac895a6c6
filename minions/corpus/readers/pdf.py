"""PDF, page by page, with pypdfium2."""

from __future__ import annotations

import re
import threading
import zlib
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

# PDFium keeps global state: two threads in it at once crash the process.
_PDFIUM: Final = threading.Lock()
_PAGE_BREAK: Final = "\n\n"
# Where a line ends in a hyphen PDFium puts this in the hyphen's place and drops the line break.
_HYPHEN: Final = "\ufffe"
_BROKEN_WORD: Final = re.compile(rf"(?:(?<!\w)(\w+))?[{_HYPHEN}\x02](\w*)")
_WORD: Final = re.compile(r"\w+(?:-\w+)*")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\xad\ufffe\uffff]")
# A bookmark's section number is often not written as on the page: "II" for "II.", or not at all.
_NUMBER: Final = re.compile(r"^(?:[\dA-Z]{1,4}(?:[.-][\dA-Z]{1,3})*\.?|[IVX]+)\s+(?=\S)")
# What programs put where nobody wrote a title.
_NO_TITLE: Final = re.compile(
    r"$|untitled|microsoft (word|powerpoint)|\S+\.(docx?|tex|dvi|indd|pptx?|pdf)$", re.IGNORECASE
)
_MAX_BOOKMARKS: Final = 5000
_SEARCHED_CHARS: Final = (
    50_000  # of a page for each bookmark that names it; a full page of small print has 10,000
)
_ENCRYPTED: Final = "PDF is encrypted: decrypt it first (for example qpdf --decrypt)"
_BROKEN: Final = "PDF is broken: it cannot be opened"
_PASSWORD: Final = "password"  # noqa: S105 - a word in PDFium's message


def read_pdf(source: Source) -> Extract:
    """The text of each page in the order the file draws it, which keeps table rows on a line and columns apart.

    A blank line after each page but the last belongs to that page, so the pages tile the text. Words that were
    hyphenated at a line's end are whole again. The outline is the bookmarks. Raises UnreadableError for a broken or
    encrypted file, and for one whose pages are all pictures.
    """
    import pypdfium2

    if is_bomb(source.data):
        raise too_much("PDF holds a page that is packed beyond measure: it is broken, or an attack")
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(source.data)
        except pypdfium2.PdfiumError as error:
            raise source.unreadable(
                _ENCRYPTED if _PASSWORD in str(error).lower() else _BROKEN
            ) from error
        try:
            if len(document) > MAX_PAGES:  # a file may claim any number
                raise too_much(f"PDF has more than {MAX_PAGES:,} pages: split it")
            texts = list(bounded(_page_text(document, number) for number in range(len(document))))
            bookmarks = list(_bookmarks(document))
            title = storable(str(document.get_metadata_dict().get("Title") or "")).strip()
        finally:
            document.close()
    if not any(text.strip() for text in texts):
        raise source.unreadable("PDF has no text layer: run OCR first (for example ocrmypdf)")
    text, pages = _tile(_whole_words(texts))
    outline = _outline(text, pages, bookmarks)
    return Extract(
        text,
        "application/pdf",
        title=None if _NO_TITLE.match(title) else title,
        pages=pages,
        outline=outline,
    )


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
    """Pages without control characters, with each word that a line end had cut as the document writes it elsewhere."""
    words = {word.lower() for text in texts for word in _WORD.findall(text)}

    def mended(match: re.Match[str]) -> str:
        before, after = match.group(1) or "", match.group(2)
        joined, hyphened = before + after, f"{before}-{after}"
        # A footnote's number sticks to the word it follows.
        if {joined.lower(), joined.lower().rstrip("0123456789")} & words:
            return joined
        # A capital, a digit or nothing after a hyphen was no division of a word: non-GAAP, mid-2023.
        kept = (
            hyphened.lower() in words
            or not before.isalpha()
            or not after.isalpha()
            or not after.islower()
        )
        return hyphened if kept else joined

    return [_clean(_BROKEN_WORD.sub(mended, text)) for text in texts]


def _clean(text: str) -> str:
    """Without control characters, and without white space at the ends of lines."""
    shown = _CONTROLS.sub("", storable(text).replace("\f", "\n"))
    return "\n".join(line.rstrip(" \t\xa0") for line in shown.split("\n"))


def _tile(texts: Sequence[str]) -> tuple[str, tuple[Page, ...]]:
    pieces = [text.strip("\n") + _PAGE_BREAK for text in texts[:-1]] + [
        texts[-1].strip("\n") + "\n"
    ]
    pages: list[Page] = []
    start = 0
    for number, piece in enumerate(pieces, start=1):
        pages.append(Page(number=number, start=start, end=start + len(piece)))
        start += len(piece)
    return "".join(pieces), tuple(pages)


def _bookmarks(document: Any) -> Iterator[tuple[int, str, int]]:
    """(level, title, page index) of each bookmark that names a page."""
    for bookmark, _ in zip(document.get_toc(), range(_MAX_BOOKMARKS), strict=False):
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None:
            yield bookmark.level + 1, " ".join(storable(bookmark.get_title()).split()), index


def _outline(
    text: str, pages: tuple[Page, ...], bookmarks: Sequence[tuple[int, str, int]]
) -> tuple[Heading, ...]:
    """The bookmarks, each at the line of its page that shows its title, else at the page's start."""
    found: list[Heading] = []
    for level, title, index in bookmarks:
        if not title or not 0 <= index < len(pages):
            continue
        page = pages[index]
        words = r"\s+".join(map(re.escape, _NUMBER.sub("", title)[:MAX_HEADING_CHARS].split()))
        shown = re.compile(words, re.IGNORECASE).search(
            text, page.start, min(page.end, page.start + _SEARCHED_CHARS)
        )
        start = text.rfind("\n", page.start, shown.start()) + 1 if shown else page.start
        found.append(Heading(level=level, text=title, start=max(start, page.start)))
    return tuple(sorted(found, key=lambda heading: heading.start))


_STREAM: Final = re.compile(rb"stream\r?\n(?=[\x08-\x78][\x01-\xff])")

_PIECE_BYTES: Final = 2**16

_READABLE: Final = bytes(range(32, 127)) + b"\t\r\n"

_SHARE: Final = (
    0.9  # of bytes that a person could read: pictures, which may well be one colour, have fewer
)


def is_bomb(data: bytes) -> bool:
    """Whether a stream of text is larger than `MAX_PDF_STREAM_BYTES` and `MAX_PDF_RATIO` times its packed size."""
    return any(_explodes(data, stream.end()) for stream in _STREAM.finditer(data))


def _explodes(data: bytes, start: int) -> bool:
    unpacking = zlib.decompressobj()
    expanded = readable = 0
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
            if (
                expanded > max(MAX_PDF_STREAM_BYTES, MAX_PDF_RATIO * consumed)
                and readable > _SHARE * expanded
            ):
                return True
        if unpacking.eof:
            break
    return False
