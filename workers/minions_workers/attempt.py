"""A job while it runs: its results and usage so far, and the ways it can end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from minions.errors import (
    ContextOverflowError,
    ModelError,
    ReplyError,
)
from minions.evidence.finding import find
from minions.values.chat import Usage
from minions.values.jobs import Job, JobResult, JobStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from minions.evidence.grounding import Location
    from minions.values.chat import Completion
    from minions.values.findings import Finding

PARTIAL_CHARACTERS = 400  # kept of a reply that cannot be read
_UNSEEN = 0.5  # the confidence of a finding if the server gives no probabilities
_log = structlog.get_logger()


class Attempt:
    """One job under way.

    ``usage``: the tokens of its requests so far. ``relevance``: P(yes) of its look in [0, 1]; None
    if there was no look, or no probability.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.usage = Usage()
        self.relevance: float | None = None

    def ended(
        self,
        status: JobStatus,
        *,
        reason: str | None = None,
        usage: Usage | None = None,
        partial: str | None = None,
        ungrounded: bool = False,
        findings: tuple[Finding, ...] = (),
    ) -> JobResult:
        """The job's result, with all that it used; ``usage`` belongs to a request that failed."""
        return JobResult(
            job=self.job,
            status=status,
            findings=findings,
            relevance=self.relevance,
            reason=reason,
            partial=partial,
            ungrounded=ungrounded,
            usage=self.usage + (usage or Usage()),
        )

    def found(
        self, locations: Sequence[Location], answer: str | None, *, confidence: float | None = None
    ) -> JobResult:
        """A result with a finding at each location.

        ``confidence`` is in [0, 1]; by default it is the relevance that the look gave the chunk.
        """
        if confidence is None:
            confidence = self.relevance
        if confidence is None:
            confidence = _UNSEEN
        confidence = round(confidence, 3)
        findings = [
            find(self.job, location, answer=answer, confidence=confidence, part=part)
            for part, location in enumerate(locations)
        ]
        return self.ended("found", findings=tuple(findings))

    def unread(self, completion: Completion, reason: str) -> JobResult:
        """A result for a reply that cannot be read; it keeps the beginning of the reply."""
        status: JobStatus = "truncated" if completion.finish_reason == "length" else "failed"
        return self.ended(status, reason=reason, partial=completion.text[:PARTIAL_CHARACTERS])


async def attempted(job: Job, work: Callable[[Attempt], Awaitable[JobResult]]) -> JobResult:
    """Do the work of a job; an error of its model or of its reply becomes a failed result.

    Raises AuthenticationError, ModelNotFoundError and UnreachableError: they end the run.
    """
    attempt = Attempt(job)
    try:
        return await work(attempt)
    except ContextOverflowError as error:
        length = f"about {job.chunk.tokens} tokens"
        reason = f"the chunk of {length} does not fit the worker's context: {error}"
        return attempt.ended("failed", reason=reason, usage=error.usage)
    except (ModelError, ReplyError) as error:
        if error.systemic:
            raise
        _log.info("job_failed", job=job.id, error=type(error).__name__)
        return attempt.ended("failed", reason=str(error), usage=getattr(error, "usage", None))
