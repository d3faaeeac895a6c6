"""Judging a document: the verdict is read off the probabilities of one token, instead of a written
answer.

docs/adr/0012 has the reasons, and docs/experiments.md the accuracy.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, NamedTuple

from minions.errors import ContextOverflowError, ReplyError
from minions.evidence.finding import best_window
from minions.evidence.grounding import Location
from minions.evidence.lines import split_lines
from minions.values.chat import ChatRequest, Message, Usage
from minions_workers.attempt import attempted
from minions_workers.passage import RESAMPLING_TEMPERATURE, place_of, table_of
from minions_workers.phrasing import filled, worded
from minions_workers.probabilities import Probabilities
from minions_workers.prompts import load, load_thinking
from minions_workers.reading import read_reply
from minions_workers.schemas import REASONING, answer_in_words, judgement_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.ports import ChatModel
    from minions.values.chat import Completion
    from minions.values.jobs import Job, JobResult
    from minions.values.plans import Task
    from minions_workers.attempt import Attempt
    from minions_workers.phrasing import Part
    from minions_workers.schemas import Reasoning

# The version of the code that weighs probabilities. Raise it when a verdict may change.
VERSION = 1
PROMPTS = ("judge_system", "judge_yes_no", "judge_options", "judge_written")
CANDIDATES = 20
_WRITTEN_TOKENS = 60
_FEWEST_LINES = 2
_YES_NO = ("yes", "no")
_AROUND = " \n.()*\"'"  # what small models write around an option
_AFTER = ".,;:"  # and after it, before they explain themselves
_LEAST = 0.01  # the least probability of all options together that is a verdict
_FLOOR = 1e-6  # the probability of an option that is not among the candidates


def fingerprint_over(extracting: str) -> str:
    """The hash of all that decides a judgement besides the job.

    ``extracting`` is the fingerprint of the extractor over the same model: it holds the model and
    the reasoning, and so the keys of judgements are the same as in earlier versions.
    """
    parts = [VERSION, extracting, [load(name) for name in PROMPTS]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Judge:
    """A Worker over any ChatModel, for tasks that judge a whole document: yes or no, or a category.

    The verdict is the likeliest option by the probabilities of one token. It is written instead if
    the server gives no probabilities, or if ``reasoning`` lets the worker think first.
    ``probabilities``: what is known of the model's server; by default it is known to this worker
    alone.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        reasoning: Reasoning = "none",
        probabilities: Probabilities | None = None,
    ) -> None:
        self._model = model
        self._reasoning: Reasoning = reasoning
        self._probabilities = probabilities or Probabilities(model)

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        return await attempted(job, self._judge)

    async def _judge(self, attempt: Attempt) -> JobResult:
        job = attempt.job
        if not self._probabilities.missing and self._reasoning == "none":
            weighed = await self._weighed(attempt, job)
            if weighed:
                answer, probability = verdict(weighed)
                line = closest_line(job, answer)
                return attempt.found([line], answer, confidence=probability)
        return await self._judge_in_writing(attempt)

    async def _weighed(self, attempt: Attempt, job: Job) -> list[dict[str, float]] | None:
        """The log probability of each answer, by ballot; None if the probabilities do not tell.

        If the document is too long for the server after all, both halves vote.
        """
        weighed: list[dict[str, float]] = []
        for ballot in ballots(job.task, sample=job.sample):
            try:
                completion = await self._model.complete(ballot_request(job, ballot))
            except ContextOverflowError as error:
                pieces = halves(job)
                if not pieces:
                    raise
                attempt.usage += error.usage or Usage()
                first, second = [await self._weighed(attempt, piece) for piece in pieces]
                if first and second:
                    return [*first, *second]
                return None
            attempt.usage += completion.usage
            if not completion.first_token:
                self._probabilities.note_missing()
                return None
            weights = ballot.weigh(completion.first_token)
            if weights is None:
                return None
            weighed.append(weights)
        return weighed

    async def _judge_in_writing(self, attempt: Attempt) -> JobResult:
        job = attempt.job
        verdicts: Counter[str] = Counter()
        for completion in await self._written(attempt, job):
            try:
                reply = read_reply(completion.text, options=job.task.options)
            except ReplyError as error:
                return attempt.unread(completion, str(error))
            answer = chosen(job.task, reply.answer)
            if answer is not None:
                verdicts[answer] += 1
            elif completion.finish_reason == "length":
                return attempt.unread(completion, "cut off")
        if not verdicts:
            return attempt.ended("abstained")
        # Tie-break: the answer of the earlier part of the document.
        answer = max(verdicts, key=verdicts.__getitem__)
        return attempt.found([closest_line(job, answer)], answer)

    async def _written(self, attempt: Attempt, job: Job) -> list[Completion]:
        """The verdict in writing; a verdict on each half if the document is too long after all."""
        try:
            completion = await self._model.complete(written_request(job, reasoning=self._reasoning))
        except ContextOverflowError as error:
            pieces = halves(job)
            if not pieces:
                raise
            attempt.usage += error.usage or Usage()
            completions: list[Completion] = []
            for piece in pieces:
                completions += await self._written(attempt, piece)
            return completions
        attempt.usage += completion.usage
        return [completion]


