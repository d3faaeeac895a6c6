"""The look: one token that says if a chunk is worth extracting from, and how sure the model is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from minions_workers.passage import request
from minions_workers.phrasing import filled
from minions_workers.prompts import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.ports import ChatModel
    from minions.values.chat import Usage
    from minions.values.jobs import Job

CANDIDATES = 10


class Look(NamedTuple):
    """The result of a look.

    ``relevance``: P(yes) in [0, 1]; None if neither word is among the candidates, or there are
    none. ``says_no``: the token itself is no. ``blind``: the server gives no probabilities.
    ``usage``: the tokens it took.
    """

    relevance: float | None
    says_no: bool
    blind: bool
    usage: Usage


async def look(model: ChatModel, passage: str, job: Job) -> Look:
    """Ask if the chunk itself contains the answer; ``passage`` is the chunk as it is shown.

    Raises what the model raises.
    """
    asked = request(
        passage,
        filled(load("look"), instruction=("question", job.task.instruction)),
        max_output_tokens=1,
        affinity=job.chunk.id,
        first_token_candidates=CANDIDATES,
    )
    completion = await model.complete(asked)
    says_no = completion.text.strip(" \n.,*\"'").casefold() == "no"
    if not completion.first_token:
        return Look(None, says_no, blind=True, usage=completion.usage)
    relevance = probability_of_yes(completion.first_token)
    return Look(relevance, says_no, blind=False, usage=completion.usage)


def probability_of_yes(first_token: Mapping[str, float]) -> float | None:
    """P(yes) / (P(yes) + P(no)) over all spellings among the candidates; None if there are none."""
    yes = 0.0
    no = 0.0
    for token, logprob in first_token.items():
        word = token.strip().casefold()
        if word == "yes":
            yes += math.exp(logprob)
        elif word == "no":
            no += math.exp(logprob)
    if yes + no > 0:
        return yes / (yes + no)
    return None
