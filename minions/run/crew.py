"""The services of a run: the books that record its calls, and the models that answer."""

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
    from minions.redaction.detector import Detector
    from minions.stop_signal import Brake
    from minions.values.events import Observer
    from minions.values.limits import Limits

    PlannerFor = Callable[[Mapping[str, Any] | None, int], Planner]


@dataclass(frozen=True)
class Books:
    """The ledger, egress log and budget that a run's calls are entered in, and its observer.

    ``cache`` holds the results of workers; None: every chunk is read anew. ``recovery`` (replies
    that an ended process paid for) and ``brake`` (the graceful stop) are set in a batch only.
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

    ``planner_name`` and ``worker_name`` are model references for the run's record. ``notes`` are
    warnings for the user. ``planner_for`` makes a planner for a JSON schema of answers (None:
    answers are plain text) and a maximum of chat turns. ``context_tokens`` is the smallest context
    size that the worker's servers report. ``detector`` finds the values to redact; None: nothing is
    redacted. ``opened`` closes the clients.
    """

    planner: Planner
    executor: LocalExecutor | WholeContextExecutor
    planner_name: str
    worker_name: str
    notes: tuple[str, ...]
    planner_for: PlannerFor
    context_tokens: int | None = None
    detector: Detector | None = None
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    def within(self, limits: Limits) -> Limits:
        """The limits with the context size of the worker's servers, where that is smaller."""
        known = self.context_tokens or limits.context_tokens
        return limits.model_copy(update={"context_tokens": min(known, limits.context_tokens)})

    async def aclose(self) -> None:
        """Close every client."""
        await self.opened.aclose()
