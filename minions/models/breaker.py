"""Whether one endpoint is worth asking now: a circuit breaker, told how requests ended. Pure, but for the clock.

closed: everything goes. open: nothing goes until the cooldown is over. half open: one request goes as a probe; its
reply closes the breaker, its failure opens it for twice as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from minions.errors import DeadlineError, ModelError, ServerError, UnreachableError

if TYPE_CHECKING:
    from minions.ports import Clock

State = Literal["closed", "open", "half_open"]

SICK: tuple[type[ModelError], ...] = (
    UnreachableError,
    ServerError,
    DeadlineError,
)  # anything else is a reply
_MOST_DOUBLINGS = 30
_NO_TURN = -1


class Breaker:
    """The state of one endpoint. Each request takes a turn with ``enter`` and gives it back to one of ``reply``,
    ``failure`` and ``withdraw``.

    It opens after ``failures`` requests in a row that say the endpoint is down or sick, at once when nothing answers.
    Cooldowns double from ``first_cooldown_s`` to ``longest_cooldown_s``; one that the endpoint stated itself (its
    Retry-After) is kept if it is longer.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        failures: int = 3,
        first_cooldown_s: float = 1.0,
        longest_cooldown_s: float = 30.0,
    ) -> None:
        self._clock = clock
        self._most_failures = failures
        self._first_cooldown_s = first_cooldown_s
        self._longest_cooldown_s = longest_cooldown_s
        self._failures = 0  # in a row
        self._openings = 0  # in a row
        self._turn = 0  # a new one for each opening and each probe: what older requests say is no longer news
        self._until_s = 0.0
        self._probing = False

    @property
    def state(self) -> State:
        """What holds now; an open breaker becomes half open as time goes by."""
        if not self._openings:
            return "closed"
        return "half_open" if self._clock.monotonic_s() >= self._until_s else "open"

    @property
    def probing(self) -> bool:
        """Whether a probe is under way."""
        return self._probing

    @property
    def admits(self) -> bool:
        """Whether a request may go now."""
        return self.state == "closed" or (self.state == "half_open" and not self._probing)

    @property
    def wait_s(self) -> float:
        """Seconds until the cooldown is over; 0 when it is, or when the breaker is closed."""
        return max(0.0, self._until_s - self._clock.monotonic_s()) if self._openings else 0.0

    def enter(self) -> int:
        """A request goes out: the turn to end it with. The first that goes although the breaker is not closed is the
        probe.
        """
        if self.state == "closed":
            return self._turn
        if self._probing:
            return _NO_TURN
        self._probing = True
        self._turn += 1
        return self._turn

    def reply(self) -> None:
        """The endpoint answered, be it with a refusal: the breaker closes."""
        self._turn += self.state != "closed"
        self._failures = self._openings = 0
        self._probing = False

    def failure(self, turn: int, error: Exception) -> None:
        """The request ended in ``error``. One that says nothing of a sick endpoint is a reply."""
        if not isinstance(error, SICK):
            self.reply()
            return
        if turn != self._turn:
            return
        self._failures += 1
        if (
            self._openings
            or self._failures >= self._most_failures
            or isinstance(error, UnreachableError)
        ):
            self._open(error.retry_after_s or 0.0)

    def withdraw(self, turn: int) -> None:
        """The request ended without a word about the endpoint: it was cancelled, or stopped by a limit of our own."""
        if turn == self._turn:
            self._probing = False

    def _open(self, stated_s: float) -> None:
        cooldown_s = min(
            self._first_cooldown_s * 2.0 ** min(self._openings, _MOST_DOUBLINGS),
            self._longest_cooldown_s,
        )
        self._until_s = self._clock.monotonic_s() + max(cooldown_s, stated_s)
        self._openings += 1
        self._turn += 1
        self._probing = False
