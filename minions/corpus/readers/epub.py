"""EPUB: the chapters in reading order, each by way of HTML."""

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
    import zipfile
    from collections.abc import Iterator

    from minions.corpus.readers.extract import Source
    from minions.values.documents import Heading

_CONTAINER: Final = "META-INF/container.xml"


def read_epub(source: Source) -> Extract:
    """The book's text along its spine. Raises UnreadableError for a broken or copy-protected book."""
    with open_archive(source, "EPUB") as archive:
        names = set(archive.namelist())
        if "META-INF/rights.xml" in names or "META-INF/sinf.xml" in names:
            raise source.unreadable("EPUB is copy-protected: remove the protection first")
        try:
            check_parts(source, archive, "EPUB", only={_CONTAINER})
            package_path = _package_path(archive)
            check_parts(source, archive, "EPUB", only={package_path})
            package = ET.fromstring(archive.read(package_path))  # noqa: S314 - without entities: see check_parts
        except (KeyError, StopIteration, ET.ParseError) as error:
            raise source.unreadable("EPUB is broken: its table of files cannot be read") from error
        # Each once, as the standard wants it: a spine may name one chapter a million times.
        spine = [name for name in dict.fromkeys(_spine(package, package_path)) if name in names]
        chapters = [_chapter(source, archive, name) for name in spine]
    title = package.findtext(".//{http://purl.org/dc/elements/1.1/}title")
    text, outline = _join(chapters)
    return Extract(
        text, "application/epub+zip", title=(title or "").strip() or None, outline=outline
    )


def _chapter(source: Source, archive: zipfile.ZipFile, name: str) -> Extract:
    if archive.getinfo(name).file_size > MAX_PARSED_BYTES:
        raise source.unreadable(f"EPUB has a chapter of more than {MAX_PARSED_BYTES // 2**20} MiB")
    return convert_html(decode_text(archive.read(name)))


def _package_path(archive: zipfile.ZipFile) -> str:
    container = ET.fromstring(archive.read(_CONTAINER))  # noqa: S314 - without entities: see check_parts
    return next(
        root.get("full-path", "") for root in container.iter() if root.tag.endswith("}rootfile")
    )


def _spine(package: ET.Element, package_path: str) -> Iterator[str]:
    """The names of the chapters within the archive."""
    files = {item.get("id"): item for item in package.iter() if item.tag.endswith("}item")}
    folder = posixpath.dirname(package_path)
    for reference in package.iter():
        item = files.get(reference.get("idref")) if reference.tag.endswith("}itemref") else None
        if (
            item is not None
            and "html" in item.get("media-type", "")
            and "nav" not in item.get("properties", "")
        ):
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))


def _join(chapters: list[Extract]) -> tuple[str, tuple[Heading, ...]]:
    texts: list[str] = []
    outline: list[Heading] = []
    start = 0
    for chapter in chapters:
        if not chapter.text:
            continue
        outline.extend(
            heading.model_copy(update={"start": heading.start + start})
            for heading in chapter.outline
        )
        texts.append(chapter.text + "\n")
        start += len(texts[-1])
    return "".join(texts), tuple(outline)
