"""``--events``: every event as a line of JSON, with the run, a sequence number and the time."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from minions.errors import UsageError
from minions.store.private import open_private
from minions.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from minions.values.events import Event, Observer


def refuse_two_on_stdout(target: str | None, *, as_json: bool) -> None:
    """Raise UsageError where events and the result would both be written to stdout."""
    if target == "-" and as_json:
        raise UsageError(
            "--events - and --json would both write to stdout",
            hint="write the events to a file (--events FILE), or drop --json",
        )


@contextmanager
def event_log(target: str | None) -> Iterator[Observer | None]:
    """An observer that appends to a file, or to stdout for ``-``; None if ``target`` is None.

    A new file is its owner's alone: events quote the documents.

    Raises UsageError where the file cannot be written.
    """
    if target is None:
        yield None
        return
    if target == "-":
        yield write_events(sys.stdout)
        return
    try:
        # Closed below: the `with` must not catch the errors of the writer.
        opened = open_private(Path(target), os.O_WRONLY | os.O_APPEND)
    except OSError as error:
        raise UsageError(
            f"--events {target}: {error.strerror}", hint="name a file that can be written"
        ) from None
    with os.fdopen(opened, "a", encoding="utf-8") as file:
        yield write_events(file)


def write_events(
    stream: TextIO, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Observer:
    """An observer that writes lines of ``{"seq", "time", "run_id", "kind", ...}``.

    ``run_id`` is null where an event belongs to no single run.
    """
    count = 0

    def observe(event: Event) -> None:
        nonlocal count
        count += 1
        time = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"seq": count, "time": time, "run_id": None, **event.model_dump(mode="json")}
        line = json.dumps(record, ensure_ascii=False)
        stream.write(visible(line) + "\n")
        stream.flush()

    return observe
