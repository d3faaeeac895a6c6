"""The real clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from minions.clock import SystemClock


async def test_the_clock_tells_utc_with_its_offset_and_never_goes_back() -> None:
    """Times in the ledger can be read anywhere, and durations are never negative."""
    clock = SystemClock()
    before_s = clock.monotonic_s()
    await clock.sleep(0)
    now = datetime.fromisoformat(clock.now_iso())
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(tz=UTC) - now) < timedelta(seconds=5)
    assert clock.monotonic_s() >= before_s
