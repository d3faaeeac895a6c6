"""DOCX, by way of HTML, so that headings, lists and tables survive."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.readers.archive import check_parts, open_archive
from minions.corpus.readers.html_page import convert_html
from minions.corpus.readers.limits import MAX_EXTRACTED_CHARS, too_much

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.readers.extract import Extract, Source

_TITLE: Final = re.compile(r"<dc:title[^<>]*>([^<]+)</dc:title>")
_STYLES: Final = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='heading 7'] => h6:fresh
"""
MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def read_docx(source: Source) -> Extract:
    """The text, with inserted revisions in and deleted ones out, footnotes at the end, and without pictures."""
    import mammoth

    with open_archive(source, "DOCX") as archive:
        check_parts(source, archive, "DOCX")
        title = _title(archive)
    how = {"style_map": _STYLES, "convert_image": _no_image, "transform_document": _checked}
    html = mammoth.convert_to_html(io.BytesIO(source.data), **how).value
    extract = convert_html(html.replace("↑</a>", "</a>"))
    return replace(extract, media_type=MEDIA_TYPE, title=title or extract.title)


def _no_image(_: Any) -> list[Any]:
    return []


def _checked(document: Any) -> Any:
    """The document as it is. Raises UnreadableError where its notes, of which every reference makes a copy, would take
    more text than a file may.
    """
    references = Counter(
        (one.note_type, one.note_id)
        for one in _elements(document)
        if type(one).__name__ == "NoteReference"
    )
    notes = ((document.notes.find_note(*key), count) for key, count in references.items())
    if sum(count * _length(note) for note, count in notes) > MAX_EXTRACTED_CHARS:
        raise too_much("DOCX repeats its notes beyond measure: it is broken, or an attack")
    return document


def _length(note: Any) -> int:
    return sum(len(getattr(one, "value", "")) for body in note.body for one in _elements(body))


def _elements(root: Any) -> Iterator[Any]:
    """The element and all within it, in no order."""
    pending = [root]
    while pending:
        element = pending.pop()
        yield element
        pending.extend(getattr(element, "children", ()))


def _title(archive: zipfile.ZipFile) -> str | None:
    try:
        core = archive.read("docProps/core.xml").decode("utf-8", "replace")
    except (KeyError, zipfile.BadZipFile, zlib.error):
        return None
    import html

    found = _TITLE.search(core)
    return html.unescape(found.group(1)).strip() if found else None
