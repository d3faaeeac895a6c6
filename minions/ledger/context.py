"""The run, round and budget that the current code works for.

They are context variables, which a new task inherits.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.ledger.budgets import Budget


class RunContext(NamedTuple):
    """A run and its current round."""

    run_id: str
    round: int
    """Counted from 1; 0 outside of any run."""


_NO_RUN: Final = RunContext("none", 0)
_current: ContextVar[RunContext] = ContextVar("minions_run", default=_NO_RUN)
_budget: ContextVar[Budget | None] = ContextVar("minions_own_budget", default=None)


def current_run() -> RunContext:
    """Return the run that the caller works for; ``("none", 0)`` outside of any run."""
    return _current.get()


@contextmanager
def working_for(run_id: str, round_number: int) -> Iterator[None]:
    """Attribute the calls made in a block to a run and a round."""
    token = _current.set(RunContext(run_id, round_number))
    try:
        yield
    finally:
        _current.reset(token)


def own_budget() -> Budget | None:
    """Return the budget of the current question alone, besides the shared budget."""
    return _budget.get()


@contextmanager
def limited_by(budget: Budget | None) -> Iterator[None]:
    """Limit the cloud calls in a block by another budget, too."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)
