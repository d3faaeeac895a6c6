"""Read the answers of an evaluation: each question's last record, and all its runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from minions.batch.output import recorded_in
from minions.text.json_reply import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Recorded(NamedTuple):
    """A question's last record, and the runs of all its records: each run was paid for."""

    record: Mapping[str, Any]
    runs: tuple[str, ...]


def read_records(path: Path) -> dict[str, Recorded]:
    """Read the records of an output, by the id of their question; empty where the file is missing.

    Raises UsageError for a file that is not an output.
    """
    found: dict[str, Recorded] = {}
    for record in whole_lines(path):
        id_ = str(record["id"])
        runs: tuple[str, ...] = ()
        if id_ in found:
            runs = found[id_].runs
        run = as_text(record.get("run_id"))  # always text, because the store is searched for it
        if run and run not in runs:
            runs = (*runs, run)
        found[id_] = Recorded(record, runs)
    return found


def whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of an output, in their order; a line that was never finished is skipped.

    Raises UsageError for a file that is not an output.
    """
    recorded_in(path)  # raises for a file that is not an output
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record
