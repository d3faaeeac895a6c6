"""Pass the exact bytes of an attempt from an adapter's HTTP client to the meter around the adapter.

They travel in a context variable, so that neither the port nor its callers mention them.
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
    """The bytes sent and received in one attempt."""

    bodies: list[bytes] = field(default_factory=list)
    """The exact request bodies, in order."""
    bytes_in: int = 0
    """Bytes of the reply bodies."""
    departing: Callable[[bytes], None] | None = None
    """Called with each body before it is sent; if it raises, the body is not sent."""
    refusal: Exception | None = None
    """The exception that ``departing`` raised."""

    @property
    def bytes_out(self) -> int:
        """The number of bytes in all request bodies."""
        return sum(len(body) for body in self.bodies)


_current: ContextVar[Exchange | None] = ContextVar("minions_exchange", default=None)


@contextmanager
def capturing(departing: Callable[[bytes], None] | None = None) -> Iterator[Exchange]:
    """Collect the bytes that adapters note while the block runs."""
    exchange = Exchange(departing=departing)
    token = _current.set(exchange)
    try:
        yield exchange
    finally:
        _current.reset(token)


def note_request(body: bytes) -> None:
    """Note the exact bytes that an adapter is about to send.

    If this raises, the adapter must not send them.
    """
    exchange = _current.get()
    if exchange is None:
        return
    if exchange.departing is not None:
        try:
            exchange.departing(body)
        except Exception as error:
            # An SDK wraps an exception from its hook; the meter raises this one unwrapped.
            exchange.refusal = error
            raise
    exchange.bodies.append(body)


def note_response(length: int) -> None:
    """Note the number of body bytes that an adapter received."""
    exchange = _current.get()
    if exchange is not None:
        exchange.bytes_in += length


def refusal_within(error: BaseException) -> EgressRefusedError | None:
    """Return the refusal that an SDK, a pool or a task group has wrapped; None if there is none."""
    pending = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if isinstance(current, EgressRefusedError):
            return current
        seen.add(id(current))
        inside: list[BaseException | None] = [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            inside += current.exceptions
        for wrapped in inside:
            if wrapped is None or id(wrapped) in seen:
                continue
            pending.append(wrapped)
    return None
