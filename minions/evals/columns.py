"""The columns of an evaluation: one for each protocol, and one for each ``rag:N`` (N chunks)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from minions.errors import UsageError
from minions.run.loop import answer
from minions.run.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_DIGITS = 6
_HINT = f"choose from {','.join(PROTOCOLS)}; rag:5 sends 5 chunks"


class Column(NamedTuple):
    """One protocol of an evaluation, asked every question."""

    name: str
    """The name that the user gave: ``minions`` or ``rag:5``."""

    protocol: str
    """The protocol alone: ``minions`` or ``rag``."""

    rag_chunks: int | None = None
    """The chunks that ``rag`` sends; None takes the number from the settings."""

    @classmethod
    def parse(cls, name: str) -> Column:
        """Read ``minions``, ``rag`` or ``rag:5``. Raises UsageError for any other text."""
        protocol, colon, chunks = name.partition(":")
        if protocol not in PROTOCOLS or (colon and protocol != "rag"):
            raise UsageError(f"unknown protocol '{name}'", hint=_HINT)
        if not colon:
            return cls(name, protocol)
        is_number = chunks.isascii() and chunks.isdigit() and len(chunks) <= _MOST_DIGITS
        if not is_number or int(chunks) == 0:
            raise UsageError(
                f"{name}: '{chunks}' is not a number of chunks (expected e.g. rag:5)", hint=_HINT
            )
        return cls(f"rag:{int(chunks)}", protocol, int(chunks))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that this column overrides."""
        settings: dict[str, Any] = {"protocol": self.protocol}
        if self.rag_chunks is not None:
            settings["rag_chunks"] = self.rag_chunks
        return settings

    @property
    def file(self) -> str:
        """The name of its files, without a suffix."""
        return self.name.replace(":", "-")

    @property
    def plans(self) -> bool:
        """True where the protocol begins with a plan, which the user can then give instead."""
        return PROTOCOLS[self.protocol] is answer


def read_columns(names: Iterable[str]) -> list[Column]:
    """Parse protocol names into columns, each once, in the order given; blank names are skipped.

    Raises UsageError for an unknown protocol, a bad number of chunks, and for no protocol at all.
    """
    columns: dict[str, Column] = {}
    for name in names:
        if name.strip():
            column = Column.parse(name.strip())
            columns[column.name] = column
    if not columns:
        raise UsageError("no protocol given", hint=_HINT)
    return list(columns.values())
