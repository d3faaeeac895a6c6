"""Readers, one module for each format: from a file's bytes to a Document."""

from __future__ import annotations

import errno
import hashlib
import stat
from typing import TYPE_CHECKING, Final

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
_ERRNO_REASONS: Final = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "the file is gone",
    errno.ENOTDIR: "the file is gone",
    errno.ELOOP: "symbolic link that leads to itself",
    errno.ENAMETOOLONG: "the path is too long",
}


def content_id(data: bytes) -> str:
    """The document id of a file with this content: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:_ID_LENGTH]


def content_id_of(path: Path) -> str:
    """The `content_id` of a file, which is read piece by piece. Raises UnreadableError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
    except OSError as error:
        raise UnreadableError(str(path), _os_reason(error)) from error
    return digest.hexdigest()[:_ID_LENGTH]


def read_document(path: Path) -> Document:
    """Read a file with the reader for its content and suffix.

    The same bytes under the same suffix always give the same text. Raises UnreadableError and
    nothing else, for a file that is empty, binary, broken, encrypted, too large, missing or without
    read permission, that has no text layer, or that needs an extra which is not installed. The
    reason says what to do.
    """
    source = Source(path, _read_bytes(path))
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


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableError(str(path), "a folder: name a file")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(str(path), "not a regular file: name a file")
        limit = size_limit(path)
        if status.st_size > limit:
            size = f"{status.st_size / 2**20:,.0f} MiB"
            allowed = f"at most {limit // 2**20:,} MiB for this format"
            raise UnreadableError(str(path), f"too large ({size}; {allowed}): split it")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(str(path), _os_reason(error)) from error
    except ValueError as error:
        raise UnreadableError("?", "the path holds a zero byte") from error
    if not data:
        raise UnreadableError(str(path), "empty file")
    return data


def _os_reason(error: OSError) -> str:
    known = _ERRNO_REASONS.get(error.errno or 0)
    if known:
        return known
    return (error.strerror or str(error)).lower()
