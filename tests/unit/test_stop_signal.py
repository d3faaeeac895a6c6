"""The brake: nothing new is begun, and what is under way is awaited."""

from __future__ import annotations

import asyncio
import threading

import pytest

from minions.errors import StoppedError
from minions.stop_signal import Brake


async def test_what_is_under_way_is_awaited_and_nothing_is_begun() -> None:
    """It is still when the last attempt ended, and one that fails has ended, too; who asks is told to stop."""
    brake, may_end = Brake(), asyncio.Event()

    async def attempt() -> None:
        with brake.driving():
            await may_end.wait()

    attempts = [asyncio.create_task(attempt()) for _ in range(2)]
    await asyncio.sleep(0)
    brake.check()
    brake.pull()
    with pytest.raises(StoppedError) as caught:
        brake.check()
    assert "same command again" in (caught.value.hint or "")
    still = asyncio.create_task(brake.still())
    attempts[0].cancel()
    await asyncio.wait(attempts[:1])
    assert not still.done()
    assert not brake.is_still
    may_end.set()
    await asyncio.wait_for(still, 5)
    assert brake.is_still


async def test_with_nothing_under_way_it_is_still() -> None:
    """Stopping an idle batch waits for nothing."""
    brake = Brake()
    brake.pull()
    await asyncio.wait_for(brake.still(), 5)


async def test_it_can_be_pulled_from_any_thread() -> None:
    """A signal handler, or a button of a user interface, wakes the loop that drives."""
    brake, pulled = Brake(), asyncio.Event()
    brake.fit(pulled.set)
    thread = threading.Thread(target=brake.pull)
    thread.start()
    await asyncio.wait_for(pulled.wait(), 5)
    thread.join()
    assert brake.pulled


async def test_one_that_was_pulled_before_the_start_tells_at_once() -> None:
    """Ctrl-C while files are read stops the batch before its first call."""
    brake, pulled = Brake(), asyncio.Event()
    brake.pull()
    brake.fit(pulled.set)
    assert pulled.is_set()
