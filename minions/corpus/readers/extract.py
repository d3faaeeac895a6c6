"""A reader's input and output: a file's bytes, and the text extracted from them."""

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
    """A file's bytes, read once, so that the same bytes are hashed and parsed.

    ``path`` is the file's name in messages.
    """

    path: Path
    data: bytes

    def text(self, *, declared: str | None = None) -> str:
        """The decoded text (`decode_text`). Raises UnreadableError for binary data."""
        if is_binary(self.data):
            raise self.unreadable("binary file, no reader for it")
        return decode_text(self.data, declared=declared)

    def unreadable(self, reason: str) -> UnreadableError:
        """The error for this file, to be raised, with the reason why it cannot be read."""
        return UnreadableError(str(self.path), reason)


@dataclass(frozen=True, slots=True)
class Extract:
    """A reader's result: text with Markdown conventions, and the places of pages and headings in
    it.

    Without a ``title``, the file's name is the title.
    """

    text: str
    media_type: str
    title: str | None = None
    pages: tuple[Page, ...] = ()
    outline: tuple[Heading, ...] = ()
