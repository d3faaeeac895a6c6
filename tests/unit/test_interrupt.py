"""Ctrl-C, wherever it comes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from minions import Minions

if TYPE_CHECKING:
    from pathlib import Path

    from minions.values.events import Event


@pytest.mark.usefixtures("interruptible")
def test_control_c_stops_the_reading_of_files(tmp_path: Path) -> None:
    """A signal while a thousand files are being read ends the reading soon after."""
    for number in range(1_000):
        (tmp_path / f"{number}.txt").write_text(f"Text {number}.")
    seen: list[Event] = []

    def observe(event: Event) -> None:
        seen.append(event)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with Minions(planner="local", worker="ollama:w") as minions, pytest.raises(KeyboardInterrupt):
        minions.ask("How many?", tmp_path, observe=observe)
    assert {event.kind for event in seen} == {"index"}
    assert len(seen) < 1_000
