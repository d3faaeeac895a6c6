"""EPUB: the chapters in reading order, each converted from HTML."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from minions.corpus.readers.archive import check_parts, open_archive
from minions.corpus.readers.encoding import decode_text
from minions.corpus.readers.extract import Extract
from minions.corpus.readers.html_page import convert_html
from minions.corpus.readers.limits import MAX_PARSED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.readers.extract import Source
    from minions.values.documents import Heading

_CONTAINER: Final = "META-INF/container.xml"
_TITLE: Final = ".//{http://purl.org/dc/elements/1.1/}title"


def read_epub(source: Source) -> Extract:
    """The book's text in reading order. Raises UnreadableError if it is broken or protected."""
    with open_archive(source, "EPUB") as archive:
        names = set(archive.namelist())
        if "META-INF/rights.xml" in names or "META-INF/sinf.xml" in names:
            raise source.unreadable("EPUB is copy-protected: remove the protection first")
        try:
            check_parts(source, archive, "EPUB", only={_CONTAINER})
            container = ET.fromstring(archive.read(_CONTAINER))  # noqa: S314 - without entities: see check_parts
            package_path = next(
                element.get("full-path", "")
                for element in container.iter()
                if element.tag.endswith("}rootfile")
            )
            check_parts(source, archive, "EPUB", only={package_path})
            package = ET.fromstring(archive.read(package_path))  # noqa: S314 - without entities: see check_parts
        except (KeyError, StopIteration, ET.ParseError) as error:
            raise source.unreadable("EPUB is broken: its table of files cannot be read") from error
        texts: list[str] = []
        outline: list[Heading] = []
        start = 0
        # Each chapter once, as the standard asks: a spine may name one chapter a million times.
        for name in dict.fromkeys(_spine(package, package_path)):
            if name not in names:
                continue
            if archive.getinfo(name).file_size > MAX_PARSED_BYTES:
                limit = MAX_PARSED_BYTES // 2**20
                raise source.unreadable(f"EPUB has a chapter of more than {limit} MiB")
            chapter = convert_html(decode_text(archive.read(name)))
            if not chapter.text:
                continue
            for heading in chapter.outline:
                moved = heading.model_copy(update={"start": heading.start + start})
                outline.append(moved)
            texts.append(chapter.text + "\n")
            start += len(texts[-1])
    title = (package.findtext(_TITLE) or "").strip()
    return Extract(
        "".join(texts), "application/epub+zip", title=title or None, outline=tuple(outline)
    )


def _spine(package: ET.Element, package_path: str) -> Iterator[str]:
    """The chapters' names in the archive, in reading order, without navigation."""
    files = {item.get("id"): item for item in package.iter() if item.tag.endswith("}item")}
    folder = posixpath.dirname(package_path)
    for reference in package.iter():
        if not reference.tag.endswith("}itemref"):
            continue
        item = files.get(reference.get("idref"))
        if item is None or "html" not in item.get("media-type", ""):
            continue
        if "nav" not in item.get("properties", ""):
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
