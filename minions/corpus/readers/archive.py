"""Opening of zip archives, in which office files and books come, within limits."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from minions.corpus.readers.limits import (
    MAX_ENTRIES,
    MAX_EXPANDED_BYTES,
    MAX_RATIO,
    MAX_XML_NODES,
    RATIO_FREE_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from minions.corpus.readers.extract import Source

_PIECE_BYTES: Final = 2**16
# Entries whose names start like this are read piece by piece, and never held as a tree.
_STREAMED: Final = ("xl/worksheets/", "xl/sharedStrings")
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    OSError,
    ValueError,
)


def open_archive(source: Source, format_name: str) -> zipfile.ZipFile:
    """The archive. Raises UnreadableError if it is no zip file, or expands beyond the limits."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(source.data))
    except _DAMAGED as error:
        raise source.unreadable(f"{format_name} is broken: it cannot be opened") from error
    entries = archive.infolist()
    expanded = sum(entry.file_size for entry in entries)
    reason = None
    if len(entries) > MAX_ENTRIES:
        reason = f"holds more than {MAX_ENTRIES:,} files"
    elif expanded > MAX_EXPANDED_BYTES:
        reason = f"expands to more than {MAX_EXPANDED_BYTES // 2**20} MiB"
    elif expanded > RATIO_FREE_BYTES and expanded > MAX_RATIO * len(source.data):
        reason = f"expands to more than {MAX_RATIO} times its size"
    if reason is not None:
        archive.close()
        raise source.unreadable(f"{format_name} {reason}")
    return archive


def check_parts(
    source: Source, archive: zipfile.ZipFile, format_name: str, *, only: Collection[str] = ()
) -> None:
    """Check the archive's parts (``only`` these names, if any) before a parser sees them.

    Raises UnreadableError where a part cannot be unpacked, where it defines XML entities, which may
    expand without end or name other files, and where the parts together have more elements and
    attributes than `MAX_XML_NODES`. Office formats forbid definitions of entities (ECMA-376, part
    2).
    """
    nodes = 0
    for entry in archive.infolist():
        if only and entry.filename not in only:
            continue
        try:
            nodes += _nodes(archive, entry)
        except _DefinesError:
            reason = f"{format_name} defines XML entities: it is broken, or an attack"
            raise source.unreadable(reason) from None
        except _DAMAGED as error:
            reason = f"{format_name} is broken: a part of it cannot be unpacked"
            raise source.unreadable(reason) from error
        if nodes > MAX_XML_NODES:
            reason = f"{format_name} holds more than {MAX_XML_NODES:,} elements: split it"
            raise source.unreadable(reason)


def _nodes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """The estimated elements and attributes of an XML part; 0 for other and streamed parts."""
    prolog = _Prolog()
    counted = 0
    with archive.open(entry) as part:
        while piece := part.read(_PIECE_BYTES):
            prolog.feed(piece)
            if prolog.is_over and (not prolog.is_xml or entry.filename.startswith(_STREAMED)):
                return 0
            counted += piece.count(b"<") - piece.count(b"</") + piece.count(b"=")
    return counted


class _DefinesError(Exception):
    """The XML defines entities."""


class _Prolog:
    """A part up to its root element, in any encoding, read by the same parser that the libraries
    use.

    ``is_over``: the root element has begun, or the part is no XML. ``is_xml``: it has begun.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.is_xml = False
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EntityDeclHandler = self._refuse

    def feed(self, piece: bytes) -> None:
        """Parse the next bytes. Bytes after the beginning of the root element are ignored."""
        if self.is_over:
            return
        try:
            self._parser.Parse(piece, False)  # noqa: FBT003 - takes it by position only
        except expat.ExpatError:
            self.is_over = True

    def _begin(self, *_: object) -> None:
        self.is_over = True
        self.is_xml = True

    def _refuse(self, *_: object) -> None:
        raise _DefinesError