class Ballot(NamedTuple):
    """One way to ask for a verdict.

    ``tail``: the words after the document. ``tokens``: the answer that each first token stands for.
    """

    tail: tuple[Part, ...]
    tokens: Mapping[str, str]

    def weigh(self, first_token: Mapping[str, float]) -> dict[str, float] | None:
        """The log probability of each answer, over all spellings among the candidates.

        None if nearly all probability is elsewhere: the model is about to say something else, and
        the little that is left for the answers is noise.
        """
        sums = dict.fromkeys(self.tokens.values(), 0.0)
        answer_of = {token.casefold(): answer for token, answer in self.tokens.items()}
        for token, logprob in first_token.items():
            answer = answer_of.get(token.strip(_AROUND).casefold())
            if answer is not None:
                sums[answer] += math.exp(logprob)
        if sum(sums.values()) < _LEAST:
            return None
        return {answer: math.log(max(weight, _FLOOR)) for answer, weight in sums.items()}


class Verdict(NamedTuple):
    """The likeliest answer, and its share of the probability of all answers, in [0, 1]."""

    answer: str
    probability: float


def ballots(task: Task, *, sample: int = 0) -> list[Ballot]:
    """The ballots of a task; none if it has more options than there are letters.

    Options are lettered and asked for twice, the second time in reverse order, because small models
    favour a letter. Further samples begin with another option.
    """
    options = tuple(_options(task))
    words = {option.casefold(): option for option in options}
    if words.keys() == set(_YES_NO):
        tail = filled(load("judge_yes_no"), instruction=("question", task.instruction))
        return [Ballot(tail, words)]
    if not 0 < len(options) <= len(ascii_uppercase):
        return []
    turn = sample % len(options)
    turned = options[turn:] + options[:turn]
    return [_lettered(task, turned), _lettered(task, turned[::-1])]


def _options(task: Task) -> Sequence[str]:
    """The verdicts that a task may have.

    A yes-or-no task has yes and no, whatever options a plan adds to it.
    """
    if task.output == "yes_no":
        return _YES_NO
    return task.options


def chosen(task: Task, answer: str | None) -> str | None:
    """The option that a written answer names, alone or before a point or a comma; None if it names
    none.

    Some servers do not enforce a schema, and any other words would be counted as a further option.
    """
    written = (answer or "").strip(_AROUND).casefold()
    named: list[str] = []
    for option in _options(task):
        word = option.strip(_AROUND).casefold()
        explained = tuple(word + mark for mark in _AFTER)
        if written == word or written.startswith(explained):
            named.append(option)
    return max(named, key=len, default=None)


def _lettered(task: Task, options: Sequence[str]) -> Ballot:
    tokens = dict(zip(ascii_uppercase, options, strict=False))
    listed = "\n".join(f"{letter}. {option}" for letter, option in tokens.items())
    tail = filled(
        load("judge_options"),
        instruction=("question", task.instruction),
        options=("question", listed),
    )
    return Ballot(tail, tokens)


def verdict(weighed: Sequence[Mapping[str, float]]) -> Verdict:
    """The answer with the best mean log probability over ballots that name the same answers."""
    means: dict[str, float] = {}
    for answer in weighed[0]:
        logprobs = [weights[answer] for weights in weighed]
        means[answer] = sum(logprobs) / len(logprobs)
    total = sum(map(math.exp, means.values()))
    best = max(means, key=means.__getitem__)
    return Verdict(best, math.exp(means[best]) / total)


def ballot_request(job: Job, ballot: Ballot) -> ChatRequest:
    """The request for a verdict in one token: ``[system][document][task]``.

    All judgements of a document share the prefix.
    """
    return _request(job, ballot.tail, max_output_tokens=1, first_token_candidates=CANDIDATES)


def written_request(job: Job, *, reasoning: Reasoning = "none") -> ChatRequest:
    """The request for a verdict in writing, on the prefix that the ballots have."""
    task = job.task
    tail = filled(
        load_thinking("judge_written", reasoning),
        instruction=("question", task.instruction),
        answer=worded(task, answer_in_words(task)),
    )
    temperature = RESAMPLING_TEMPERATURE if job.sample else 0.0
    return _request(
        job,
        tail,
        max_output_tokens=_WRITTEN_TOKENS + REASONING[reasoning].tokens,
        temperature=temperature,
        json_schema=judgement_schema(task, reasoning=reasoning),
        schema_name="judgement",
    )


def _request(job: Job, tail: Sequence[Part], **wanted: Any) -> ChatRequest:
    chunk = job.chunk
    shown = f"Document {place_of(chunk)}:\n{table_of(chunk)}{chunk.text.strip()}"
    return ChatRequest(
        messages=(
            Message.of("system", ("prompt", load("judge_system"))),
            Message.of("user", ("passage", shown), ("prompt", "\n\n"), *tail),
        ),
        affinity=chunk.id,
        **wanted,
    )


def halves(job: Job) -> list[Job]:
    """The job over each half of its document, cut between two lines; none for a single line."""
    chunk = job.chunk
    lines = split_lines(chunk.text)
    if len(lines) < _FEWEST_LINES:
        return []
    starts = [line.start for line in lines[1:]]
    middle = min(starts, key=lambda start: abs(2 * start - len(chunk.text)))
    cut = chunk.start + middle
    first = {"start": chunk.start, "end": cut, "text": chunk.text[:middle]}
    second = {"start": cut, "end": chunk.end, "text": chunk.text[middle:]}
    return [
        job.model_copy(update={"chunk": chunk.model_copy(update=changes)})
        for changes in (first, second)
    ]


def closest_line(job: Job, answer: str) -> Location:
    """The line that shares most words with the task and the answer; the first line if none does.

    It is what a judgement cites: the judgement itself rests on the whole document.
    """
    start, end = best_window(job.chunk, (job.task.instruction, answer), lines=1)
    return Location(start, end, "exact", 1.0)
