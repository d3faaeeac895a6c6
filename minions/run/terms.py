"""Terms of a run: the part of the settings that a run needs, resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from minions.values.limits import Limits
    from minions.values.policy import Policy


class Priced(NamedTuple):
    """A model whose price is looked up: its reference, and the URL of its endpoint."""

    reference: str
    endpoint: str


@dataclass(frozen=True)
class Terms:
    """Protocol, policy and limits of a run, and the location of its models.

    ``workers_are_remote`` is true where chunks are read on another machine. ``priced`` is the
    planner whose prices are used in estimates. ``chunk_tokens`` is the size of the chunks that
    documents are cut into.
    """

    protocol: str
    policy: Policy
    limits: Limits
    planner_is_cloud: bool
    workers_are_remote: bool
    priced: Priced
    chunk_tokens: int
