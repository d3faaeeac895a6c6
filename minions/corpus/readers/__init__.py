"""Readers, one module for each format: from a file's bytes to a Document."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO, Final

from minions.corpus.opening import open_named, os_reason
from minions.corpus.readers.extract import Extract, Source
from minions.corpus.readers.limits import MAX_HEADING_CHARS
from minions.corpus.readers.registry import choose, size_limit
from minions.errors import UnreadableError
from minions.text.visible import clean_line
from minions.values.documents import Document

if TYPE_CHECKING:
    from pathlib import Path

    from minions.values.documents import Heading

# Raise this whenever the same bytes give another text than before. Files that are indexed already
# are then read again.
READER_VERSION: Final = 2

_ID_LENGTH: Final = 32
_PIECE_BYTES: Final = 2**20


def content_id(data: bytes) -> str:
    """The document id of a file with this content: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:_ID_LENGTH]


def content_id_of(path: Path, file: BinaryIO) -> str:
    """`content_id` of an open file, read piece by piece; ``path`` is its name in messages.

    Raises UnreadableError.
    """
    digest = hashlib.sha256()
    try:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    except OSError as error:
        raise UnreadableError(str(path), os_reason(error)) from error
    return digest.hexdigest()[:_ID_LENGTH]


def read_document(path: Path) -> Document:
    """Read a file with the reader for its content and suffix, as `read_open` does."""
    with open_named(path) as file:
        return read_open(path, file)


def read_open(path: Path, file: BinaryIO) -> Document:
    """Read an open file with the reader for its content and the suffix of ``path``.

    Nothing is opened again: what was checked of the handle is true of what is read. The same bytes
    under the same suffix always give the same text. Raises UnreadableError and nothing else, for a
    file that is empty, binary, broken, encrypted, too large, closed or gone, that has no text
    layer, or that needs an extra which is not installed. The reason says what to do.
    """
    source = Source(path, _read_bytes(path, file))
    reader = choose(source)
    try:
        return _document(source, reader(source))
    except UnreadableError as error:
        raise source.unreadable(error.reason) from error
    except MemoryError as error:
        raise source.unreadable("too large for this machine's memory: split it") from error
    except Exception as error:  # parsers of strangers' files raise whatever they like
        reason = f"cannot be parsed ({type(error).__name__}): it may be broken"
        raise source.unreadable(reason) from error


def _document(source: Source, extract: Extract) -> Document:
    if not extract.text or extract.text.isspace():
        raise source.unreadable("no text in it")
    outline: list[Heading] = []
    for heading in extract.outline:
        text = clean_line(heading.text, MAX_HEADING_CHARS)
        outline.append(heading.model_copy(update={"text": text}))
    return Document(
        id=content_id(source.data),
        path=str(source.path),
        title=clean_line(extract.title or "", MAX_HEADING_CHARS) or source.path.name,
        text=extract.text,
        pages=extract.pages,
        outline=tuple(outline),
        media_type=extract.media_type,
    )


def _read_bytes(path: Path, file: BinaryIO) -> bytes:
    try:
        size_bytes = os.fstat(file.fileno()).st_size
        limit = size_limit(path)
        if size_bytes > limit:
            size = f"{size_bytes / 2**20:,.0f} MiB"
            allowed = f"at most {limit // 2**20:,} MiB for this format"
            raise UnreadableError(str(path), f"too large ({size}; {allowed}): split it")
        data = file.read()
    except OSError as error:
        raise UnreadableError(str(path), os_reason(error)) from error
    if not data:
        raise UnreadableError(str(path), "empty file")
    return data
