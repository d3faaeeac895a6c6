"""Trace each question from the events of its run: chunks read, places found and sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from minions.store.private import append_private
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from minions.values.events import Event

Place = tuple[str, int, int]  # document id, and start and end in characters


class Trace(Value):
    """The trace of one question."""

    id: str

    read: tuple[str, ...] = ()
    """The ids of the chunks that were read."""

    ungrounded: tuple[str, ...] = ()
    """The ids of the chunks in which a worker named evidence that is not there."""

    found: tuple[Place, ...] = ()
    """The places of the findings, with their context."""

    sent: tuple[Place, ...] = ()
    """The places that were sent to the planner."""

    planned_in: str | None = None
    """The file that its plan was taken from."""


class _OpenRun:
    """The events of a run that has not ended yet; dicts are sets in their order."""

    def __init__(self) -> None:
        self.read: dict[str, None] = {}
        self.ungrounded: dict[str, None] = {}
        self.found: list[Place] = []
        self.sent: list[Place] = []


class Tracer:
    """An observer that appends a Trace to ``path`` as each question ends.

    ``planned_in`` is, by the id of a question, the file that its plan was taken from.
    """

    def __init__(self, path: Path, *, planned_in: Mapping[str, str | None] | None = None) -> None:
        self._path = path
        self._planned_in = planned_in or {}
        self._runs: dict[str | None, _OpenRun] = {}
        self._is_noted = False

    def __call__(self, event: Event) -> None:
        """Record an event of a run."""
        if event.kind == "batch":
            return
        run = self._runs.setdefault(event.run_id, _OpenRun())
        if event.kind == "job":
            chunks = dict.fromkeys(event.parts or (event.chunk,))
            if event.status not in {"failed", "skipped"}:
                run.read |= chunks
            if event.ungrounded:
                run.ungrounded |= chunks
        elif event.kind == "finding":
            finding = event.finding
            document = finding.citation.document_id
            run.found.append((document, finding.context_start, finding.context_end))
        elif event.kind == "digest":
            run.sent.extend(event.places)
        elif event.kind == "answer":
            del self._runs[event.run_id]
            if event.answer.id is not None:
                self._append(event.answer.id, run)

    def _append(self, id_: str, run: _OpenRun) -> None:
        trace = Trace(
            id=id_,
            read=tuple(run.read),
            ungrounded=tuple(run.ungrounded),
            found=tuple(run.found),
            sent=tuple(run.sent),
            planned_in=self._planned_in.get(id_),
        )
        line = trace.model_dump_json() + "\n"
        append_private(self._path, line.encode(), is_noted=self._is_noted)
        self._is_noted = True


def read_traces(path: Path) -> Mapping[str, Trace]:
    """Read the last trace of each question, by its id; a line that is not a trace is skipped."""
    traces: dict[str, Trace] = {}
    if not path.exists():
        return traces
    for line in path.read_bytes().split(b"\n"):
        try:
            trace = Trace.model_validate(json.loads(line.decode()))
        except (ValueError, RecursionError):
            continue
        traces[trace.id] = trace
    return traces
