"""Ways to answer a question, one loop each, over the same parts: what users would do instead, measured alike.

``minions``: plan, read on the device, decide (`minions.run.loop`). ``minion``: the same loop as a chat with one worker
that holds the documents. ``local``: ``minions`` without any cloud. ``rag``: the best chunks of the index go to the
cloud. ``remote``: everything goes. The last two send documents, so they need policy ``open``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from minions.errors import EgressRefusedError
from minions.evidence.finding import find
from minions.evidence.grounding import Location
from minions.execution.expand import Expansion
from minions.execution.whole_context import hold
from minions.ledger.context import working_for
from minions.run.loop import answer
from minions.values.jobs import Job, JobResult
from minions.values.plans import History, Plan, Task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from minions.corpus.port import Corpus
    from minions.run.loop import Parts
    from minions.run.transcript import Transcript
    from minions.values.documents import Chunk
    from minions.values.limits import Limits
    from minions.values.plans import Decision
    from minions.values.policy import Policy

    Protocol = Callable[[str, Parts, Transcript], Awaitable[Decision]]

SENDS_CHUNKS: Final = frozenset({"rag", "remote"})


def refuse_to_send(protocol: str, policy: Policy, *, to: str) -> None:
    """Raise EgressRefusedError for a protocol that sends chunks where the policy keeps them on the device."""
    if protocol in SENDS_CHUNKS and policy != "open":
        raise EgressRefusedError(
            f"protocol {protocol} sends the documents' own text to {to}, which policy {policy} does not allow",
            hint="allow it with --policy open, or use --protocol minions",
        )


async def minion(question: str, parts: Parts, transcript: Transcript) -> Decision:
    """A chat of at most ``max_turns`` rounds: a message of the planner, and what its reader finds in all it holds."""
    limits = parts.limits.model_copy(update={"max_rounds": parts.limits.max_turns})
    return await answer(question, replace(parts, limits=limits, expanding=hold), transcript)


async def rag(question: str, parts: Parts, transcript: Transcript) -> Decision:
    """Retrieval: the ``rag_chunks`` best chunks for the bare question, whole, in one cloud call."""
    _check_policy("rag", parts)
    return await _decide_from(
        sent_by_rag(question, parts.corpus, parts.limits), question, parts, transcript
    )


def sent_by_rag(question: str, corpus: Corpus, limits: Limits) -> list[Chunk]:
    """The chunks that retrieval sends."""
    return corpus.search([question], limit=limits.rag_chunks)


async def remote(question: str, parts: Parts, transcript: Transcript) -> Decision:
    """Every chunk of every document, in their order, in one cloud call."""
    _check_policy("remote", parts)
    return await _decide_from(parts.corpus.chunks(), question, parts, transcript)


def _check_policy(protocol: str, parts: Parts) -> None:
    """Once more: that the settings were checked before is no reason to send a document."""
    if parts.cloud:
        refuse_to_send(protocol, parts.policy, to="the cloud")


async def _decide_from(
    chunks: Iterable[Chunk], question: str, parts: Parts, transcript: Transcript
) -> Decision:
    task = Task(id="t1", instruction=question)
    jobs = tuple(
        Job(id=f"r1.t1.{chunk.id}.0", task=task, chunk=chunk, rank=rank)
        for rank, chunk in enumerate(chunks)
    )
    with working_for(transcript.run_id, 1):
        transcript.planned(Plan(tasks=(task,)), Expansion(jobs, 0, ()))
        for job in jobs:
            whole = find(
                job,
                Location(0, len(job.chunk.text), "exact", 1.0),
                answer=None,
                confidence=1 / (1 + job.rank),
            )
            transcript.finished(JobResult(job=job, status="found", findings=(whole,)))
        return transcript.decided(
            await parts.planner.decide(question, transcript.whole(), History())
        )


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "minions": answer,
    "minion": minion,
    "local": answer,
    "rag": rag,
    "remote": remote,
}
