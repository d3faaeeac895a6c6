"""Plans that people wrote, in place of a planner's first call.

An evaluation uses them to measure reading without planning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.batch.items import BadLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minions.batch.items import Item
    from minions.ports import Planner
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.plans import Decision, History, Plan


class GivenPlan:
    """A planner whose first plan is given; ``planner`` makes all decisions."""

    def __init__(self, planner: Planner, plan: Plan) -> None:
        self._planner = planner
        self._plan = plan.model_copy(update={"by_user": True})

    async def plan(self, question: str, card: CorpusCard) -> Plan:  # noqa: ARG002 - the port's signature
        """Return the given plan. No model is called."""
        return self._plan

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        return await self._planner.decide(question, digest, history)


def plans_by_item(plans: Mapping[str, Plan], items: Iterable[Item | BadLine]) -> dict[str, Plan]:
    """The plans by the ids of their items.

    A key of ``plans`` is an item's id, or a question, for all items that ask it.
    """
    by_question = {name.strip(): plan for name, plan in plans.items()}
    found: dict[str, Plan] = {}
    for item in items:
        if isinstance(item, BadLine):
            continue
        plan = plans.get(item.id) or by_question.get(item.question)
        if plan is not None:
            found[item.id] = plan
    return found
