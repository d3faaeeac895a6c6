"""A graceful stop: no new attempt at a model begins, and those in flight are finished."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minions.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Brake:
    """The switch for a graceful stop. ``pull`` may be called by any thread or signal handler."""

    def __init__(self) -> None:
        self.pulled = False
        """True once a stop was asked for."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._when_pulled: Callable[[], object] = lambda: None
        self._in_flight = 0
        self._still = asyncio.Event()
        self._still.set()

    def fit(self, when_pulled: Callable[[], object]) -> None:
        """Attach the brake to the running event loop.

        ``when_pulled`` is called in that loop when the brake is pulled, or at once if it already
        is.
        """
        self._loop = asyncio.get_running_loop()
        self._when_pulled = when_pulled
        if self.pulled:
            when_pulled()

    def pull(self) -> None:
        """Ask for a stop: from now on, no new attempt begins."""
        self.pulled = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._when_pulled)

    @property
    def is_still(self) -> bool:
        """True if no attempt is in flight."""
        return self._still.is_set()

    def check(self) -> None:
        """Raise StoppedError if the brake was pulled."""
        if self.pulled:
            raise StoppedError("stopped", hint="run the same command again to go on from here")

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Count an attempt as in flight while the block runs."""
        self._in_flight += 1
        self._still.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._still.set()

    async def still(self) -> None:
        """Wait until no attempt is in flight."""
        await self._still.wait()
