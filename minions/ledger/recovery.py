"""What a batch keeps of its cloud calls, so that a process that was killed costs no more than the calls in flight.

A reply is kept, in the transaction of its ledger entry, until its run is over: whoever resumes the run gets it again
for nothing. A call that left and never came to an entry is lost: the provider counted it, and nobody here knows how
much. When the run asks the same words again, the lost call is entered with the usage of the repetition (its input is
the same to the token; its output is an estimate). A limit counts it at its bound all the same, from the start.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from minions.ledger.budgets import Budget
    from minions.ledger.ledger import Ledger, OpenAttempt
    from minions.ledger.prices import Cost
    from minions.store.store import Store


class Recovery:
    """The kept replies and lost calls of one batch. All methods raise StoreError."""

    def __init__(self, store: Store, ledger: Ledger, budget: Budget) -> None:
        self._store, self._ledger, self._budget = store, ledger, budget
        self._lost: defaultdict[str, list[OpenAttempt]] = defaultdict(list)
        self._own: defaultdict[str, set[str]] = defaultdict(
            set
        )  # requests that this process was answered, by run

    def adopt(self, batch: str) -> int:
        """Take over the calls that earlier processes of this batch lost; how many. The caller is its only process."""
        for attempt in self._ledger.open_attempts(batch):
            entry = attempt.entry
            self._lost[entry.run_id].append(attempt)
            self._budget.count(entry.bound_tokens or 0, entry.bound_usd)
        return sum(map(len, self._lost.values()))

    def kept(self, run_id: str, request: str) -> Completion | None:
        """The reply that a run has had to a request in a process that ended. Within one, the same request may be asked
        twice for two answers (samples), and is.
        """
        if request in self._own.get(run_id, ()):
            return None
        rows = self._store.read(
            "SELECT completion FROM replies WHERE run_id = ? AND request = ?", (run_id, request)
        )
        return Completion.model_validate_json(rows[0]["completion"]) if rows else None

    def keep(self, run_id: str, request: str, completion: Completion, cost: Cost | None) -> None:
        """Keep a reply, and enter the lost calls that asked for the same. Belongs in the transaction of its entry."""
        self._store.write(
            "INSERT OR REPLACE INTO replies (run_id, request, completion) VALUES (?, ?, ?)",
            (run_id, request, completion.model_dump_json()),
        )
        self._own[run_id].add(request)
        lost = self._lost.pop(run_id, [])
        for attempt in lost:
            if attempt.request == request:
                self._enter(attempt, completion.usage, cost)
        if rest := [attempt for attempt in lost if attempt.request != request]:
            self._lost[run_id] = rest

    def finish(self, run_id: str) -> None:
        """A run is over: its replies are forgotten, and what it lost is entered as unknown."""
        self._store.write("DELETE FROM replies WHERE run_id = ?", (run_id,))
        self._own.pop(run_id, None)
        for attempt in self._lost.pop(run_id, []):
            self._enter(attempt, Usage(), None)

    def _enter(self, attempt: OpenAttempt, usage: Usage, cost: Cost | None) -> None:
        known = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_input_tokens": usage.cached_input_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "usage_estimated": True,
            "cost_usd": None if cost is None else cost.usd,
            "price_source": None if cost is None else cost.source,
            "price_date": None if cost is None else cost.date,
        }
        self._ledger.append(attempt.entry.model_copy(update=known), attempt=attempt.id)
