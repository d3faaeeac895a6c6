"""Which run and round the current code works for, and under what limit of its own: context variables, inherited by
the tasks it starts.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.ledger.budgets import Budget


class RunContext(NamedTuple):
    """The run's id and its current round, counted from 1."""

    run_id: str
    round: int


_current: ContextVar[RunContext] = ContextVar("minions_run", default=RunContext("none", 0))  # noqa: B039 - a tuple is immutable

_budget: ContextVar[Budget | None] = ContextVar("minions_own_budget", default=None)


def current_run() -> RunContext:
    """The run the caller works for; ``("none", 0)`` outside of any."""
    return _current.get()


@contextmanager
def working_for(run_id: str, round_number: int) -> Iterator[None]:
    """Attribute what the block does to a run and a round."""
    token = _current.set(RunContext(run_id, round_number))
    try:
        yield
    finally:
        _current.reset(token)


def own_budget() -> Budget | None:
    """The limit that the current question has to itself, besides the one it shares."""
    return _budget.get()


@contextmanager
def limited_by(budget: Budget | None) -> Iterator[None]:
    """Hold what the block asks of a cloud to a budget of its own, too."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)
