"""The protocol: plan, execute, reduce, decide; again while the planner asks for more.

A planner never reads the documents: it sees a card, then digests. One round takes two cloud calls.
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
    from minions.run.condense import Condenser
    from minions.run.transcript import Transcript
    from minions.values.limits import Limits
    from minions.values.plans import Decision


@dataclass(frozen=True)
class Parts:
    """The ports that the loop uses; ``expanding`` turns a plan into jobs."""

    corpus: Corpus
    planner: Planner
    executor: Executor
    condenser: Condenser
    limits: Limits
    expanding: Callable[..., Expansion] = expand


async def answer(parts: Parts, transcript: Transcript) -> Decision:
    """Run the rounds, and write everything that happens into ``transcript``."""
    condenser = parts.condenser
    question = transcript.question
    history = History(rounds_left=parts.limits.max_rounds - 1)
    with working_for(transcript.run_id, 1):
        plan = await parts.planner.plan(question, condenser.card())
    while True:
        with working_for(transcript.run_id, transcript.next_round):
            place = {"round_number": transcript.next_round, "naming": condenser.naming(plan)}
            expansion = parts.expanding(plan, question, parts.corpus, parts.limits, **place)
            transcript.planned(plan, expansion)
            async with aclosing(parts.executor.run(expansion.jobs)) as results:
                async for result in results:
                    transcript.finished(result, condenser.findings(result))
            digest = condenser.digest(transcript)
            decision = transcript.decided(await parts.planner.decide(question, digest, history))
        if decision.answer is not None or not decision.tasks or not history.rounds_left:
            return decision
        history = transcript.history(rounds_left=history.rounds_left - 1)
        plan = Plan(tasks=decision.tasks)
