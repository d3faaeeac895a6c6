"""Jobs: a task applied to a chunk; and what became of them."""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value
from minions.values.chat import Usage
from minions.values.documents import Chunk
from minions.values.findings import Finding
from minions.values.plans import Task

JobStatus = Literal["found", "abstained", "truncated", "failed", "skipped"]


class Job(Value):
    """One task over one chunk; ``sample`` counts repetitions, ``rank`` is the chunk's place in the task's search (0 is
    best). ``parts`` are the ids of the chunks that a whole document's chunk is made of; empty: it is one itself.
    """

    id: str
    task: Task
    chunk: Chunk
    sample: int = 0
    rank: int = 0
    parts: tuple[str, ...] = ()

    @property
    def chunks(self) -> tuple[str, ...]:
        """Ids of all chunks that it reads."""
        return self.parts or (self.chunk.id,)


class JobResult(Value):
    """What became of a job, with everything it used. Trouble is data: ``reason`` tells it in a sentence.

    ``findings`` holds one finding a contiguous piece of evidence, and is empty unless ``status`` is ``found``; all are
    grounded. ``ungrounded`` marks a reply that claimed evidence which does not stand in the chunk. ``relevance`` is
    the look's P(yes) in [0, 1], None where the server has no probabilities. ``partial`` keeps the text of a reply that
    was cut off. ``cached``: the result was known from before, or is that of an identical job, and used nothing.
    """

    job: Job
    status: JobStatus
    findings: tuple[Finding, ...] = ()
    relevance: float | None = None
    reason: str | None = None
    ungrounded: bool = False
    partial: str | None = None
    usage: Usage = Usage()
    cached: bool = False
