"""The bytes of one physical attempt, noted by the adapter's HTTP client and read by the meter around it.

A context variable carries them, so that neither the port nor any call site mentions them.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Exchange:
    """What went over the wire: the exact request bodies, in order, and how many bytes came back."""

    bodies: list[bytes] = field(default_factory=list)
    bytes_in: int = 0

    @property
    def bytes_out(self) -> int:
        """Bytes of all request bodies."""
        return sum(len(body) for body in self.bodies)


_current: ContextVar[Exchange | None] = ContextVar("minions_exchange", default=None)


@contextmanager
def capturing() -> Iterator[Exchange]:
    """Collect what adapters note while the block runs."""
    exchange = Exchange()
    token = _current.set(exchange)
    try:
        yield exchange
    finally:
        _current.reset(token)


def note_request(body: bytes) -> None:
    """Called by an adapter with the exact bytes it sends."""
    if (exchange := _current.get()) is not None:
        exchange.bodies.append(body)


def note_response(length: int) -> None:
    """Called by an adapter with the number of body bytes it received."""
    if (exchange := _current.get()) is not None:
        exchange.bytes_in += length
