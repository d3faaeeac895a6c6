"""Judging a document: the verdict is read off the probabilities of one token, instead of a written answer.

Why, and how often it is right: docs/adr/0012 and docs/experiments.md.
"""

from __future__ import annotations

import math
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, NamedTuple

from minions.evidence.finding import best_window
from minions.evidence.grounding import Location
from minions.evidence.lines import split_lines
from minions.values.chat import ChatRequest, Message
from minions_workers.passage import RESAMPLING_TEMPERATURE, place_of, table_of
from minions_workers.phrasing import filled, worded
from minions_workers.prompts import load, load_thinking
from minions_workers.schemas import REASONING, answer_in_words, judgement_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.values.jobs import Job
    from minions.values.plans import Task
    from minions_workers.phrasing import Part
    from minions_workers.schemas import Reasoning

VERSION = 1  # of what is made of the probabilities: raise it when the same ones come to mean something else
PROMPTS = ("judge_system", "judge_yes_no", "judge_options", "judge_written")
CANDIDATES = 20
_WRITTEN_TOKENS = 60
_FEWEST_LINES = 2
_YES_NO = ("yes", "no")
_AROUND = " \n.()*\"'"  # what small models write around an option
_AFTER = ".,;:"  # and after it, before they explain themselves
_LEAST = 0.01  # the probability of all options together that is a verdict
_FLOOR = 1e-6  # the probability of an option that is not among the candidates


class Ballot(NamedTuple):
    """One way to ask: the words after the document, and the first token that stands for each answer."""

    tail: tuple[Part, ...]
    tokens: Mapping[str, str]

    def weigh(self, first_token: Mapping[str, float]) -> dict[str, float] | None:
        """The log probability of each answer over all spellings; None where the model is about to say something else:
        what little is left for the answers is noise.
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
    """The likeliest answer, and its share of the probability of all."""

    answer: str
    probability: float


def ballots(task: Task, *, sample: int = 0) -> list[Ballot]:
    """How a task's verdict is asked for, empty where it has more options than letters.

    Options are lettered and asked twice, the second time in reverse order, for small models favour a letter. Further
    samples begin with another option.
    """
    given = _options(task)
    words = {option.casefold(): option for option in given}
    if words.keys() == set(_YES_NO):
        return [
            Ballot(filled(load("judge_yes_no"), instruction=("question", task.instruction)), words)
        ]
    if not 0 < len(given) <= len(ascii_uppercase):
        return []
    turn = sample % len(given)
    options = (*given[turn:], *given[:turn])
    return [_lettered(task, options), _lettered(task, options[::-1])]


def _options(task: Task) -> Sequence[str]:
    """The verdicts that a task may have: yes or no, where it is asked for them, whatever options a plan adds."""
    return _YES_NO if task.output == "yes_no" else task.options


def chosen(task: Task, answer: str | None) -> str | None:
    """The option that a written answer names, alone or before a point or a comma; None where it names none: some
    servers keep no schema, and other words would be a value of their own in a count.
    """
    said = (answer or "").strip(_AROUND).casefold()
    named = [option for option in _options(task) if _names(said, option.strip(_AROUND).casefold())]
    return max(named, key=len, default=None)


def _names(said: str, option: str) -> bool:
    return said == option or said.startswith(tuple(option + mark for mark in _AFTER))


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
    """The answer with the best mean log probability over the ballots, which name the same answers."""
    means = {answer: sum(one[answer] for one in weighed) / len(weighed) for answer in weighed[0]}
    total = sum(map(math.exp, means.values()))
    answer = max(means, key=means.__getitem__)
    return Verdict(answer, math.exp(means[answer]) / total)


def ballot_request(job: Job, ballot: Ballot) -> ChatRequest:
    """``[system][document][task]``, one token out; all judgements of a document share the prefix."""
    return _request(job, ballot.tail, max_output_tokens=1, first_token_candidates=CANDIDATES)


def written_request(job: Job, *, reasoning: Reasoning = "none") -> ChatRequest:
    """The same for a verdict in writing."""
    task = job.task
    tail = filled(
        load_thinking("judge_written", reasoning),
        instruction=("question", task.instruction),
        answer=worded(task, answer_in_words(task)),
    )
    return _request(
        job,
        tail,
        max_output_tokens=_WRITTEN_TOKENS + REASONING[reasoning].tokens,
        temperature=RESAMPLING_TEMPERATURE if job.sample else 0.0,
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
    """The job over each half of its document, divided between two lines; none where there is one line alone."""
    chunk = job.chunk
    lines = split_lines(chunk.text)
    if len(lines) < _FEWEST_LINES:
        return []
    middle = min(
        (line.start for line in lines[1:]), key=lambda start: abs(2 * start - len(chunk.text))
    )
    cut = chunk.start + middle
    pieces = [(chunk.start, cut, chunk.text[:middle]), (cut, chunk.end, chunk.text[middle:])]
    return [
        job.model_copy(
            update={"chunk": chunk.model_copy(update={"start": start, "end": end, "text": text})}
        )
        for start, end, text in pieces
    ]


def closest_line(job: Job, answer: str) -> Location:
    """What is cited for a judgement, which rests on the whole document: the line that shares most words with the task
    and the answer; the first where none does.
    """
    start, end = best_window(job.chunk, (job.task.instruction, answer), lines=1)
    return Location(start, end, "exact", 1.0)
