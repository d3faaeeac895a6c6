"""A job while it runs: what is known and spent so far, and the ways it can end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.errors import AuthenticationError, ModelNotFoundError, UnreachableError
from minions.evidence.finding import find
from minions.values.chat import Usage
from minions.values.jobs import Job, JobResult, JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.evidence.grounding import Location
    from minions.values.findings import Finding

ENDS_THE_RUN = (
    AuthenticationError,
    ModelNotFoundError,
    UnreachableError,
)  # every other job would meet it, too
PARTIAL_CHARACTERS = 400  # of a reply of which nothing can be made
_UNSEEN = 0.5  # the confidence of a finding whose server gives no probabilities


class Attempt:
    """What is known of a job while it runs."""

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
        """Its result, with everything it used; ``usage`` is that of a request that failed."""
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
        """A finding at each location; as sure as the look was, where nothing else is said."""
        sure = self.relevance if confidence is None else confidence
        findings = tuple(
            find(
                self.job,
                location,
                answer=answer,
                confidence=_UNSEEN if sure is None else round(sure, 3),
                part=part,
            )
            for part, location in enumerate(locations)
        )
        return self.ended("found", findings=findings)
