"""One endpoint of a pool: its load, its health, and the places that it keeps for chunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.models.breaker import Breaker
    from minions.ports import ChatModel

_KEPT_S = 0.25  # longer than a worker's own time between two jobs on a chunk


@dataclass(frozen=True)
class Member:
    """One endpoint: a model, and how many requests at a time it takes.

    The model throttles and meters itself.
    """

    model: ChatModel
    slots: int


@dataclass(eq=False)
class Seat:
    """A member of a pool, and its state.

    ``in_flight``: requests under way. ``last_turn``: when it last took a request, as a number that
    grows with each of the pool's requests. ``warned``: the user knows that it fails.
    """

    member: Member
    breaker: Breaker
    in_flight: int = 0
    last_turn: int = 0
    warned: bool = False
    _kept: dict[str, float] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The member's endpoint."""
        return self.member.model.endpoint

    @property
    def well(self) -> bool:
        """True if its breaker is closed."""
        return self.breaker.state == "closed"

    @property
    def rank(self) -> tuple[float, bool, int]:
        """The order in which seats are chosen, least first.

        The least loaded seat comes first; of equally loaded seats, a seat that may work again, so
        that it is tried; then the seat that was idle for longest, so that chunks spread.
        """
        return self.in_flight / self.member.slots, self.well, self.last_turn

    def places(self, affinity: str | None, now_s: float) -> int:
        """The number of further requests with this ``affinity`` that it takes."""
        self._kept = {chunk: until_s for chunk, until_s in self._kept.items() if until_s > now_s}
        kept_for_others = len(self._kept.keys() - {affinity})
        return self.member.slots - self.in_flight - kept_for_others

    def keep(self, affinity: str, now_s: float) -> None:
        """Keep a place for the next request on a chunk for a moment.

        Another chunk's request in that place would push the chunk out of the server's cache.
        """
        self._kept[affinity] = now_s + _KEPT_S

    def take(self, affinity: str | None) -> None:
        """Count a request in."""
        self.in_flight += 1
        if affinity is not None:
            self._kept.pop(affinity, None)

    def kept_for_s(self, now_s: float) -> float:
        """Seconds until a place that is kept is free for others; 0 if none is kept."""
        waits_s = [until_s - now_s for until_s in self._kept.values() if until_s > now_s]
        return min(waits_s, default=0.0)
