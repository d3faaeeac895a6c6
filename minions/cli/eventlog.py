"""``--events``: every event as a line of JSON, with the run, a sequence number and the time."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from minions.errors import UsageError
from minions.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from minions.values.events import Event, Observer


def refuse_two_on_stdout(target: str | None, *, as_json: bool) -> None:
    """Raise UsageError where events and the result would be mixed."""
    if target == "-" and as_json:
        raise UsageError(
            "--events - and --json both want stdout", hint="--events FILE, or drop --json"
        )


@contextmanager
def event_log(target: str | None) -> Iterator[Observer | None]:
    """An observer that appends to a file, or writes to stdout for ``-``; None without a target. Raises UsageError."""
    if target is None:
        yield None
    elif target == "-":
        yield write_events(sys.stdout)
    else:
        try:
            file = Path(target).open("a", encoding="utf-8")  # noqa: SIM115 - closed below; only opening it may fail
        except OSError as error:
            raise UsageError(
                f"--events {target}: {error.strerror}", hint="name a file that can be written"
            ) from None
        with file:
            yield write_events(file)


def write_events(
    stream: TextIO, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Observer:
    """An observer that writes ``{"seq", "time", "run_id", "kind", ...}`` lines; ``run_id`` is null where an event
    concerns no single run.
    """
    count = 0

    def observe(event: Event) -> None:
        nonlocal count
        count += 1
        time = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"seq": count, "time": time, "run_id": None}
        stream.write(
            visible(json.dumps({**head, **event.model_dump(mode="json")}, ensure_ascii=False))
            + "\n"
        )
        stream.flush()

    return observe
