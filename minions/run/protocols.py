"""The protocols that answer a question: this product's, and two baselines to compare it with.

``minions``: plan, read on the device, decide (`minions.run.loop`). ``minion``: the same loop as a
chat with one worker that holds the documents. ``local``: ``minions`` without any cloud. ``rag``:
the best chunks of the index are sent to the cloud. ``remote``: all documents are sent. The last two
need policy ``open``.
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

    Protocol = Callable[[Parts, Transcript], Awaitable[Decision]]

SENDS_CHUNKS: Final = frozenset({"rag", "remote"})


def refuse_to_send(protocol: str, policy: Policy, *, to: str) -> None:
    """Raise EgressRefusedError for a protocol that sends chunks under a policy that forbids it."""
    if protocol in SENDS_CHUNKS and policy != "open":
        raise EgressRefusedError(
            f"protocol {protocol} sends the documents' own text to {to}, "
            f"which policy {policy} does not allow",
            hint="allow it with --policy open, or use --protocol minions",
        )


async def minion(parts: Parts, transcript: Transcript) -> Decision:
    """A chat of at most ``max_turns`` rounds.

    In each round, the planner sends a message, and one worker that holds the documents answers it.
    """
    limits = parts.limits.model_copy(update={"max_rounds": parts.limits.max_turns})
    return await answer(replace(parts, limits=limits, expanding=hold), transcript)


async def rag(parts: Parts, transcript: Transcript) -> Decision:
    """Retrieval: the ``rag_chunks`` best chunks for the bare question, whole, in one cloud call."""
    _refuse_again("rag", parts)
    chunks = sent_by_rag(transcript.question, parts.corpus, parts.limits)
    return await _decide_from(chunks, parts, transcript)


def sent_by_rag(question: str, corpus: Corpus, limits: Limits) -> list[Chunk]:
    """The best ``rag_chunks`` chunks for a question."""
    return corpus.search([question], limit=limits.rag_chunks)


async def remote(parts: Parts, transcript: Transcript) -> Decision:
    """All chunks of all documents, in their order, in one cloud call."""
    _refuse_again("remote", parts)
    return await _decide_from(parts.corpus.chunks(), parts, transcript)


def _refuse_again(protocol: str, parts: Parts) -> None:
    """Check the policy again, where documents are sent, although the settings were checked."""
    gate = parts.condenser.gate
    if gate.sends:
        refuse_to_send(protocol, gate.policy, to="the cloud")


async def _decide_from(chunks: Iterable[Chunk], parts: Parts, transcript: Transcript) -> Decision:
    """One decision over whole chunks; each chunk becomes a finding without any reading."""
    question = transcript.question
    task = Task(id="t1", instruction=question)
    jobs = []
    for rank, chunk in enumerate(chunks):
        jobs.append(Job(id=f"r1.t1.{chunk.id}.0", task=task, chunk=chunk, rank=rank))
    with working_for(transcript.run_id, 1):
        transcript.planned(Plan(tasks=(task,)), Expansion(tuple(jobs), 0, ()))
        for job in jobs:
            everything = Location(0, len(job.chunk.text), "exact", 1.0)
            whole = find(job, everything, answer=None, confidence=1 / (1 + job.rank))
            result = JobResult(job=job, status="found", findings=(whole,))
            transcript.finished(result, parts.condenser.findings(result))
        digest = parts.condenser.whole(transcript)
        return transcript.decided(await parts.planner.decide(question, digest, History()))


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "minions": answer,
    "minion": minion,
    "local": answer,
    "rag": rag,
    "remote": remote,
}
