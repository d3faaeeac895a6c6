"""Stopping without losing what is under way: pulled once, no model is asked any more, and what was asked is awaited."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minions.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Brake:
    """Made by who may want to stop; ``pull`` is for any thread, and for signal handlers."""

    def __init__(self) -> None:
        self.pulled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: Callable[[], object] = lambda: None
        self._under_way = 0
        self._still = asyncio.Event()
        self._still.set()

    def fit(self, told: Callable[[], object]) -> None:
        """Belong to the running loop from now on; ``told`` is called there when the brake is pulled."""
        self._loop, self._told = asyncio.get_running_loop(), told
        if self.pulled:
            told()

    def pull(self) -> None:
        """Begin nothing any more."""
        self.pulled = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told)

    @property
    def is_still(self) -> bool:
        """Whether nothing is under way."""
        return self._still.is_set()

    def check(self) -> None:
        """Raise StoppedError when the brake was pulled."""
        if self.pulled:
            raise StoppedError(
                "stopped", hint="run the same command again: it goes on where it was"
            )

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Surrounds an attempt of a model, which is waited for."""
        self._under_way += 1
        self._still.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._still.set()

    async def still(self) -> None:
        """Wait until nothing is under way."""
        await self._still.wait()
