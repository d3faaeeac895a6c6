"""Policy: several endpoints that serve the same model are one ChatModel (docs/adr/0008).

A chunk's requests go to the server that has the chunk in its cache; the requests of a dead server
go to the others. Requests wait here and not at a server, so that none has to be taken back from a
server that died. The queue is bounded by construction: an executor has as many slots as the pool,
so no more requests are ever under way.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from minions.errors import ModelError, ServerError, UnreachableError
from minions.models.breaker import SICK, Breaker
from minions.models.pool_seat import Member, Seat
from minions.values.events import WarningEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.ports import ChatModel, Clock
    from minions.values.chat import ChatRequest, Completion
    from minions.values.events import Observer

_REMEMBERED_CHUNKS = 4096
_log = structlog.get_logger()


def pooled(
    members: Sequence[Member], *, clock: Clock, patience_s: float, observe: Observer | None = None
) -> ChatModel:
    """Adds pooling: each request goes to one of the ``members``, of which there is at least one.

    A request goes to the server that had the last request with its ``affinity``, else to the least
    loaded. If a server is down, its requests go to another at once. If all are down, requests wait
    for the first that is back, until ``patience_s`` have passed since any was well, and then raise
    the error of their own last attempt: every request makes at least one. Without patience a
    request waits only while a probe is under way.

    ``observe`` gets a warning when an endpoint fails, and one when it answers again. Raises like
    the members.
    """
    return _Pool([Seat(member, Breaker(clock)) for member in members], clock, patience_s, observe)


@dataclass(eq=False)
class _Waiter:
    """A request in the queue.

    ``tried``: the seats at which it failed. ``homebound``: it waits for the server that has its
    chunk, and does not hold up the requests behind it.
    """

    affinity: str | None
    tried: set[Seat] = field(default_factory=set)
    homebound: bool = False


class _Pool:
    def __init__(
        self, seats: list[Seat], clock: Clock, patience_s: float, observe: Observer | None
    ) -> None:
        self._seats = seats
        self._clock = clock
        self._patience_s = patience_s
        self._observe = observe
        self._homes: OrderedDict[str, Seat] = OrderedDict()  # the last seat of each affinity
        self._queue: list[_Waiter] = []
        self._changed = asyncio.Event()
        self._turns = 0
        self._down_s: float | None = None  # the time since which no member is well

    def __repr__(self) -> str:
        members = ", ".join(repr(seat.member.model) for seat in self._seats)
        return f"pool({members})"

    @property
    def reference(self) -> str:
        """The model's name, the same at all endpoints."""
        return self._seats[0].member.model.reference

    @property
    def endpoint(self) -> str:
        """All endpoints, with commas between."""
        return ", ".join(seat.endpoint for seat in self._seats)

    async def aclose(self) -> None:
        """Close all members, even if one of them raises."""
        closing = [seat.member.model.aclose() for seat in self._seats]
        for outcome in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer one request, with an attempt at each member that is down.

        Raises like the members.
        """
        waiter = _Waiter(request.affinity)
        while True:
            seat = await self._seated(waiter)
            try:
                return await self._attempt(seat, request)
            except SICK as error:
                waiter.tried.add(seat)
                if seat.well:
                    raise
                # Only an endpoint that is gone is waited for: one that fails may fail at this
                # request alone.
                patient = isinstance(error, UnreachableError) and self._patience_left_s() > 0
                untried = [other.breaker for other in self._seats if other not in waiter.tried]
                hope = any(breaker.admits or breaker.probing for breaker in untried)
                if not patient and not hope:
                    raise
                _log.info(
                    "moved",
                    model=self.reference,
                    endpoint=seat.endpoint,
                    error=type(error).__name__,
                )

    async def _attempt(self, seat: Seat, request: ChatRequest) -> Completion:
        """One attempt of a request that ``_seated`` has counted in."""
        turn = seat.breaker.enter()
        try:
            completion = await seat.member.model.complete(request)
        except ModelError as error:
            seat.breaker.failure(turn, error)
            self._note(seat, error)
            raise
        except BaseException:
            seat.breaker.withdraw(turn)
            raise
        else:
            seat.breaker.reply()
            self._note(seat)
            return completion
        finally:
            seat.in_flight -= 1
            if self._queue and request.affinity is not None and seat.well:
                # A server with more chunks at work than slots finishes one chunk before the next.
                seat.keep(request.affinity, self._clock.monotonic_s())
            self._wake()

    async def _seated(self, waiter: _Waiter) -> Seat:
        """Wait for a place, and take it: nothing is awaited between the choice and the count."""
        self._queue.append(waiter)
        try:
            seat = self._choice(waiter)
            while seat is None:
                await self._change()
                seat = self._choice(waiter)
        finally:
            self._queue.remove(waiter)
            self._wake()
        seat.take(waiter.affinity)
        self._turns += 1
        seat.last_turn = self._turns
        if waiter.affinity is not None:
            self._homes[waiter.affinity] = seat
            self._homes.move_to_end(waiter.affinity)
            if len(self._homes) > _REMEMBERED_CHUNKS:
                self._homes.popitem(last=False)
        return seat

    def _choice(self, waiter: _Waiter) -> Seat | None:
        """The seat for a request; None if it has to wait.

        A request waits for its chunk's server while fewer requests wait for it before than it has
        slots: that costs the time of about one request, and reading the chunk anew on another
        server costs many (80 s against 4 s, measured). Other requests take their turn in the queue,
        and leave out the places that a homebound request waits for.
        """
        now_s = self._clock.monotonic_s()
        before = self._queue[: self._queue.index(waiter)]
        home = self._home(waiter)
        waiter.homebound = False
        if home is not None and home.well:
            if home.places(waiter.affinity, now_s):
                return home
            waiter.homebound = self._homebound(before, home) < home.member.slots
        if waiter.homebound:
            return None
        if not all(other.homebound for other in before):
            return None
        spare = [
            seat
            for seat in self._seats
            if seat.places(waiter.affinity, now_s) > self._homebound(before, seat)
        ]
        if self._all_down() and self._patience_left_s() <= 0:
            return min(spare, key=lambda seat: seat.breaker.wait_s, default=None)
        admitting = [seat for seat in spare if seat.breaker.admits]
        return min(admitting, key=lambda seat: seat.rank, default=None)

    def _home(self, waiter: _Waiter) -> Seat | None:
        """The seat whose server has the waiter's chunk in its cache."""
        if waiter.affinity is None:
            return None
        return self._homes.get(waiter.affinity)

    def _homebound(self, waiters: Sequence[_Waiter], seat: Seat) -> int:
        """The number of waiters that wait for this seat."""
        return sum(waiter.homebound and self._home(waiter) is seat for waiter in waiters)

    def _all_down(self) -> bool:
        """True if every member's breaker is open, and no probe is under way."""
        breakers = [seat.breaker for seat in self._seats]
        return all(breaker.state == "open" and not breaker.probing for breaker in breakers)

    def _patience_left_s(self) -> float:
        if self._down_s is None:
            return self._patience_s
        return self._patience_s - (self._clock.monotonic_s() - self._down_s)

    def _wake(self) -> None:
        """Let every request in the queue choose again."""
        changed = self._changed
        self._changed = asyncio.Event()
        changed.set()

    async def _change(self) -> None:
        """Wait until a request leaves, a cooldown or a kept place ends, or patience is used up."""
        now_s = self._clock.monotonic_s()
        waits_s: list[float] = []
        for seat in self._seats:
            waits_s.append(seat.breaker.wait_s)
            waits_s.append(seat.kept_for_s(now_s))
        if self._all_down():
            waits_s.append(self._patience_left_s())
        pauses_s = [wait_s for wait_s in waits_s if wait_s > 0]
        if not pauses_s:
            await self._changed.wait()
            return
        tasks = [
            asyncio.create_task(self._changed.wait()),
            asyncio.create_task(self._clock.sleep(min(pauses_s))),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, seat: Seat, error: ModelError | None = None) -> None:
        """Note the state of the endpoints after an attempt, and warn of changes."""
        any_well = any(other.well for other in self._seats)
        if any_well:
            self._down_s = None
        elif self._down_s is None:
            self._down_s = self._clock.monotonic_s()
        if seat.well:
            if seat.warned:
                self._warn(f"{seat.endpoint} answers again")
            seat.warned = False
            return
        if seat.warned or not (any_well or self._patience_s > 0):
            return
        seat.warned = True
        trouble = "keeps failing" if isinstance(error, ServerError) else "does not answer"
        if any_well:
            consequence = "its requests go to the others"
        elif len(self._seats) == 1:
            consequence = "waiting for it"
        else:
            consequence = "no other does, waiting for the first that is back"
        self._warn(f"{seat.endpoint} {trouble}; {consequence}")

    def _warn(self, message: str) -> None:
        _log.warning("endpoint_changed", model=self.reference, message=message)
        if self._observe is not None:
            self._observe(WarningEvent(message=message))
