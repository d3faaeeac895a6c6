"""Findings that cut no value which must stay on the device: a part of one would not be known for what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from minions.evidence.finding import find
from minions.evidence.grounding import Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.evidence.digest_lines import Values
    from minions.values.documents import Chunk
    from minions.values.findings import Finding
    from minions.values.jobs import Job

    Spans = Sequence[tuple[int, int]]

_LONGEST: Final = 200  # characters of a value that may go on where a chunk ends


def with_whole_values(
    findings: Iterable[Finding], job: Job, text: str, values: Values
) -> list[Finding]:
    """The findings of a job with their quotes widened over the ``values`` that they would cut.

    What a chunk's end leaves of a value is left out, of the lines around them, too; a finding of nothing else is
    dropped. ``text`` is the document's.
    """
    chunk = job.chunk
    first = max(0, chunk.start - _LONGEST)
    around = text[first : chunk.end + _LONGEST]
    spans = [(first + start, first + end) for start, end in values(around)]
    whole = _without_parts(chunk, spans)
    job = job.model_copy(update={"chunk": whole})
    again = (_found_again(finding, job, spans, same=whole is chunk) for finding in findings)
    return [finding for finding in again if finding is not None]


def _without_parts(chunk: Chunk, values: Spans) -> Chunk:
    """A chunk without the parts of values that go on before or after it."""
    start = max([chunk.start, *(end for start, end in values if start < chunk.start < end)])
    end = min([chunk.end, *(start for start, end in values if start < chunk.end < end)])
    if (start, end) == (chunk.start, chunk.end):
        return chunk
    text = chunk.text[start - chunk.start : end - chunk.start] if start < end else ""
    return chunk.model_copy(update={"start": start, "end": max(start, end), "text": text})


def _found_again(finding: Finding, job: Job, values: Spans, *, same: bool) -> Finding | None:
    """A finding in its chunk, which is the ``same`` as before or has lost its ends."""
    citation, chunk = finding.citation, job.chunk
    start = min([citation.start, *(start for start, end in values if start < citation.start < end)])
    end = max([citation.end, *(end for start, end in values if start < citation.end < end)])
    if same and (start, end) == (citation.start, citation.end):
        return finding
    start, end = max(start, chunk.start), min(end, chunk.end)
    if start >= end:
        return None
    location = Location(start - chunk.start, end - chunk.start, citation.status, citation.score)
    found = find(job, location, answer=finding.answer, confidence=finding.confidence)
    named = found.citation.model_copy(update={"id": finding.id})
    return found.model_copy(update={"id": finding.id, "citation": named})
