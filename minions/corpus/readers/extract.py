"""What a reader is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from minions.corpus.readers.encoding import decode_text, is_binary
from minions.errors import UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

    from minions.values.documents import Heading, Page


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes, read once, so that what is hashed is what is read. ``path`` names it in messages."""

    path: Path
    data: bytes

    def text(self, *, declared: str | None = None) -> str:
        """The decoded text (`decode_text`). Raises UnreadableError for binary data."""
        if is_binary(self.data):
            raise self.unreadable("binary file, no reader for it")
        return decode_text(self.data, declared=declared)

    def unreadable(self, reason: str) -> UnreadableError:
        """The error that says why this file cannot be read."""
        return UnreadableError(str(self.path), reason)


@dataclass(frozen=True, slots=True)
class Extract:
    """A reader's result: text with Markdown conventions, and what stands where in it. No ``title``: the file name."""

    text: str
    media_type: str
    title: str | None = None
    pages: tuple[Page, ...] = ()
    outline: tuple[Heading, ...] = ()
