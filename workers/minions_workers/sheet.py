"""Many passages as one text for a worker that holds them all: lines numbered through, and where each of them stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from minions.evidence.grounding import Location, locate
from minions.evidence.lines import Line, number_lines, point, split_lines
from minions.evidence.support import supporting_line
from minions_workers.passage import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minions.values.jobs import Job
    from minions_workers.reading import Reply

_RANK = {"exact": 0, "normalised": 1, "fuzzy": 2}


class _Held(NamedTuple):
    """A job whose chunk stands at ``start`` of the text, with its lines in the offsets and numbers of the whole."""

    job: Job
    start: int
    lines: list[Line]


class Sheet:
    """The chunks of these jobs, in this order."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.lines: list[Line] = []
        self._held: list[_Held] = []
        self._text = "\n".join(job.chunk.text for job in jobs)
        start = 0
        for job in jobs:
            first = len(self.lines) + 1
            lines = [
                Line(first + place, start + line.start, start + line.end)
                for place, line in enumerate(split_lines(job.chunk.text))
            ]
            self._held.append(_Held(job, start, lines))
            self.lines += lines
            start += len(job.chunk.text) + 1

    def shown(self) -> str:
        """What the worker reads: a passage that does not go on where the last one ended stands under its place."""
        return "\n".join(self._passages())

    def locations(self, reply: Reply) -> list[tuple[Job, list[Location]]]:
        """Where the evidence of a reply stands, by job and in the offsets of its chunk; empty where it does not."""
        spans = self._quoted(reply.quote) if reply.quote is not None else self._pointed(reply)
        return [(job, found) for job, found in spans if found]

    def _passages(self) -> Iterator[str]:
        end: tuple[str, int] | None = None
        for job, start, lines in self._held:
            chunk = job.chunk
            own = [Line(line.number, line.start - start, line.end - start) for line in lines]
            follows = end == (chunk.document_id, chunk.start)
            yield (
                number_lines(chunk.text, own)
                if follows
                else ("\n" if end else "") + show(chunk, own)
            )
            end = chunk.document_id, chunk.end

    def _pointed(self, reply: Reply) -> Iterator[tuple[Job, list[Location]]]:
        numbers = [number for number in reply.lines if 1 <= number <= len(self.lines)]
        better = supporting_line(reply.answer, self._text, self.lines, numbers) if numbers else None
        wanted = {*numbers, *([better] if better is not None else [])}
        for job, start, lines in self._held:
            if not lines:
                continue
            before = lines[0].number - 1
            own = [
                Line(line.number - before, line.start - start, line.end - start) for line in lines
            ]
            spans = point(own, [number - before for number in wanted])
            yield job, [Location(*span, "exact", 1.0) for span in spans]

    def _quoted(self, quote: str) -> Iterator[tuple[Job, list[Location]]]:
        """Where it stands best: what stands word for word in one passage is not also nearly said in another."""
        found = [
            (job, location)
            for job, _, _ in self._held
            if (location := locate(quote, job.chunk.text))
        ]
        best = min((_RANK[location.status] for _, location in found), default=0)
        return ((job, [location]) for job, location in found if _RANK[location.status] == best)
