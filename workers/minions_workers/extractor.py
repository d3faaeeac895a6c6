"""The worker proper: looks at a chunk, extracts a finding, and grounds it in the chunk's own text.

A job is up to two turns on one cached prefix: a one-token look, and the extraction where the look says it pays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog

from minions.chat import Usage
from minions.errors import (
    AuthenticationError,
    ContextOverflowError,
    ModelError,
    ModelNotFoundError,
    ReplyError,
    UnreachableError,
)
from minions.evidence.grounding import Location, locate
from minions.evidence.lines import point, split_lines
from minions.evidence.support import supporting_line
from minions.evidence.surroundings import find
from minions.jobs import Job, JobResult, JobStatus
from minions_workers.look import look
from minions_workers.passage import request, show
from minions_workers.prompts import load
from minions_workers.reading import Reply, read_reply
from minions_workers.schemas import answer_in_words, reply_schema

if TYPE_CHECKING:
    from minions.chat import Completion
    from minions.evidence.lines import Line
    from minions.ports import ChatModel

Evidence = Literal["lines", "quote"]

_log = structlog.get_logger()
_ENDS_THE_RUN = (AuthenticationError, ModelNotFoundError, UnreachableError)
_POINTING_TOKENS = 100
_QUOTING_TOKENS = 220
_UNSEEN = 0.5  # the confidence of a finding whose server gives no probabilities
_PARTIAL_CHARACTERS = 400


class Extractor:
    """Runs jobs over any ChatModel.

    ``evidence``: the worker points at numbered lines, or quotes. ``min_relevance``: a look below it abstains without
    extracting.
    """

    def __init__(self, model: ChatModel, *, evidence: Evidence = "lines", min_relevance: float = 0.3) -> None:
        self._model = model
        self._evidence: Evidence = evidence
        self._min_relevance = min_relevance

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        attempt = _Attempt(job)
        try:
            return await self._run(attempt)
        except _ENDS_THE_RUN:
            raise
        except ContextOverflowError as error:
            reason = f"the chunk of about {job.chunk.tokens} tokens does not fit the worker's context: {error}"
            return attempt.ended("failed", reason=reason, usage=error.usage)
        except (ModelError, ReplyError) as error:
            _log.info("job_failed", job=job.id, error=type(error).__name__)
            return attempt.ended("failed", reason=str(error), usage=getattr(error, "usage", None))

    async def _run(self, attempt: _Attempt) -> JobResult:
        job = attempt.job
        lines = split_lines(job.chunk.text)
        passage = show(job.chunk, lines)
        if job.task.output not in {"yes_no", "category"} or job.task.unit != "document":
            seen = await look(self._model, passage, job)
            attempt.usage += seen.usage
            attempt.relevance = seen.relevance
            if seen.relevance is not None and seen.relevance < self._min_relevance:
                return attempt.ended("abstained")
        completion = await self._extract(passage, job, len(lines))
        attempt.usage += completion.usage
        return _ground(attempt, completion, lines)

    async def _extract(self, passage: str, job: Job, lines: int) -> Completion:
        pointing = self._evidence == "lines"
        tail = load(self._evidence).format(instruction=job.task.instruction, answer=answer_in_words(job.task))
        return await self._model.complete(
            request(
                passage,
                tail,
                max_output_tokens=_POINTING_TOKENS if pointing else _QUOTING_TOKENS,
                affinity=job.chunk.id,
                json_schema=reply_schema(job.task, pointing=pointing, lines=lines),
            )
        )


class _Attempt:
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
    ) -> JobResult:
        return JobResult(
            job=self.job,
            status=status,
            relevance=self.relevance,
            reason=reason,
            partial=partial,
            ungrounded=ungrounded,
            usage=self.usage + (usage or Usage()),
        )

    def found(self, locations: list[Location], answer: str | None) -> JobResult:
        confidence = _UNSEEN if self.relevance is None else round(self.relevance, 3)
        findings = tuple(
            find(self.job, location, answer=answer, confidence=confidence, part=part)
            for part, location in enumerate(locations)
        )
        return self.ended("found").model_copy(update={"findings": findings})


def _ground(attempt: _Attempt, completion: Completion, lines: list[Line]) -> JobResult:
    cut_off = completion.finish_reason == "length"
    try:
        reply = read_reply(completion.text)
    except ReplyError as error:
        partial = completion.text[:_PARTIAL_CHARACTERS]
        return attempt.ended("truncated" if cut_off else "failed", reason=str(error), partial=partial)
    if reply.abstains:
        if cut_off:
            return attempt.ended("truncated", reason="cut off", partial=completion.text[:_PARTIAL_CHARACTERS])
        return attempt.ended("abstained")
    locations = _locations(reply, attempt.job.chunk.text, lines)
    if not locations:
        return attempt.ended("abstained", reason="its evidence does not stand in the passage", ungrounded=True)
    return attempt.found(locations, reply.answer)


def _locations(reply: Reply, text: str, lines: list[Line]) -> list[Location]:
    if reply.quote is not None:
        location = locate(reply.quote, text)
        return [location] if location else []
    numbers = [number for number in reply.lines if 1 <= number <= len(lines)]
    if not numbers:
        return []
    better = supporting_line(reply.answer, text, lines, numbers)
    spans = point(lines, numbers)
    if better is not None:
        spans = [*point(lines, [better]), *spans]
    return [Location(start, end, "exact", 1.0) for start, end in spans]
