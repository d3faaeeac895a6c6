"""What stands in the files of an evaluation: the last record of each question, and the runs of all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from minions.batch.output import recorded_in
from minions.text.json_reply import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Recorded(NamedTuple):
    """A question's last record, and the runs of all that it has: each was paid for."""

    record: Mapping[str, Any]
    runs: tuple[str, ...]


def read_records(path: Path) -> dict[str, Recorded]:
    """What is recorded of each question, by its id; nothing without a file. Raises UsageError for one that is none."""
    found: dict[str, Recorded] = {}
    for record in whole_lines(path):
        id_ = str(record["id"])
        run = as_text(record.get("run_id"))  # by which the store is asked, so that it must be text
        runs = [*(found[id_].runs if id_ in found else ()), *([run] if run else [])]
        found[id_] = Recorded(record, tuple(dict.fromkeys(runs)))
    return found


def whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of an output, in their order. A line that was never finished is none. Raises UsageError."""
    recorded_in(path)  # refuses a file that is none
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record
