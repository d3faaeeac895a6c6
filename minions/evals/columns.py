"""The columns of an evaluation: a protocol each, and ``rag`` as often as there are numbers of chunks: ``rag:5``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from minions.errors import UsageError
from minions.run.loop import answer
from minions.run.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIGITS = 6


class Column(NamedTuple):
    """``name`` is how it was asked for; ``rag_chunks`` is None for the setting's."""

    name: str
    protocol: str
    rag_chunks: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that it changes."""
        chunks = {} if self.rag_chunks is None else {"rag_chunks": self.rag_chunks}
        return {"protocol": self.protocol, **chunks}

    @property
    def file(self) -> str:
        """How its files are called."""
        return self.name.replace(":", "-")

    @property
    def plans(self) -> bool:
        """Whether it begins with a plan, so that one can be given."""
        return PROTOCOLS[self.protocol] is answer


def read_columns(names: Iterable[str]) -> list[Column]:
    """The columns, each once, in their order. Raises UsageError for what is no protocol."""
    columns = {
        column.name: column for name in names if name.strip() for column in [_column(name.strip())]
    }
    if not columns:
        raise UsageError("nothing is no protocol", hint=_hint())
    return list(columns.values())


def _column(name: str) -> Column:
    protocol, colon, chunks = name.partition(":")
    if protocol not in PROTOCOLS or (colon and protocol != "rag"):
        raise UsageError(f"{name} is no protocol", hint=_hint())
    if not colon:
        return Column(name, protocol)
    if len(chunks) > _DIGITS or not (chunks.isascii() and chunks.isdigit() and int(chunks)):
        raise UsageError(
            f"{name} is no protocol: {chunks or 'nothing'} is no number of chunks", hint=_hint()
        )
    return Column(f"rag:{int(chunks)}", protocol, int(chunks))


def _hint() -> str:
    return f"choose of {','.join(PROTOCOLS)}; rag:5 sends 5 chunks"
