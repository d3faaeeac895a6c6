"""What commands print is text: no document, planner or file name gives a terminal orders through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO


class TextOnly:
    """A text stream that writes out characters nobody sees (`minions.text.visible.visible`), in JSON as in prose.

    Bytes written to its ``buffer`` pass unchanged.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write ``text``; its length."""
        self._stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of the lines."""
        for line in lines:
            self.write(line)
