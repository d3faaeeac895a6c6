"""The real clock, as opposed to the one for tests (`minions.testing.FakeClock`)."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """A Clock that reads the clock of this machine."""

    def monotonic_s(self) -> float:
        """Return a number of seconds that never decreases; only differences have a meaning."""
        return time.monotonic()

    def now_iso(self) -> str:
        """Return the current time in UTC, in ISO 8601 with seconds."""
        return datetime.now(tz=UTC).isoformat(timespec="seconds")

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` while other tasks run."""
        await asyncio.sleep(seconds)
