"""Plans that people wrote, in place of a planner's first call: where planning is not what is measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.documents import CorpusCard
    from minions.findings import Digest
    from minions.plans import Decision, History, Plan
    from minions.ports import Planner
    from minions.wiring import Crew


class GivenPlans:
    """A planner whose first round is given for some questions. All other plans and all decisions are ``planner``'s."""

    def __init__(self, planner: Planner, plans: Mapping[str, Plan]) -> None:
        self._planner, self._plans = planner, plans

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """See `minions.ports.Planner`. A plan that is given takes no call."""
        given = self._plans.get(question)
        return await self._planner.plan(question, card) if given is None else given

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        return await self._planner.decide(question, digest, history)


def with_plans(crew: Crew, plans: Mapping[str, Plan]) -> Crew:
    """A crew to whose planner the first plans of these questions are given."""
    planner_for = crew.planner_for
    return replace(
        crew,
        planner=GivenPlans(crew.planner, plans),
        planner_for=lambda schema: GivenPlans(planner_for(schema), plans),
    )
