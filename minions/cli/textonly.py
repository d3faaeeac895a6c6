"""A guard on stdout: no document, model or file name can send control codes to a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO


class TextOnly:
    """A text stream that escapes control characters (`minions.text.visible.visible`).

    In JSON the escape is the character's own spelling. Bytes written to ``buffer`` are unchanged.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, and return its length."""
        self._stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of the lines."""
        for line in lines:
            self.write(line)
