"""Formats that are zip archives: opened with care."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from minions.corpus.readers.extract import Source

# A kilobyte can claim to hold terabytes.
MAX_EXPANDED_BYTES: Final = 2**30


def open_archive(source: Source, format_name: str) -> zipfile.ZipFile:
    """The archive. Raises UnreadableError when it is no zip file, or would expand beyond `MAX_EXPANDED_BYTES`."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(source.data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise source.unreadable(f"{format_name} is broken: it cannot be opened") from error
    if sum(entry.file_size for entry in archive.infolist()) > MAX_EXPANDED_BYTES:
        archive.close()
        raise source.unreadable(f"{format_name} expands to more than {MAX_EXPANDED_BYTES // 2**20} MiB")
    return archive
