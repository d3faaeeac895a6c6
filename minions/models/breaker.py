"""A circuit breaker: the results of past requests decide if an endpoint is worth asking now.

It makes no requests itself; its only other input is the clock.

    closed     all requests are admitted
    open       no request is admitted until the cooldown is over
    half open  one request is admitted as a probe: its reply closes the breaker, its failure opens
               it again, for twice as long
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from minions.errors import DeadlineError, ModelError, ServerError, UnreachableError

if TYPE_CHECKING:
    from minions.ports import Clock

State = Literal["closed", "open", "half_open"]

# The errors that say that an endpoint is down or sick. Any other error is a reply of it.
SICK: tuple[type[ModelError], ...] = (UnreachableError, ServerError, DeadlineError)
_MOST_DOUBLINGS = 30
_NO_TURN = -1


class Breaker:
    """The state of one endpoint.

    Each request takes a turn with ``enter``, and ends it with one of ``reply``, ``failure`` and
    ``withdraw``.

    The breaker opens after ``failures`` requests in a row whose errors are `SICK`, and at once if
    nothing answers. Cooldowns double from ``first_cooldown_s`` to ``longest_cooldown_s``. If the
    endpoint itself states a longer one (Retry-After), that is kept.
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
        # A new number for each opening and each probe: failures of older turns are no longer news.
        self._turn = 0
        self._until_s = 0.0
        self._probing = False

    @property
    def state(self) -> State:
        """The state now; an open breaker becomes half open when its cooldown is over."""
        if not self._openings:
            return "closed"
        if self._clock.monotonic_s() < self._until_s:
            return "open"
        return "half_open"

    @property
    def probing(self) -> bool:
        """True while a probe is under way."""
        return self._probing

    @property
    def admits(self) -> bool:
        """True if a request may be sent now."""
        state = self.state
        return state == "closed" or (state == "half_open" and not self._probing)

    @property
    def wait_s(self) -> float:
        """Seconds until the cooldown is over; 0 if it is, or if the breaker is closed."""
        if not self._openings:
            return 0.0
        return max(0.0, self._until_s - self._clock.monotonic_s())

    def enter(self) -> int:
        """Note that a request is sent; return the turn to end it with.

        The first request that is sent while the breaker is not closed is the probe.
        """
        if self.state == "closed":
            return self._turn
        if self._probing:
            return _NO_TURN
        self._probing = True
        self._turn += 1
        return self._turn

    def reply(self) -> None:
        """Note that the endpoint answered, even if with a refusal: the breaker closes."""
        if self.state != "closed":
            self._turn += 1
        self._failures = 0
        self._openings = 0
        self._probing = False

    def failure(self, turn: int, error: Exception) -> None:
        """Note that the request ended in ``error``. An error that is not `SICK` is a reply."""
        if not isinstance(error, SICK):
            self.reply()
            return
        if turn != self._turn:
            return
        self._failures += 1
        too_many = self._failures >= self._most_failures
        if self._openings or too_many or isinstance(error, UnreachableError):
            self._open(error.retry_after_s or 0.0)

    def withdraw(self, turn: int) -> None:
        """Note that the request ended without information about the endpoint.

        It was cancelled, or stopped by a limit of our own.
        """
        if turn == self._turn:
            self._probing = False

    def _open(self, stated_s: float) -> None:
        doublings = min(self._openings, _MOST_DOUBLINGS)
        cooldown_s = min(self._first_cooldown_s * 2.0**doublings, self._longest_cooldown_s)
        self._until_s = self._clock.monotonic_s() + max(cooldown_s, stated_s)
        self._openings += 1
        self._turn += 1
        self._probing = False
