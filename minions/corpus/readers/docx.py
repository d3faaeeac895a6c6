"""DOCX: converted to HTML first, so that headings, lists and tables are kept."""

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
    """The text with all revisions accepted, footnotes at the end, and without pictures."""
    import mammoth

    with open_archive(source, "DOCX") as archive:
        check_parts(source, archive, "DOCX")
        title = _title(archive)
    html = mammoth.convert_to_html(
        io.BytesIO(source.data),
        style_map=_STYLES,
        convert_image=lambda _image: [],
        transform_document=_checked,
    ).value
    # Mammoth ends each footnote with an arrow that links back to the text.
    extract = convert_html(html.replace("↑</a>", "</a>"))
    return replace(extract, media_type=MEDIA_TYPE, title=title or extract.title)


def _checked(document: Any) -> Any:
    """The document, unchanged.

    Every reference to a note makes a copy of the note. Raises UnreadableError where the copies take
    more text than a file may have.
    """
    references: Counter[tuple[str, str]] = Counter()
    for element in _elements(document):
        if type(element).__name__ == "NoteReference":
            references[element.note_type, element.note_id] += 1
    characters = 0
    for key, count in references.items():
        for body in document.notes.find_note(*key).body:
            for element in _elements(body):
                characters += count * len(getattr(element, "value", ""))
    if characters > MAX_EXTRACTED_CHARS:
        raise too_much("DOCX repeats its notes beyond measure: it is broken, or an attack")
    return document


def _elements(root: Any) -> Iterator[Any]:
    """The element and all elements within it, in no fixed order."""
    pending = [root]
    while pending:
        element = pending.pop()
        yield element
        pending.extend(getattr(element, "children", ()))


def _title(archive: zipfile.ZipFile) -> str | None:
    """The title among the document's properties; None where it has none."""
    try:
        core = archive.read("docProps/core.xml").decode("utf-8", "replace")
    except (KeyError, zipfile.BadZipFile, zlib.error):
        return None
    import html

    found = _TITLE.search(core)
    if found is None:
        return None
    return html.unescape(found.group(1)).strip()
