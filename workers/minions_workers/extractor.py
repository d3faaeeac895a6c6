"""The worker proper: looks at a chunk, extracts a finding, and grounds it in the chunk's own text.

A job is up to two turns on one cached prefix: a one-token look, and the extraction where the look says it pays.
"""

from __future__ import annotations

import hashlib
import json
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
from minions.events import WarningEvent
from minions.evidence.grounding import Location, locate
from minions.evidence.lines import point, split_lines
from minions.evidence.support import supporting_line
from minions.evidence.surroundings import find
from minions.jobs import Job, JobResult, JobStatus
from minions_workers.look import look
from minions_workers.passage import request, show
from minions_workers.prompts import load
from minions_workers.reading import Reply, read_reply
from minions_workers.schemas import answer_in_words, max_lines, reply_schema

if TYPE_CHECKING:
    from minions.chat import Completion
    from minions.events import Observer
    from minions.evidence.lines import Line
    from minions.findings import Finding
    from minions.plans import Task
    from minions.ports import ChatModel

Evidence = Literal["lines", "quote"]

_VERSION = 1  # of what is made of a reply: raise it when the same reply comes to mean something else
_log = structlog.get_logger()
_ENDS_THE_RUN = (AuthenticationError, ModelNotFoundError, UnreachableError)
_POINTING_TOKENS = 100
_QUOTING_TOKENS = 220
_LIST_TOKENS = 120  # on top: more lines, and a longer answer
_RESAMPLING_TEMPERATURE = 0.7  # at 0 every further sample would be the first again
_BLIND = "the worker's server gives no token probabilities: every passage is read in full, and findings are unranked"
_UNSEEN = 0.5  # the confidence of a finding whose server gives no probabilities
_PARTIAL_CHARACTERS = 400


class Extractor:
    """Runs jobs over any ChatModel.

    ``evidence``: the worker points at numbered lines, or quotes. ``min_relevance``: a look below it abstains without
    extracting. ``observe`` is told once if the server gives no probabilities; looks are then left out.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        evidence: Evidence = "lines",
        min_relevance: float = 0.3,
        observe: Observer | None = None,
    ) -> None:
        self._model = model
        self._evidence: Evidence = evidence
        self._min_relevance = min_relevance
        self._observe = observe
        self._blind = False

    @property
    def fingerprint(self) -> str:
        """All that decides a job's result besides the job: model, prompts, parameters, and what is made of a reply."""
        prompts = [load(name) for name in ("system", "look", "lines", "quote")]
        parts = (_VERSION, self._model.reference, self._evidence, self._min_relevance, prompts)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

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
        if not (_judges(job.task) or self._blind) and not await self._is_promising(attempt, passage):
            return attempt.ended("abstained")
        completion = await self._extract(passage, job, len(lines))
        attempt.usage += completion.usage
        return _ground(attempt, completion, lines)

    async def _is_promising(self, attempt: _Attempt, passage: str) -> bool:
        seen = await look(self._model, passage, attempt.job)
        attempt.usage += seen.usage
        attempt.relevance = seen.relevance
        if seen.blind:
            self._note_blind()
            return not seen.says_no
        return seen.relevance is None or seen.relevance >= self._min_relevance

    def _note_blind(self) -> None:
        """A look without a probability orders nothing: the first is used for its word, further ones are not paid
        for.
        """
        if self._blind:
            return
        self._blind = True
        _log.warning("server_gives_no_probabilities", model=self._model.reference)
        if self._observe is not None:
            self._observe(WarningEvent(message=_BLIND))

    async def _extract(self, passage: str, job: Job, lines: int) -> Completion:
        pointing = self._evidence == "lines"
        tokens = _POINTING_TOKENS if pointing else _QUOTING_TOKENS
        tail = load(self._evidence).format(
            instruction=job.task.instruction, answer=answer_in_words(job.task), most=max_lines(job.task)
        )
        return await self._model.complete(
            request(
                passage,
                tail,
                max_output_tokens=tokens + (_LIST_TOKENS if job.task.output == "list" else 0),
                temperature=_RESAMPLING_TEMPERATURE if job.sample else 0.0,
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
        findings: tuple[Finding, ...] = (),
    ) -> JobResult:
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

    def found(self, locations: list[Location], answer: str | None) -> JobResult:
        confidence = _UNSEEN if self.relevance is None else round(self.relevance, 3)
        findings = tuple(
            find(self.job, location, answer=answer, confidence=confidence, part=part)
            for part, location in enumerate(locations)
        )
        return self.ended("found", findings=findings)


def _judges(task: Task) -> bool:
    """Whether a task judges whole documents: the answer stands in no single line, so there is nothing to look for."""
    return task.output in {"yes_no", "category"} and task.unit == "document"


def _ground(attempt: _Attempt, completion: Completion, lines: list[Line]) -> JobResult:
    cut_off = completion.finish_reason == "length"
    task, text = attempt.job.task, attempt.job.chunk.text
    try:
        reply = read_reply(completion.text, options=task.options)
    except ReplyError as error:
        partial = completion.text[:_PARTIAL_CHARACTERS]
        return attempt.ended("truncated" if cut_off else "failed", reason=str(error), partial=partial)
    locations = _locations(reply, text, lines)
    if not locations and _judges(task) and reply.answer and not cut_off:
        locations = [Location(line.start, line.end, "exact", 1.0) for line in lines[:1]]
    if locations:
        return attempt.found(locations, reply.answer)
    if reply.abstains:
        if cut_off:
            return attempt.ended("truncated", reason="cut off", partial=completion.text[:_PARTIAL_CHARACTERS])
        return attempt.ended("abstained")
    return attempt.ended("abstained", reason="its evidence does not stand in the passage", ungrounded=True)


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
