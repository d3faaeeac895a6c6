"""The bytes of one physical attempt, noted by the adapter's HTTP client and read by the meter around it.

A context variable carries them, so that neither the port nor any call site mentions them.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from minions.errors import EgressRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Exchange:
    """What went over the wire: the exact request bodies, in order, and how many bytes came back.

    ``departing`` is called with each body before it is sent; what it raises keeps the body here, and is ``refusal``.
    """

    bodies: list[bytes] = field(default_factory=list)
    bytes_in: int = 0
    departing: Callable[[bytes], None] | None = None
    refusal: Exception | None = None

    @property
    def bytes_out(self) -> int:
        """Bytes of all request bodies."""
        return sum(len(body) for body in self.bodies)


_current: ContextVar[Exchange | None] = ContextVar("minions_exchange", default=None)


@contextmanager
def capturing(departing: Callable[[bytes], None] | None = None) -> Iterator[Exchange]:
    """Collect what adapters note while the block runs."""
    exchange = Exchange(departing=departing)
    token = _current.set(exchange)
    try:
        yield exchange
    finally:
        _current.reset(token)


def note_request(body: bytes) -> None:
    """Called by an adapter with the exact bytes it is about to send. What this raises must keep them from leaving."""
    if (exchange := _current.get()) is None:
        return
    if exchange.departing is not None:
        try:
            exchange.departing(body)
        except Exception as error:
            exchange.refusal = (
                error  # SDKs wrap what their hooks raise; the meter raises it as it was
            )
            raise
    exchange.bodies.append(body)


def note_response(length: int) -> None:
    """Called by an adapter with the number of body bytes it received."""
    if (exchange := _current.get()) is not None:
        exchange.bytes_in += length


def refusal_within(error: BaseException) -> EgressRefusedError | None:
    """The refusal that an SDK, a pool or a task group wrapped; None where something else went wrong."""
    pending, seen = [error], set[int]()
    while pending:
        one = pending.pop()
        if isinstance(one, EgressRefusedError):
            return one
        seen.add(id(one))
        inside = [
            one.__cause__,
            one.__context__,
            *(one.exceptions if isinstance(one, BaseExceptionGroup) else ()),
        ]
        pending += [each for each in inside if each is not None and id(each) not in seen]
    return None
