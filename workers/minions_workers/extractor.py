"""The worker proper: looks at a chunk, extracts a finding, and grounds it in the chunk's own text.

A job is up to two turns on one cached prefix: a one-token look, and the extraction where the look says it pays. A
document is judged by the probabilities of one token.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Literal

import structlog

from minions.errors import (
    ContextOverflowError,
    ModelError,
    ReplyError,
)
from minions.evidence.grounding import Location, locate
from minions.evidence.lines import point, split_lines
from minions.evidence.support import supporting_line
from minions.values.chat import Message, Usage
from minions.values.events import WarningEvent
from minions_workers import judging
from minions_workers.attempt import ENDS_THE_RUN, PARTIAL_CHARACTERS, Attempt
from minions_workers.doubt import objection, settles, understood
from minions_workers.look import look
from minions_workers.passage import RESAMPLING_TEMPERATURE, request, show
from minions_workers.phrasing import filled, worded
from minions_workers.prompts import load, load_thinking
from minions_workers.reading import Reply, read_reply
from minions_workers.schemas import REASONING, Reasoning, answer_in_words, max_lines, reply_schema

if TYPE_CHECKING:
    from minions.evidence.lines import Line
    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion
    from minions.values.events import Observer
    from minions.values.jobs import Job, JobResult

Evidence = Literal["lines", "quote"]

_VERSION = (
    1  # of what is made of a reply: raise it when the same reply comes to mean something else
)
_log = structlog.get_logger()
_POINTING_TOKENS = 100
_QUOTING_TOKENS = 220
_LIST_TOKENS = 120  # on top: more lines, and a longer answer
_BLIND = "the worker's server gives no token probabilities: every passage is read in full, and findings are unranked"


class Extractor:
    """Runs jobs over any ChatModel.

    ``evidence``: the worker points at numbered lines, or quotes. ``min_relevance``: a look below it abstains without
    extracting. ``reasoning``: it thinks before it points, in a few words a step (``draft``) or in sentences (``cot``).
    ``second_look``: it is asked once more where its answer stands nowhere in the passage. ``observe`` is told once if
    the server gives no probabilities; looks are then left out, and judgements are written.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        evidence: Evidence = "lines",
        min_relevance: float = 0.3,
        reasoning: Reasoning = "none",
        second_look: bool = False,
        observe: Observer | None = None,
    ) -> None:
        self._model = model
        self._evidence: Evidence = evidence
        self._min_relevance = min_relevance
        self._reasoning: Reasoning = reasoning
        self._second_look = second_look and evidence == "lines"
        self._observe = observe
        self._blind = False

    @property
    def fingerprint(self) -> str:
        """All that decides a job's result besides the job: model, prompts, parameters, and what is made of a reply.

        What is off by default is part of it only when it is on, so that who never used it keeps what was read.
        """
        prompts = [load(name) for name in ("system", "look", "lines", "quote")]
        parts: list[object] = [
            _VERSION,
            self._model.reference,
            self._evidence,
            self._min_relevance,
            prompts,
        ]
        if self._reasoning != "none":
            parts += [self._reasoning, load(self._reasoning)]
        if self._second_look:
            parts += ["second look", load("second")]
        return _hash(parts)

    @property
    def judging_fingerprint(self) -> str:
        """The same for judgements of documents."""
        return _hash([judging.VERSION, self.fingerprint, [load(name) for name in judging.PROMPTS]])

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        attempt = Attempt(job)
        try:
            return await self._run(attempt)
        except ENDS_THE_RUN:
            raise
        except ContextOverflowError as error:
            reason = f"the chunk of about {job.chunk.tokens} tokens does not fit the worker's context: {error}"
            return attempt.ended("failed", reason=reason, usage=error.usage)
        except (ModelError, ReplyError) as error:
            _log.info("job_failed", job=job.id, error=type(error).__name__)
            return attempt.ended("failed", reason=str(error), usage=getattr(error, "usage", None))

    async def _run(self, attempt: Attempt) -> JobResult:
        job = attempt.job
        if job.task.judges:
            return await self._elect(attempt) or await self._judge_in_writing(attempt)
        lines = split_lines(job.chunk.text)
        passage = show(job.chunk, lines)
        if not self._blind and not await self._is_promising(attempt, passage):
            return attempt.ended("abstained")
        asked = self._extraction(passage, job, len(lines))
        completion = await self._model.complete(asked)
        attempt.usage += completion.usage
        if self._second_look:
            completion = await self._look_again(attempt, asked, completion, lines)
        return _ground(attempt, completion, lines)

    async def _elect(self, attempt: Attempt) -> JobResult | None:
        """A verdict by probabilities; None where there are none, or the worker is to think in writing first."""
        if self._blind or self._reasoning != "none":
            return None
        job = attempt.job
        weighed = await self._ballots(attempt, job)
        if not weighed:
            return None
        answer, probability = judging.verdict(weighed)
        return attempt.found([judging.closest_line(job, answer)], answer, confidence=probability)

    async def _ballots(self, attempt: Attempt, job: Job) -> list[dict[str, float]] | None:
        """What each ballot says; a document that is too long after all votes by halves. None: there is no telling."""
        weighed = []
        for ballot in judging.ballots(job.task, sample=job.sample):
            try:
                completion = await self._model.complete(judging.ballot_request(job, ballot))
            except ContextOverflowError as error:
                halves = judging.halves(job)
                if not halves:
                    raise
                attempt.usage += error.usage or Usage()
                first, second = [await self._ballots(attempt, half) for half in halves]
                return [*first, *second] if first and second else None
            attempt.usage += completion.usage
            if not completion.first_token:
                self._note_blind()
                return None
            weights = ballot.weigh(completion.first_token)
            if weights is None:
                return None
            weighed.append(weights)
        return weighed

    async def _judge_in_writing(self, attempt: Attempt) -> JobResult:
        job, verdicts = attempt.job, Counter[str]()
        for completion in await self._written(attempt, job):
            try:
                answer = judging.chosen(
                    job.task, read_reply(completion.text, options=job.task.options).answer
                )
            except ReplyError as error:
                return _unread(attempt, completion, str(error))
            if answer is not None:
                verdicts[answer] += 1
            elif completion.finish_reason == "length":
                return _unread(attempt, completion, "cut off")
        if not verdicts:
            return attempt.ended("abstained")
        answer = max(
            verdicts, key=verdicts.__getitem__
        )  # of as many votes the one for the beginning
        return attempt.found([judging.closest_line(job, answer)], answer)

    async def _written(self, attempt: Attempt, job: Job) -> list[Completion]:
        """The verdict in writing; those of the halves where a document is too long after all."""
        try:
            completion = await self._model.complete(
                judging.written_request(job, reasoning=self._reasoning)
            )
        except ContextOverflowError as error:
            halves = judging.halves(job)
            if not halves:
                raise
            attempt.usage += error.usage or Usage()
            return [
                completion for half in halves for completion in await self._written(attempt, half)
            ]
        attempt.usage += completion.usage
        return [completion]

    async def _is_promising(self, attempt: Attempt, passage: str) -> bool:
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

    def _extraction(self, passage: str, job: Job, lines: int) -> ChatRequest:
        pointing = self._evidence == "lines"
        tokens = _POINTING_TOKENS if pointing else _QUOTING_TOKENS
        tokens += REASONING[self._reasoning].tokens
        tail = filled(
            load_thinking(self._evidence, self._reasoning),
            instruction=("question", job.task.instruction),
            answer=worded(job.task, answer_in_words(job.task)),
            most=("prompt", str(max_lines(job.task))),
        )
        return request(
            passage,
            tail,
            max_output_tokens=tokens + (_LIST_TOKENS if job.task.output == "list" else 0),
            temperature=RESAMPLING_TEMPERATURE if job.sample else 0.0,
            affinity=job.chunk.id,
            json_schema=reply_schema(
                job.task, pointing=pointing, lines=lines, reasoning=self._reasoning
            ),
        )

    async def _look_again(
        self, attempt: Attempt, asked: ChatRequest, first: Completion, lines: list[Line]
    ) -> Completion:
        """The second reply where it settles what was wrong with the first and there is room for it, else the first."""
        objected = objection(understood(first.text, attempt.job), attempt.job, lines)
        if objected is None:
            return first
        turns = (Message.of("assistant", ("answer", first.text)), Message.of("user", *objected))
        try:
            second = await self._model.complete(
                asked.model_copy(update={"messages": (*asked.messages, *turns)})
            )
        except ContextOverflowError as error:
            attempt.usage += error.usage or Usage()
            return first
        attempt.usage += second.usage
        return (
            second if settles(understood(second.text, attempt.job), attempt.job, lines) else first
        )


def _hash(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _unread(attempt: Attempt, completion: Completion, reason: str) -> JobResult:
    """A reply of which nothing can be made, its words kept."""
    cut_off = completion.finish_reason == "length"
    partial = completion.text[:PARTIAL_CHARACTERS]
    return attempt.ended("truncated" if cut_off else "failed", reason=reason, partial=partial)


def _ground(attempt: Attempt, completion: Completion, lines: list[Line]) -> JobResult:
    try:
        reply = read_reply(completion.text, options=attempt.job.task.options)
    except ReplyError as error:
        return _unread(attempt, completion, str(error))
    locations = _locations(reply, attempt.job.chunk.text, lines)
    if locations:
        return attempt.found(locations, reply.answer)
    if not reply.abstains:
        return attempt.ended(
            "abstained", reason="its evidence does not stand in the passage", ungrounded=True
        )
    if completion.finish_reason == "length":
        return _unread(attempt, completion, "cut off")
    return attempt.ended("abstained")


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
