"""Extraction: looks at a chunk, extracts a finding, and grounds it in the chunk's own text.

A job is up to two turns on one cached prefix: a look of one token, and the extraction if the look
says that it pays.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from minions.errors import ContextOverflowError, ReplyError
from minions.evidence.grounding import Location, locate
from minions.evidence.lines import point, split_lines
from minions.evidence.support import supporting_line
from minions.values.chat import Message, Usage
from minions_workers.attempt import Attempt, attempted
from minions_workers.doubt import objection, settles, understood
from minions_workers.look import look
from minions_workers.passage import RESAMPLING_TEMPERATURE, request, show
from minions_workers.phrasing import filled, worded
from minions_workers.probabilities import Probabilities
from minions_workers.prompts import load, load_thinking
from minions_workers.reading import Reply, read_reply
from minions_workers.schemas import REASONING, Reasoning, answer_in_words, max_lines, reply_schema

if TYPE_CHECKING:
    from minions.evidence.lines import Line
    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion
    from minions.values.jobs import Job, JobResult

Evidence = Literal["lines", "quote"]

# The version of the code that reads a reply. Raise it when the same reply gets another meaning.
_VERSION = 1
_POINTING_TOKENS = 100
_QUOTING_TOKENS = 220
_LIST_TOKENS = 120  # in addition: more lines, and a longer answer


class Extractor:
    """A Worker over any ChatModel, for tasks whose answer stands in some lines of a chunk.

    ``evidence``: the worker points at numbered lines, or quotes. ``min_relevance``: a look below it
    abstains without extracting. ``reasoning``: the worker thinks before it points, in a few words a
    step (``draft``) or in sentences (``cot``). ``second_look``: it is asked once more if its answer
    stands nowhere in the chunk. ``probabilities``: what is known of the model's server; by default
    it is known to this worker alone.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        evidence: Evidence = "lines",
        min_relevance: float = 0.3,
        reasoning: Reasoning = "none",
        second_look: bool = False,
        probabilities: Probabilities | None = None,
    ) -> None:
        self._model = model
        self._evidence: Evidence = evidence
        self._min_relevance = min_relevance
        self._reasoning: Reasoning = reasoning
        self._second_look = second_look and evidence == "lines"
        self._probabilities = probabilities or Probabilities(model)

    @property
    def fingerprint(self) -> str:
        """The hash of all that decides a result besides the job: model, prompts, parameters, code.

        A setting that is off by default is part of it only when it is on: adding such a setting
        keeps the cached results of everyone who does not use it.
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
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        return await attempted(job, self._extract)

    async def _extract(self, attempt: Attempt) -> JobResult:
        job = attempt.job
        lines = split_lines(job.chunk.text)
        shown = show(job.chunk, lines)
        if not self._probabilities.missing:
            promising = await self._is_promising(attempt, shown)
            if not promising:
                return attempt.ended("abstained")
        asked = self._request(shown, job, len(lines))
        completion = await self._model.complete(asked)
        attempt.usage += completion.usage
        if self._second_look:
            completion = await self._look_again(attempt, asked, completion, lines)
        try:
            reply = read_reply(completion.text, options=job.task.options)
        except ReplyError as error:
            return attempt.unread(completion, str(error))
        locations = _locations(reply, job.chunk.text, lines)
        if locations:
            return attempt.found(locations, reply.answer)
        if not reply.abstains:
            reason = "its evidence does not stand in the passage"
            return attempt.ended("abstained", reason=reason, ungrounded=True)
        if completion.finish_reason == "length":
            return attempt.unread(completion, "cut off")
        return attempt.ended("abstained")

    async def _is_promising(self, attempt: Attempt, shown: str) -> bool:
        """Look at the chunk; False if extracting from it would not pay."""
        seen = await look(self._model, shown, attempt.job)
        attempt.usage += seen.usage
        attempt.relevance = seen.relevance
        if seen.blind:
            # Without a probability the look orders nothing, but its word counts: it was paid for.
            self._probabilities.note_missing()
            return not seen.says_no
        return seen.relevance is None or seen.relevance >= self._min_relevance

    def _request(self, shown: str, job: Job, line_count: int) -> ChatRequest:
        pointing = self._evidence == "lines"
        tokens = REASONING[self._reasoning].tokens
        tokens += _POINTING_TOKENS if pointing else _QUOTING_TOKENS
        if job.task.output == "list":
            tokens += _LIST_TOKENS
        temperature = RESAMPLING_TEMPERATURE if job.sample else 0.0
        tail = filled(
            load_thinking(self._evidence, self._reasoning),
            instruction=("question", job.task.instruction),
            answer=worded(job.task, answer_in_words(job.task)),
            most=("prompt", str(max_lines(job.task))),
        )
        return request(
            shown,
            tail,
            max_output_tokens=tokens,
            temperature=temperature,
            affinity=job.chunk.id,
            json_schema=reply_schema(
                job.task, pointing=pointing, lines=line_count, reasoning=self._reasoning
            ),
        )

    async def _look_again(
        self, attempt: Attempt, asked: ChatRequest, first: Completion, lines: list[Line]
    ) -> Completion:
        """Ask once more if the first reply's answer stands nowhere in the chunk.

        Returns the second reply if its answer stands in its lines, and the first otherwise, also if
        the context has no room for a second.
        """
        objected = objection(understood(first.text, attempt.job), attempt.job, lines)
        if objected is None:
            return first
        turns = (Message.of("assistant", ("answer", first.text)), Message.of("user", *objected))
        again = asked.model_copy(update={"messages": (*asked.messages, *turns)})
        try:
            second = await self._model.complete(again)
        except ContextOverflowError as error:
            attempt.usage += error.usage or Usage()
            return first
        attempt.usage += second.usage
        if settles(understood(second.text, attempt.job), attempt.job, lines):
            return second
        return first


def _locations(reply: Reply, text: str, lines: list[Line]) -> list[Location]:
    """The places of a reply's evidence in the chunk; empty if it does not stand there."""
    if reply.quote is not None:
        location = locate(reply.quote, text)
        if location is None:
            return []
        return [location]
    numbers = [number for number in reply.lines if 1 <= number <= len(lines)]
    if not numbers:
        return []
    spans = point(lines, numbers)
    better = supporting_line(reply.answer, text, lines, numbers)
    if better is not None:
        # The line that holds the answer comes first, before those that the worker pointed at.
        spans = [*point(lines, [better]), *spans]
    return [Location(start, end, "exact", 1.0) for start, end in spans]
