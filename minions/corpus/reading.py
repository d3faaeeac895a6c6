"""Reading and indexing beside an event loop that goes on."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.values.events import Event, Observer

T = TypeVar("T")


async def in_thread(update: Callable[..., T], observe: Observer) -> T:
    """Read and index in a thread, so that the loop goes on; events come back to it. Cancelling ends it at a file, and
    so does an observer that raises; what it raised is raised here.
    """
    loop, stopped = asyncio.get_running_loop(), threading.Event()
    failures: list[Exception] = []

    def tell(event: Event) -> None:
        if stopped.is_set():
            return
        try:
            observe(event)
        except Exception as error:  # noqa: BLE001 - the caller's own, whatever it is, and raised to the caller below
            failures.append(error)
            stopped.set()

    def observed(event: Event) -> None:
        if stopped.is_set():
            raise asyncio.CancelledError
        loop.call_soon_threadsafe(tell, event)

    reading = asyncio.ensure_future(asyncio.to_thread(update, observe=observed))
    try:
        await asyncio.wait({reading})
    finally:
        stopped.set()
        await asyncio.wait({reading})  # the index must not be closed under it
    if failures:
        raise failures[0]
    return reading.result()
