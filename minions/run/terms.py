"""How a question is asked: the part of the settings that a run needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from minions.redaction.detector import Detector
    from minions.values.limits import Limits
    from minions.values.policy import Policy


class Priced(NamedTuple):
    """A model whose price is looked up: its reference, and the URL that it is reached at."""

    reference: str
    endpoint: str


@dataclass(frozen=True)
class Terms:
    """The terms of a run: protocol, policy, limits, and which of its models are elsewhere.

    ``detector`` finds the values that are redacted (None: none are). ``workers_are_remote`` where
    chunks are read on another machine. ``priced`` is the planner whose prices the baselines are
    reckoned at. ``chunk_tokens`` is the size that the documents are cut to.
    """

    protocol: str
    policy: Policy
    limits: Limits
    detector: Detector | None
    planner_is_cloud: bool
    workers_are_remote: bool
    priced: Priced
    chunk_tokens: int
