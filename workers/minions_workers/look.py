"""The look: one token that says whether a chunk is worth extracting from, and how sure the model is."""

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
    """P(yes) in [0, 1], None where the candidates hold neither word or the server gives none (``blind``); whether the
    word itself is no; and the tokens it took.
    """

    relevance: float | None
    says_no: bool
    blind: bool
    usage: Usage


async def look(model: ChatModel, passage: str, job: Job) -> Look:
    """Ask whether the passage itself contains the answer. Raises what the model raises."""
    completion = await model.complete(
        request(
            passage,
            filled(load("look"), instruction=("question", job.task.instruction)),
            max_output_tokens=1,
            affinity=job.chunk.id,
            first_token_candidates=CANDIDATES,
        )
    )
    relevance = probability_of_yes(completion.first_token) if completion.first_token else None
    says_no = completion.text.strip(" \n.,*\"'").casefold() == "no"
    return Look(relevance, says_no, blind=not completion.first_token, usage=completion.usage)


def probability_of_yes(first_token: Mapping[str, float]) -> float | None:
    """P(yes) / (P(yes) + P(no)) over all spellings among the candidates; None when neither is among them."""
    yes = no = 0.0
    for token, logprob in first_token.items():
        word = token.strip().casefold()
        if word == "yes":
            yes += math.exp(logprob)
        elif word == "no":
            no += math.exp(logprob)
    return yes / (yes + no) if yes + no > 0 else None
