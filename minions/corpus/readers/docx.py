"""DOCX, by way of HTML, so that headings, lists and tables survive."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.readers.archive import open_archive
from minions.corpus.readers.html_page import convert_html

if TYPE_CHECKING:
    from minions.corpus.readers.extract import Extract, Source

_TITLE: Final = re.compile(r"<dc:title[^>]*>([^<]+)</dc:title>")
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
        title = _title(archive)
    html = mammoth.convert_to_html(io.BytesIO(source.data), style_map=_STYLES, convert_image=_no_image).value
    extract = convert_html(html.replace("↑</a>", "</a>"))
    return replace(extract, media_type=MEDIA_TYPE, title=title or extract.title)


def _no_image(_: Any) -> list[Any]:
    return []


def _title(archive: zipfile.ZipFile) -> str | None:
    try:
        core = archive.read("docProps/core.xml").decode("utf-8", "replace")
    except (KeyError, zipfile.BadZipFile):
        return None
    import html

    found = _TITLE.search(core)
    return html.unescape(found.group(1)).strip() if found else None
