"""A clock for tests, which only moves when it is asked to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A Clock on which ``sleep`` returns at once and advances the time.

    ``slept`` lists the waits so far, in seconds.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed_s = 0.0
        self.slept: list[float] = []

    def monotonic_s(self) -> float:
        """Return the seconds since the clock was made."""
        return self._elapsed_s

    def now_iso(self) -> str:
        """Return the clock's time in UTC, in ISO 8601 with seconds."""
        now = self._start + timedelta(seconds=self._elapsed_s)
        return now.isoformat(timespec="seconds")

    async def sleep(self, seconds: float) -> None:
        """Advance by ``seconds``, and let other tasks run once."""
        self.slept.append(seconds)
        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Advance by ``seconds``. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("a clock does not run backwards")
        self._elapsed_s += seconds
