"""Many chunks as one text, for a worker that holds them all: their lines are numbered through."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from minions.evidence.grounding import Location, locate
from minions.evidence.lines import Line, number_lines, point, split_lines
from minions.evidence.support import supporting_line
from minions_workers.passage import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.values.jobs import Job
    from minions_workers.reading import Reply

_RANK = {"exact": 0, "normalised": 1, "fuzzy": 2}


class _Held(NamedTuple):
    """A job, and the place of its chunk on the sheet.

    ``before``: the number of lines above the chunk. ``lines``: the chunk's own, numbered from 1.
    """

    job: Job
    before: int
    lines: list[Line]


class Sheet:
    """The chunks of these jobs, in this order.

    ``lines``: all lines, numbered through, with offsets in the joined text.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.lines: list[Line] = []
        self._held: list[_Held] = []
        self._text = "\n".join(job.chunk.text for job in jobs)
        start = 0
        for job in jobs:
            before = len(self.lines)
            lines = split_lines(job.chunk.text)
            self._held.append(_Held(job, before, lines))
            self.lines += _moved(lines, before, start)
            start += len(job.chunk.text) + 1

    def shown(self) -> str:
        """The text that the worker reads.

        A chunk stands below its file name and headings, unless it continues the chunk before it.
        """
        shown: list[str] = []
        end: tuple[str, int] | None = None  # the document and offset at which the last one ended
        for job, before, lines in self._held:
            chunk = job.chunk
            numbered = _moved(lines, before, 0)
            if end is None:
                shown.append(show(chunk, numbered))
            elif end == (chunk.document_id, chunk.start):
                shown.append(number_lines(chunk.text, numbered))
            else:
                shown.append("\n" + show(chunk, numbered))
            end = (chunk.document_id, chunk.end)
        return "\n".join(shown)

    def locations(self, reply: Reply) -> list[tuple[Job, list[Location]]]:
        """The places of a reply's evidence, by job, with offsets in the job's chunk.

        Jobs whose chunks hold none of it are left out.
        """
        if reply.quote is not None:
            return self._quoted(reply.quote)
        numbers = [number for number in reply.lines if 1 <= number <= len(self.lines)]
        if not numbers:
            return []
        wanted = set(numbers)
        better = supporting_line(reply.answer, self._text, self.lines, numbers)
        if better is not None:
            wanted.add(better)
        located: list[tuple[Job, list[Location]]] = []
        for job, before, lines in self._held:
            spans = point(lines, [number - before for number in wanted])
            if spans:
                located.append((job, [Location(start, end, "exact", 1.0) for start, end in spans]))
        return located

    def _quoted(self, quote: str) -> list[tuple[Job, list[Location]]]:
        """The places that match a quote best.

        A quote that stands word for word in one chunk is not also looked for approximately.
        """
        located: list[tuple[Job, Location]] = []
        for job, _, _ in self._held:
            location = locate(quote, job.chunk.text)
            if location is not None:
                located.append((job, location))
        best = min([_RANK[location.status] for _, location in located], default=0)
        return [(job, [location]) for job, location in located if _RANK[location.status] == best]


def _moved(lines: Sequence[Line], before: int, start: int) -> list[Line]:
    """The lines of a chunk with ``before`` lines and ``start`` characters above it."""
    return [Line(before + line.number, start + line.start, start + line.end) for line in lines]
