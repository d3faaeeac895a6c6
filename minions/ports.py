"""The narrow places where parts meet. No port toward the cloud takes a Document or a Chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from minions.values.chat import ChatRequest, Completion
    from minions.values.documents import CorpusCard, Document
    from minions.values.findings import Digest
    from minions.values.jobs import Job, JobResult
    from minions.values.plans import Decision, History, Plan


@runtime_checkable
class ChatModel(Protocol):
    """Transport to one model. One request is one physical attempt: an adapter classifies errors, it never retries.

    ``reference`` is ``provider:model``; ``endpoint`` the URL it talks to, or ``in-process``.
    """

    @property
    def reference(self) -> str: ...  # noqa: D102

    @property
    def endpoint(self) -> str: ...  # noqa: D102

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer one request. Raises ModelError and nothing else."""
        ...

    async def aclose(self) -> None:
        """Release connections, processes and memory. May be called twice."""
        ...


class Planner(Protocol):
    """Strategy over a ChatModel: splits the question, judges the findings. Sees a card and digests, never a
    document.
    """

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """Write the tasks of the first round. Raises PlanError, ModelError, BudgetExceededError."""
        ...

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """Answer from the digest, or write the tasks of the next round. Raises like plan."""
        ...


class Worker(Protocol):
    """Runs one job. Its trouble is data: it raises only what must end the run (AuthenticationError, UnreachableError,
    ...).
    """

    async def run(self, job: Job) -> JobResult: ...  # noqa: D102


class Holder(Protocol):
    """A worker that holds many chunks at once. Its trouble is data, as a Worker's is.

    ``fingerprint`` covers all that it adds to a job: model, prompts, parameters.
    """

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    async def read(self, jobs: Sequence[Job]) -> Sequence[JobResult]:
        """One result a job, in any order, from one request. All jobs are of one task and sample, their chunks in the
        order of the documents.
        """
        ...


class Executor(Protocol):
    """Runs many jobs, each exactly once, and yields results as they come, in any order."""

    def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]: ...  # noqa: D102


class Reader(Protocol):
    """Reads one format. Raises UnreadableError with a reason a user understands."""

    def read(self, path: Path) -> Document: ...  # noqa: D102


class Clock(Protocol):
    """Time, so that tests need not wait: seconds that only grow, and the calendar's."""

    def monotonic_s(self) -> float: ...  # noqa: D102

    def now_iso(self) -> str:
        """UTC, ISO 8601 with seconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...  # noqa: D102
