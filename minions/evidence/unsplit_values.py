"""Widens or trims findings so that none cuts a sensitive value in half.

A part of such a value would not be recognised, and so it would be sent.
"""

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

    A part of a value that a chunk's end cuts off is left out, of the lines around a quote too; a
    finding that holds nothing else is dropped. ``text`` is the document's.
    """
    chunk = job.chunk
    first = max(0, chunk.start - _LONGEST)
    around = text[first : chunk.end + _LONGEST]
    spans = [(first + start, first + end) for start, end in values(around)]
    trimmed = _without_parts(chunk, spans)
    trimmed_job = job.model_copy(update={"chunk": trimmed})
    whole: list[Finding] = []
    for finding in findings:
        citation = finding.citation
        start = min([citation.start, *(value[0] for value in _cut(citation.start, spans))])
        end = max([citation.end, *(value[1] for value in _cut(citation.end, spans))])
        if trimmed is chunk and (start, end) == (citation.start, citation.end):
            whole.append(finding)
            continue
        start = max(start, trimmed.start) - trimmed.start
        end = min(end, trimmed.end) - trimmed.start
        if start >= end:
            continue
        location = Location(start, end, citation.status, citation.score)
        found = find(trimmed_job, location, answer=finding.answer, confidence=finding.confidence)
        renamed = found.citation.model_copy(update={"id": finding.id})
        whole.append(found.model_copy(update={"id": finding.id, "citation": renamed}))
    return whole


def _without_parts(chunk: Chunk, values: Spans) -> Chunk:
    """The chunk without the parts of values that go on before or after it.

    The chunk itself if it has no such parts.
    """
    start = max([chunk.start, *(value[1] for value in _cut(chunk.start, values))])
    end = min([chunk.end, *(value[0] for value in _cut(chunk.end, values))])
    if (start, end) == (chunk.start, chunk.end):
        return chunk
    text = ""
    if start < end:
        text = chunk.text[start - chunk.start : end - chunk.start]
    return chunk.model_copy(update={"start": start, "end": max(start, end), "text": text})


def _cut(place: int, values: Spans) -> Spans:
    """The values that a cut at ``place`` goes through."""
    return [(start, end) for start, end in values if start < place < end]
