"""The protocol: plan, execute, reduce, decide; again while the planner asks for more and rounds are left.

A planner never reads the documents: it sees a card, then digests. A run of one round costs two cloud calls.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minions.execution.expand import expand
from minions.ledger.context import working_for
from minions.values.plans import History, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.corpus.port import Corpus
    from minions.execution.expand import Expansion
    from minions.ports import Executor, Planner
    from minions.run.transcript import Transcript
    from minions.values.limits import Limits
    from minions.values.plans import Decision
    from minions.values.policy import Policy


@dataclass(frozen=True)
class Parts:
    """What a run is made of; ``expanding`` makes jobs of a plan; ``cloud``: the planner is no local model."""

    corpus: Corpus
    planner: Planner
    executor: Executor
    limits: Limits
    policy: Policy
    expanding: Callable[..., Expansion] = expand
    cloud: bool = True


async def answer(question: str, parts: Parts, transcript: Transcript) -> Decision:
    """Run the rounds, and write all that happens into ``transcript``, which stays true if the run is stopped midway."""
    corpus, planner, limits = parts.corpus, parts.planner, parts.limits
    history = History(rounds_left=limits.max_rounds - 1)
    with working_for(transcript.run_id, 1):
        plan = await planner.plan(question, transcript.card())
    while True:
        with working_for(transcript.run_id, transcript.next_round):
            place = {"round_number": transcript.next_round, "naming": transcript.naming(plan)}
            expansion = parts.expanding(plan, question, corpus, limits, **place)
            transcript.planned(plan, expansion)
            async with aclosing(parts.executor.run(expansion.jobs)) as results:
                async for result in results:
                    transcript.finished(result)
            digest = transcript.digest(question)
            decision = transcript.decided(await planner.decide(question, digest, history))
        if decision.answer is not None or not decision.tasks or not history.rounds_left:
            return decision
        history = transcript.history(rounds_left=history.rounds_left - 1)
        plan = Plan(tasks=decision.tasks)
