"""Jobs, each a task applied to a chunk, and their results."""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value
from minions.values.chat import Usage
from minions.values.documents import Chunk
from minions.values.findings import Finding
from minions.values.plans import Task

JobStatus = Literal["found", "abstained", "truncated", "failed", "skipped"]


class Job(Value):
    """One task to be run over one chunk."""

    id: str
    task: Task
    chunk: Chunk
    """The text to read: a chunk, or a whole document in one piece."""
    sample: int = 0
    """The number of this repetition, counted from 0."""
    rank: int = 0
    """The chunk's place in the task's search results; 0 is the best."""
    parts: tuple[str, ...] = ()
    """Ids of the chunks that a whole document consists of; empty for an ordinary chunk."""

    @property
    def chunks(self) -> tuple[str, ...]:
        """Ids of all chunks that the job reads."""
        return self.parts or (self.chunk.id,)


class JobResult(Value):
    """The outcome of one job, with everything it used.

    A job that failed is a result too, not an exception: the run goes on and counts it.
    """

    job: Job
    status: JobStatus
    findings: tuple[Finding, ...] = ()
    """Grounded findings, one for each contiguous piece of evidence; empty unless ``found``."""
    relevance: float | None = None
    """The worker's probability in [0, 1] that the chunk holds the answer; None if unknown."""
    reason: str | None = None
    """One sentence that explains any status but ``found``."""
    ungrounded: bool = False
    """True if the reply claimed evidence that is not in the chunk."""
    partial: str | None = None
    """The text of a reply that was cut off."""
    usage: Usage = Usage()
    """Tokens of all requests made for the job."""
    cached: bool = False
    """True if the result came from the cache or an identical job, and so used nothing."""
