"""What happened to each question on the way to its answer, heard from the events of its run, and kept beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from minions.values.events import Event

Place = tuple[str, int, int]  # document id, start, end


class Trace(Value):
    """One question's way: ids of the chunks that were read, and of those whose evidence did not stand; where the
    findings were, and which of those places went up. ``planned_in`` is the file whose plan it was given.
    """

    id: str
    read: tuple[str, ...] = ()
    ungrounded: tuple[str, ...] = ()
    found: tuple[Place, ...] = ()
    sent: tuple[Place, ...] = ()
    planned_in: str | None = None


class _Open:
    def __init__(self) -> None:
        self.read: dict[str, None] = {}
        self.ungrounded: dict[str, None] = {}
        self.found: list[Place] = []
        self.sent: list[Place] = []


class Tracer:
    """An observer that appends a Trace to ``path`` as each question ends; ``planned_in`` are the files that gave plans,
    by question.
    """

    def __init__(self, path: Path, *, planned_in: Mapping[str, str | None] | None = None) -> None:
        self._path, self._planned_in = path, planned_in or {}
        self._runs: dict[str | None, _Open] = {}

    def __call__(self, event: Event) -> None:
        """Note what matters of an event."""
        if event.kind == "batch":
            return
        run = self._runs.setdefault(event.run_id, _Open())
        if event.kind == "job":
            if event.status not in {"failed", "skipped"}:
                run.read |= dict.fromkeys(event.parts or (event.chunk,))
            if event.ungrounded:
                run.ungrounded |= dict.fromkeys(event.parts or (event.chunk,))
        elif event.kind == "finding":
            finding = event.finding
            run.found.append(
                (finding.citation.document_id, finding.context_start, finding.context_end)
            )
        elif event.kind == "digest":
            run.sent.extend(event.places)
        elif event.kind == "answer":
            del self._runs[event.run_id]
            if event.answer.id is not None:
                self._keep(event.answer.id, run)

    def _keep(self, id_: str, run: _Open) -> None:
        trace = Trace(
            id=id_,
            read=tuple(run.read),
            ungrounded=tuple(run.ungrounded),
            found=tuple(run.found),
            sent=tuple(run.sent),
            planned_in=self._planned_in.get(id_),
        )
        with self._path.open("a", encoding="utf-8") as file:
            file.write(trace.model_dump_json() + "\n")


def read_traces(path: Path) -> Mapping[str, Trace]:
    """The last trace of each question; a torn line is none."""
    traces: dict[str, Trace] = {}
    if path.exists():
        for line in path.read_bytes().split(b"\n"):
            try:
                trace = Trace.model_validate(json.loads(line.decode()))
            except (ValueError, RecursionError):
                continue
            traces[trace.id] = trace
    return traces
