"""Choice of a file's reader: by certain marks in the content, the suffix, the likely format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.archive import open_archive
from minions.corpus.readers.csv_table import read_csv
from minions.corpus.readers.docx import read_docx
from minions.corpus.readers.epub import read_epub
from minions.corpus.readers.html_page import read_html
from minions.corpus.readers.json_data import read_json, read_json_lines
from minions.corpus.readers.limits import MAX_PARSED_BYTES, MAX_TEXT_BYTES
from minions.corpus.readers.mail import read_mail, read_mailbox
from minions.corpus.readers.markdown import read_markdown
from minions.corpus.readers.pdf import read_pdf
from minions.corpus.readers.pptx import read_pptx
from minions.corpus.readers.text import SOURCE_SUFFIXES, read_source, read_text
from minions.corpus.readers.xlsx import read_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minions.corpus.readers.extract import Extract, Source

    Read = Callable[[Source], Extract]

_BY_SUFFIX: Final[dict[str, Read]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".mdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".docm": read_docx,
    ".pptx": read_pptx,
    ".xlsx": read_xlsx,
    ".epub": read_epub,
    ".eml": read_mail,
    ".mbox": read_mailbox,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".json": read_json,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    **dict.fromkeys(SOURCE_SUFFIXES, read_source),
}

_PLAIN: Final = frozenset({".txt", ".text", ".log", ".rst", ".tex", ".xml"})
# Files with these suffixes must be zip archives.
_ZIPPED: Final = {
    ".docx": "DOCX",
    ".docm": "DOCM",
    ".pptx": "PPTX",
    ".pptm": "PPTM",
    ".xlsx": "XLSX",
    ".xlsm": "XLSM",
    ".epub": "EPUB",
}
_PARSED: Final = frozenset({*_ZIPPED, ".html", ".htm", ".xhtml", ".eml"})
_IN_ZIP: Final[tuple[tuple[str, Read], ...]] = (
    ("word/document.xml", read_docx),
    ("ppt/presentation.xml", read_pptx),
    ("xl/workbook.xml", read_xlsx),
    ("META-INF/container.xml", read_epub),
)
# No pattern here may look at a byte more than a few times: strangers' files are matched against it.
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURES: Final = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_PACKED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")
_HTML_START: Final = re.compile(
    rb"\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_MAIL_HEADERS: Final = (
    b"Return-Path|Received|Delivered-To|MIME-Version|Message-ID|From|To|Date|Subject"
)
_MAIL_START: Final = re.compile(b"(?:(?:" + _MAIL_HEADERS + rb"): .*\r?\n){2}", re.IGNORECASE)
_MAILBOX_START: Final = re.compile(rb"From \S.*?\d\d:\d\d(?>.*\r?\n)[\w-]+: ")
_LIKELY: Final[tuple[tuple[re.Pattern[bytes], Read], ...]] = (
    (_HTML_START, read_html),
    (_MAIL_START, read_mail),
    (_MAILBOX_START, read_mailbox),
)


def size_limit(path: Path) -> int:
    """The largest file size in bytes that is read, for the format that the suffix stands for."""
    if path.suffix.lower() in _PARSED:
        return MAX_PARSED_BYTES
    return MAX_TEXT_BYTES


def choose(source: Source) -> Read:
    """The reader for a file. Raises UnreadableError for content that no reader reads."""
    suffix = source.path.suffix.lower()
    head = source.data[:1024]
    if b"%PDF-" in head and (suffix == ".pdf" or head.lstrip().startswith(b"%PDF-")):
        return read_pdf
    if head.startswith(b"PK\x03\x04"):
        return _choose_zipped(source)
    _refuse_known(source, head, suffix)
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if suffix in _PLAIN:
        return read_text
    for start, reader in _LIKELY:
        if start.match(head):
            return reader
    return read_text


def _choose_zipped(source: Source) -> Read:
    """The reader for a zip archive, by the names of the files in it."""
    promised = _ZIPPED.get(source.path.suffix.lower())
    with open_archive(source, promised or "archive") as archive:
        names = set(archive.namelist())
    for name, reader in _IN_ZIP:
        if name in names:
            return reader
    if promised:
        raise source.unreadable(f"{promised} is broken: its main part is missing")
    if "content.xml" in names:
        raise source.unreadable("OpenDocument has no reader: save it as DOCX, XLSX or PDF")
    raise source.unreadable("archive: unpack it first")


def _refuse_known(source: Source, head: bytes, suffix: str) -> None:
    """Raise UnreadableError for content that is no text, with a way to get text from it."""
    if head.startswith(_OLE):
        raise source.unreadable(
            "encrypted or old Office file: save it without a password as .docx, .xlsx or .pptx"
        )
    if suffix == ".pdf":
        raise source.unreadable("PDF is broken: it does not begin like one")
    if suffix in _ZIPPED:
        raise source.unreadable(f"{_ZIPPED[suffix]} is broken: it is no zip archive")
    if head.startswith(_PICTURES):
        raise source.unreadable("picture: run OCR first (for example ocrmypdf)")
    if head.startswith(_PACKED):
        raise source.unreadable("archive: unpack it first")
    if head.startswith(b"{\\rtf"):
        raise source.unreadable("RTF has no reader: save it as DOCX")
