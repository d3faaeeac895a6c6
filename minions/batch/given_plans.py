"""Plans that people wrote, in place of a planner's first call: where planning is not what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.batch.items import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minions.batch.items import BadLine
    from minions.ports import Planner
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.plans import Decision, History, Plan


class GivenPlan:
    """A planner whose first round is given for one question. All decisions are ``planner``'s."""

    def __init__(self, planner: Planner, plan: Plan) -> None:
        self._planner, self._plan = planner, plan.model_copy(update={"by_user": True})

    async def plan(self, question: str, card: CorpusCard) -> Plan:  # noqa: ARG002 - the port's signature
        """See `minions.ports.Planner`. It takes no call."""
        return self._plan

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        return await self._planner.decide(question, digest, history)


def plans_by_item(plans: Mapping[str, Plan], items: Iterable[Item | BadLine]) -> dict[str, Plan]:
    """The plans by the ids of their items: each is given by its item's id, or by the question, for all that ask it."""
    by_question = {name.strip(): plan for name, plan in plans.items()}
    found = {
        item.id: plans.get(item.id) or by_question.get(item.question)
        for item in items
        if isinstance(item, Item)
    }
    return {id_: plan for id_, plan in found.items() if plan is not None}
