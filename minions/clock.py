"""The real clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The Clock of this machine."""

    def monotonic_s(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def now_iso(self) -> str:
        """UTC, ISO 8601 with seconds."""
        return datetime.now(tz=UTC).isoformat(timespec="seconds")

    async def sleep(self, seconds: float) -> None:
        """Let others run for ``seconds``."""
        await asyncio.sleep(seconds)
