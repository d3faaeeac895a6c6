"""Recover the cloud calls of a batch whose process was killed.

Only calls in flight are lost. A reply is kept, in the transaction of its ledger entry, until its
run is over: a process that resumes the run gets the reply again without paying. A call without an
entry is lost: the provider may have billed it, for an unknown amount. A limit counts it at its
bound from the start. When the run repeats the request, the lost call is entered with the usage of
the repetition: its input has exactly as many tokens, and its output is an estimate.
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
        self._store = store
        self._ledger = ledger
        self._budget = budget
        # Lost attempts by run.
        self._lost: defaultdict[str, list[OpenAttempt]] = defaultdict(list)
        # Requests that were answered in this process, by run.
        self._own: defaultdict[str, set[str]] = defaultdict(set)

    def adopt(self, batch: str) -> int:
        """Take over the calls that earlier processes of this batch lost, and return their number.

        The caller must be the batch's only process.
        """
        for attempt in self._ledger.open_attempts(batch):
            entry = attempt.entry
            self._lost[entry.run_id].append(attempt)
            self._budget.count(entry.bound_tokens or 0, entry.bound_usd)
        return sum(map(len, self._lost.values()))

    def kept(self, run_id: str, request: str) -> Completion | None:
        """Return a run's reply to the same request in an earlier process, if there was one.

        A reply of this process is not returned: a run may repeat a request to get another sample.
        """
        if request in self._own.get(run_id, ()):
            return None
        rows = self._store.read(
            "SELECT completion FROM replies WHERE run_id = ? AND request = ?", (run_id, request)
        )
        if not rows:
            return None
        return Completion.model_validate_json(rows[0]["completion"])

    def keep(self, run_id: str, request: str, completion: Completion, cost: Cost | None) -> None:
        """Keep a reply, and enter the lost calls with the same request.

        It must be called in the transaction of the reply's entry.
        """
        self._store.write(
            "INSERT OR REPLACE INTO replies (run_id, request, completion) VALUES (?, ?, ?)",
            (run_id, request, completion.model_dump_json()),
        )
        self._own[run_id].add(request)
        others: list[OpenAttempt] = []
        for attempt in self._lost.pop(run_id, []):
            if attempt.request == request:
                self._enter(attempt, completion.usage, cost)
            else:
                others.append(attempt)
        if others:
            self._lost[run_id] = others

    def finish(self, run_id: str) -> None:
        """End a run: delete its replies, and enter its lost calls at an unknown cost."""
        self._store.write("DELETE FROM replies WHERE run_id = ?", (run_id,))
        self._own.pop(run_id, None)
        for attempt in self._lost.pop(run_id, []):
            self._enter(attempt, Usage(), None)

    def _enter(self, attempt: OpenAttempt, usage: Usage, cost: Cost | None) -> None:
        known: dict[str, object] = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_input_tokens": usage.cached_input_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "usage_estimated": True,
            "cost_usd": None,
            "price_source": None,
            "price_date": None,
        }
        if cost is not None:
            known["cost_usd"] = cost.usd
            known["price_source"] = cost.source
            known["price_date"] = cost.date
        self._ledger.append(attempt.entry.model_copy(update=known), attempt=attempt.id)
