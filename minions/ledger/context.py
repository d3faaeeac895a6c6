"""Which run and round the current code works for: a context variable, inherited by the tasks it starts."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class RunContext(NamedTuple):
    """The run's id and its current round, counted from 1."""

    run_id: str
    round: int


_current: ContextVar[RunContext] = ContextVar("minions_run", default=RunContext("none", 0))  # noqa: B039 - a tuple is immutable


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
