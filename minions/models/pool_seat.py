"""One endpoint of a pool: how busy it is, how it is, and for whom it keeps a place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.models.breaker import Breaker
    from minions.ports import ChatModel

_KEPT_S = 0.25  # a worker's own time between two jobs of a chunk is less


@dataclass(frozen=True)
class Member:
    """One endpoint: a model, and how many requests at a time it takes. The model limits and meters itself."""

    model: ChatModel
    slots: int


@dataclass(eq=False)
class Seat:
    """A member and what is known of it."""

    member: Member
    breaker: Breaker
    in_flight: int = 0
    last_turn: int = 0
    told: bool = False
    _kept: dict[str, float] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The member's endpoint."""
        return self.member.model.endpoint

    @property
    def well(self) -> bool:
        """Whether requests go there without further thought."""
        return self.breaker.state == "closed"

    @property
    def rank(self) -> tuple[float, bool, int]:
        """Least first: the least loaded; of those one that may be back, so that it is used again; then the one that was
        idle for longest, so that chunks spread.
        """
        return self.in_flight / self.member.slots, self.well, self.last_turn

    def places(self, affinity: str | None, now_s: float) -> int:
        """How many more requests it takes from those who work on ``affinity``."""
        self._kept = {chunk: until_s for chunk, until_s in self._kept.items() if until_s > now_s}
        kept = len(self._kept.keys() - {affinity})
        return self.member.slots - self.in_flight - kept

    def keep(self, affinity: str, now_s: float) -> None:
        """Keep a place for the next request of a chunk for a moment: whoever takes it would push the chunk out of the
        server's cache.
        """
        self._kept[affinity] = now_s + _KEPT_S

    def take(self, affinity: str | None) -> None:
        """A request comes."""
        self.in_flight += 1
        if affinity is not None:
            self._kept.pop(affinity, None)

    def kept_for_s(self, now_s: float) -> float:
        """Seconds until a place that is kept is free for others; 0 if none is kept."""
        return min(
            (until_s - now_s for until_s in self._kept.values() if until_s > now_s), default=0.0
        )
