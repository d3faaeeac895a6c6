"""Several endpoints that serve the same model, as one ChatModel: a chunk's requests go where the chunk is cached, a
dead server's to the others (docs/adr/0008).

Whoever waits, waits here and not at a server, so that nobody has to be called back from one that died. The queue is
bounded by construction: an executor has as many slots as the pool, so that no more requests are ever under way.
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
    """One ChatModel over all ``members``, of which there is at least one.

    A request goes to the server that had the last one of its ``affinity``, else to the least loaded. Where a server is
    down, its requests go to another at once; where all are, they wait for the first that is back, ``patience_s`` in all
    since one was well, and then raise what their own last attempt raised: every request makes at least one. Without
    patience a request is held back only while a probe is under way. ``observe`` hears once when an endpoint fails, and
    once when it is back.
    """
    return _Pool([Seat(member, Breaker(clock)) for member in members], clock, patience_s, observe)


@dataclass(eq=False)
class _Waiter:
    """A request in the queue. ``homebound``: it waits for the server that has its chunk, and holds nobody else up."""

    affinity: str | None
    tried: set[Seat] = field(default_factory=set)
    homebound: bool = False


class _Pool:
    def __init__(
        self, seats: list[Seat], clock: Clock, patience_s: float, observe: Observer | None
    ) -> None:
        self._seats, self._clock, self._patience_s, self._observe = (
            seats,
            clock,
            patience_s,
            observe,
        )
        self._homes: OrderedDict[str, Seat] = OrderedDict()
        self._queue: list[_Waiter] = []
        self._changed = asyncio.Event()
        self._turns = 0
        self._down_s: float | None = None  # since when no member is well

    def __repr__(self) -> str:
        return f"pool({', '.join(repr(seat.member.model) for seat in self._seats)})"

    @property
    def reference(self) -> str:
        """The model's name, the same at all endpoints."""
        return self._seats[0].member.model.reference

    @property
    def endpoint(self) -> str:
        """All endpoints."""
        return ", ".join(seat.endpoint for seat in self._seats)

    async def aclose(self) -> None:
        """Close all members, even if one of them raises."""
        for outcome in await asyncio.gather(
            *(seat.member.model.aclose() for seat in self._seats), return_exceptions=True
        ):
            if isinstance(outcome, BaseException):
                raise outcome

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer one request, with as many attempts as members are down. Raises like the members."""
        waiter = _Waiter(request.affinity)
        while True:
            seat = await self._seated(waiter)
            try:
                return await self._attempt(seat, request)
            except SICK as error:
                waiter.tried.add(seat)
                # Only an endpoint that is gone is waited for: one that fails may fail at this request alone.
                if seat.well or not self._more(waiter, patient=isinstance(error, UnreachableError)):
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
            self._tell(seat, error)
            raise
        except BaseException:
            seat.breaker.withdraw(turn)
            raise
        else:
            seat.breaker.reply()
            self._tell(seat)
            return completion
        finally:
            self._leave(seat, request.affinity)

    async def _seated(self, waiter: _Waiter) -> Seat:
        """Wait for a place, and take it: nothing is awaited between the choice and the count."""
        self._queue.append(waiter)
        try:
            while (seat := self._choice(waiter)) is None:
                await self._change()
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

    def _leave(self, seat: Seat, affinity: str | None) -> None:
        """A request is over. Where others wait, its place is kept for its chunk for a moment, so that a server with
        more chunks at work than slots finishes one before it turns to another.
        """
        seat.in_flight -= 1
        if self._queue and affinity is not None and seat.well:
            seat.keep(affinity, self._clock.monotonic_s())
        self._wake()

    def _choice(self, waiter: _Waiter) -> Seat | None:
        """The seat for a request, if there is one now.

        A chunk's server is waited for while no more than its slots wait before: that costs about one request, and
        reading the chunk anew on another costs many (80 s against 4 s, measured). Others take their turn in the queue,
        and leave the places that somebody is homebound for.
        """
        now_s, before = self._clock.monotonic_s(), self._queue[: self._queue.index(waiter)]
        home = self._home(waiter)
        waiter.homebound = False
        if home is not None and home.well:
            if home.places(waiter.affinity, now_s):
                return home
            waiter.homebound = self._homebound(before, home) < home.member.slots
        if waiter.homebound or not all(other.homebound for other in before):
            return None
        spare = [
            seat
            for seat in self._seats
            if seat.places(waiter.affinity, now_s) > self._homebound(before, seat)
        ]
        fit = [seat for seat in spare if seat.breaker.admits]
        if self._all_down() and self._patience_left_s() <= 0:
            return min(spare, key=lambda seat: seat.breaker.wait_s, default=None)
        return min(fit, key=lambda seat: seat.rank, default=None)

    def _home(self, waiter: _Waiter) -> Seat | None:
        return None if waiter.affinity is None else self._homes.get(waiter.affinity)

    def _homebound(self, waiters: Sequence[_Waiter], seat: Seat) -> int:
        return sum(waiter.homebound and self._home(waiter) is seat for waiter in waiters)

    def _more(self, waiter: _Waiter, *, patient: bool) -> bool:
        """Whether a request that failed has another place to go, or may wait for one."""
        untried = (seat for seat in self._seats if seat not in waiter.tried)
        hope = any(seat.breaker.admits or seat.breaker.probing for seat in untried)
        return hope or (patient and self._patience_left_s() > 0)

    def _all_down(self) -> bool:
        """Whether every member is left alone, and none is being tried."""
        return all(
            seat.breaker.state == "open" and not seat.breaker.probing for seat in self._seats
        )

    def _patience_left_s(self) -> float:
        return self._patience_s - (
            0.0 if self._down_s is None else self._clock.monotonic_s() - self._down_s
        )

    def _wake(self) -> None:
        """Have everyone in the queue look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _change(self) -> None:
        """Wait until somebody leaves, a cooldown is over, or patience is."""
        now_s = self._clock.monotonic_s()
        waits_s = [
            wait_s
            for seat in self._seats
            for wait_s in (seat.breaker.wait_s, seat.kept_for_s(now_s))
        ]
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

    def _tell(self, seat: Seat, error: ModelError | None = None) -> None:
        """Note how the endpoints are after an attempt, and say what has changed."""
        well = any(other.well for other in self._seats)
        if well:
            self._down_s = None
        elif self._down_s is None:
            self._down_s = self._clock.monotonic_s()
        if seat.well:
            if seat.told:
                self._say(f"{seat.endpoint} answers again")
            seat.told = False
        elif not seat.told and (well or self._patience_s > 0):
            seat.told = True
            trouble = "keeps failing" if isinstance(error, ServerError) else "does not answer"
            lone = len(self._seats) == 1
            waiting = (
                "waiting for it" if lone else "no other does, waiting for the first that is back"
            )
            self._say(
                f"{seat.endpoint} {trouble}; {'its requests go to the others' if well else waiting}"
            )

    def _say(self, message: str) -> None:
        _log.warning("endpoint_changed", model=self.reference, message=message)
        if self._observe is not None:
            self._observe(WarningEvent(message=message))
