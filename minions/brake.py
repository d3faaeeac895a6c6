"""Stopping without losing what is under way: pulled once, no model is asked any more, and what was asked is awaited."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minions.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Brake:
    """Belongs to one event loop. ``driving`` surrounds each attempt of a model."""

    def __init__(self) -> None:
        self.pulled = False
        self._under_way = 0
        self._still = asyncio.Event()
        self._still.set()

    def pull(self) -> None:
        """Begin no attempt any more."""
        self.pulled = True

    @contextmanager
    def driving(self) -> Iterator[None]:
        """An attempt. Raises StoppedError when the brake was pulled before it began."""
        if self.pulled:
            raise StoppedError("stopped", hint="run the same command again to go on")
        self._under_way += 1
        self._still.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._still.set()

    async def still(self) -> None:
        """Wait until no attempt is under way."""
        await self._still.wait()
