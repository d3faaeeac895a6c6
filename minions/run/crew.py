"""What a run works with: where its calls are entered, and the planner and executor that answer."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from minions.execution.cache import ResultCache
    from minions.execution.executor import LocalExecutor
    from minions.execution.whole_context_executor import WholeContextExecutor
    from minions.ledger.budgets import Budget
    from minions.ledger.egress import EgressLog
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.ledger.recovery import Recovery
    from minions.ports import Clock, Planner
    from minions.stop_signal import Brake
    from minions.values.events import Observer
    from minions.values.limits import Limits

    PlannerFor = Callable[[Mapping[str, Any] | None, int], Planner]


@dataclass(frozen=True)
class Books:
    """Where a run's calls are entered, and the limits that they keep.

    ``cache`` holds the results of workers; None: everything is read anew. ``recovery`` and
    ``brake`` belong to a batch.
    """

    ledger: Ledger
    prices: PriceBook
    egress: EgressLog
    budget: Budget
    clock: Clock
    observe: Observer
    cache: ResultCache | None = None
    recovery: Recovery | None = None
    brake: Brake | None = None


@dataclass
class Crew:
    """A planner and an executor, ready to run.

    ``planner_name`` and ``worker_name`` are references for the record. ``planner_for`` makes a
    planner whose answers have a JSON schema (None: are words), and that may chat so many turns.
    ``context_tokens`` is the smallest context that a server of the worker says it has. ``opened``
    are the clients to close.
    """

    planner: Planner
    executor: LocalExecutor | WholeContextExecutor
    planner_name: str
    worker_name: str
    notes: tuple[str, ...]
    planner_for: PlannerFor
    context_tokens: int | None = None
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    def within(self, limits: Limits) -> Limits:
        """The limits with the context that the worker really has, where that is less."""
        known = self.context_tokens or limits.context_tokens
        return limits.model_copy(update={"context_tokens": min(known, limits.context_tokens)})

    async def aclose(self) -> None:
        """Close every client."""
        await self.opened.aclose()
