"""The record of a job that ended, as a transcript keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.values.findings import Finding
    from minions.values.jobs import JobStatus


class Outcome(NamedTuple):
    """A job's status and findings, and the chunks that it covered.

    The text of the chunks is not kept: a round may read a hundred thousand of them. ``ungrounded``:
    the worker answered, and its quote was not found in the chunk.
    """

    task_id: str
    chunks: tuple[str, ...]
    status: JobStatus
    findings: tuple[Finding, ...]
    ungrounded: bool

    @property
    def read(self) -> bool:
        """True if a worker read the chunks."""
        return self.status not in {"failed", "skipped"}


def findings_of(outcomes: Iterable[Outcome], task_id: str | None = None) -> list[Finding]:
    """The findings of all outcomes, or of one task's."""
    findings: list[Finding] = []
    for outcome in outcomes:
        if task_id is None or outcome.task_id == task_id:
            findings += outcome.findings
    return findings
