"""The ports: interfaces between the parts. No port toward the cloud takes a Document or Chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from minions.values.chat import ChatRequest, Completion
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.jobs import Job, JobResult
    from minions.values.plans import Decision, History, Plan


@runtime_checkable
class ChatModel(Protocol):
    """The transport to one language model. One request is one physical attempt.

    An adapter translates between a server and the values of `minions.values.chat`, and turns each
    failure into the ModelError that fits. It never retries, waits or counts: wrappers around it do.
    A network adapter calls `minions.network.wire.note_request` with the exact bytes of each request
    before it sends them. A working example::

        from minions.errors import RequestRefusedError
        from minions.values.chat import ChatRequest, Completion, Usage

        class ShoutingModel:
            reference = "shouting:loud"
            endpoint = "in-process"

            async def complete(self, request: ChatRequest) -> Completion:
                prompt = request.messages[-1].content
                if not prompt:
                    raise RequestRefusedError("the last message is empty")
                words = len(prompt.split())
                usage = Usage(input_tokens=words, output_tokens=words, estimated=True)
                return Completion(text=prompt.upper(), finish_reason="stop", usage=usage)

            async def aclose(self) -> None:
                pass
    """

    @property
    def reference(self) -> str:
        """The model's reference, ``provider:model``."""
        ...

    @property
    def endpoint(self) -> str:
        """The URL that the model is served at, or ``in-process``."""
        ...

    async def complete(self, request: ChatRequest) -> Completion:
        """Send one request and return the model's reply. Raises ModelError and nothing else."""
        ...

    async def aclose(self) -> None:
        """Release connections, processes and memory. May be called twice."""
        ...


class Planner(Protocol):
    """A strategy that splits a question into tasks and judges their findings.

    It sees a CorpusCard and digests, never a document.
    """

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """Write the tasks of the first round.

        Raises PlanError where the model wrote no usable plan, ModelError where it failed, and
        BudgetExceededError where the call could pass a limit.
        """
        ...

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """Answer from the digest, or write the tasks of the next round. Raises the same as plan."""
        ...


class Worker(Protocol):
    """A reader of one chunk at a time."""

    async def run(self, job: Job) -> JobResult:
        """Read the job's chunk and return the findings.

        A failed job is returned as a result with its reason. An exception ends the whole run, so it
        is raised only where every other job would fail, too: AuthenticationError, for example, or
        UnreachableError.
        """
        ...


class Holder(Protocol):
    """A worker that reads many chunks at once."""

    @property
    def fingerprint(self) -> str:
        """A hash of everything that shapes a result besides the job: model, prompts, parameters."""
        ...

    async def read(self, jobs: Sequence[Job]) -> Sequence[JobResult]:
        """Read the chunks of all jobs in one request, and return one result for each job.

        The jobs belong to one task and one sample, and their chunks are in the documents' order.
        The results may be in any order. Failures are returned or raised as by ``Worker.run``.
        """
        ...


class Executor(Protocol):
    """A scheduler of jobs."""

    def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        """Run each job exactly once, and yield the results as they arrive, in any order."""
        ...


class Clock(Protocol):
    """A source of time, so that tests need not wait."""

    def monotonic_s(self) -> float:
        """Return a number of seconds that never decreases; only differences have a meaning."""
        ...

    def now_iso(self) -> str:
        """Return the current time in UTC, in ISO 8601 with seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` while other tasks run."""
        ...
