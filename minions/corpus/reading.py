"""Reading and indexing in a thread, beside a running event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.values.events import Event, Observer

T = TypeVar("T")


async def in_thread(update: Callable[..., T], observe: Observer) -> T:
    """The result of ``update``, which reads and indexes in a thread while the event loop goes on.

    ``update`` takes the keyword ``observe``; its events are passed to ``observe`` in the loop's
    thread. Cancelling ends the update at its next file. So does an observer that raises; its error
    is raised here.
    """
    loop = asyncio.get_running_loop()
    stopped = threading.Event()
    failures: list[Exception] = []

    def deliver(event: Event) -> None:
        if stopped.is_set():
            return
        try:
            observe(event)
        except Exception as error:  # noqa: BLE001 - the caller's own, whatever it is, and raised to the caller below
            failures.append(error)
            stopped.set()

    def observe_in_loop(event: Event) -> None:
        if stopped.is_set():
            raise asyncio.CancelledError
        loop.call_soon_threadsafe(deliver, event)

    reading = asyncio.ensure_future(asyncio.to_thread(update, observe=observe_in_loop))
    try:
        await asyncio.wait({reading})
    finally:
        stopped.set()
        await asyncio.wait({reading})  # the index must not be closed under it
    if failures:
        raise failures[0]
    return reading.result()
