"""The meter: what one role's attempts are entered with, priced by and limited to."""

from __future__ import annotations

import hashlib
import json
import re
from asyncio import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.errors import ModelError, StoppedError
from minions.ledger.context import current_run, own_budget
from minions.ledger.entries import LOCAL_PRICE, LOST, OK, Entry, Role
from minions.ledger.kinds import count_kinds
from minions.ledger.prices import Cost
from minions.network.wire import Exchange
from minions.text.tokens import bound_tokens
from minions.values.chat import ChatRequest, Usage
from minions.values.events import CloudCallEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.ledger.budgets import Budget, Reservation
    from minions.ledger.egress import EgressLog
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.ledger.recovery import Recovery
    from minions.ports import ChatModel, Clock
    from minions.stop_signal import Brake
    from minions.values.chat import Completion
    from minions.values.events import Observer

_TOKENS_PER_MESSAGE: Final = 16  # the marks a chat template puts around each turn, bounded
_NOT_BILLED: Final = "not billed"


class Bound(NamedTuple):
    """The most that an attempt can take; dollars None when no price is known."""

    tokens: int
    usd: Decimal | None


@dataclass(frozen=True)
class Meter:
    """Built once a run or batch, and role. A cloud attempt is limited by ``budget``, its bytes go to ``egress``, and
    ``recovery`` keeps its reply until its run is over; ``brake`` lets the user stop.
    """

    ledger: Ledger
    prices: PriceBook
    budget: Budget | None
    egress: EgressLog | None
    role: Role
    cloud: bool
    clock: Clock
    observe: Observer | None = None
    recovery: Recovery | None = None
    brake: Brake | None = None

    @contextmanager
    def driving(self, attempt: Attempt) -> Iterator[None]:
        """Surrounds an attempt, unless the user asked to stop before it. Raises StoppedError."""
        if self.brake is None:
            yield
            return
        try:
            if (
                self.role == "planner"
            ):  # a worker's attempt belongs to a job, and a job that was begun is ended
                self.brake.check()
        except StoppedError:
            attempt.withdraw()
            raise
        with self.brake.driving():
            yield

    def kept(self, model: ChatModel, request: ChatRequest) -> Completion | None:
        """The reply to this request that this run has had before, in a process that ended."""
        if self.recovery is None or not self.cloud:
            return None
        return self.recovery.kept(current_run().run_id, request_key(model, request))

    async def begin(self, model: ChatModel, request: ChatRequest) -> Attempt:
        """Open an attempt, its most expensive outcome reserved. Raises BudgetExceededError, PriceUnknownError."""
        if not self.cloud:
            return Attempt(self, model, request, Bound(0, Decimal(0)), ())
        bound = self.bound(model, request)
        budgets = [budget for budget in (self.budget, own_budget()) if budget is not None]
        reservations = await _reserve(budgets, bound, model.reference)
        return Attempt(self, model, request, bound, reservations)

    def bound(self, model: ChatModel, request: ChatRequest) -> Bound:
        """The most that an attempt can take."""
        input_tokens, output_tokens = bound_input_tokens(request), request.max_output_tokens
        cost_usd = self.prices.bound_usd(
            model.reference, model.endpoint, input_tokens=input_tokens, output_tokens=output_tokens
        )
        return Bound(input_tokens + output_tokens, cost_usd)


async def _reserve(budgets: list[Budget], bound: Bound, model: str) -> tuple[Reservation, ...]:
    """Set ``bound`` aside in all budgets, or in none."""
    granted: list[Reservation] = []
    try:
        for budget in budgets:
            granted.append(await budget.reserve(bound.tokens, bound.usd, model=model))
    except BaseException:
        for reservation in granted:
            reservation.release()
        raise
    return tuple(granted)


class Attempt:
    """One physical attempt under way; ``succeed``, ``fail`` or ``withdraw`` closes it."""

    def __init__(
        self,
        meter: Meter,
        model: ChatModel,
        request: ChatRequest,
        bound: Bound,
        reservations: tuple[Reservation, ...],
    ) -> None:
        self._meter, self._model, self._request = meter, model, request
        self._bound, self._reservations = bound, reservations
        self._id: int | None = None
        self._at, self._started_s = meter.clock.now_iso(), meter.clock.monotonic_s()

    def depart(self, body: bytes) -> None:
        """A request is about to leave: the ledger and the egress log know of it first. Raises StoreError."""
        meter = self._meter
        if not meter.cloud or meter.egress is None:
            return
        with meter.ledger.transaction():
            lost = self._entry(LOST, Usage(), None, Exchange(bodies=[body]), bounded=True)
            if self._id is None:
                self._id = meter.ledger.open(lost, self._key)
            kinds = count_kinds(self._request, body)
            meter.egress.append(self._id, lost, body, kinds, at=meter.clock.now_iso())

    def withdraw(self) -> None:
        """The request did not leave after all."""
        for reservation in self._reservations:
            reservation.release()

    def succeed(self, completion: Completion, exchange: Exchange) -> None:
        """A reply came."""
        usage = completion.usage
        cost = self._priced(usage)
        self._settle(usage, cost)
        self._enter(OK, usage, cost, exchange, completion=completion)

    def fail(self, error: BaseException, exchange: Exchange) -> None:
        """The attempt raised ``error``: a ModelError tells what may be billed, anything else leaves it unknown."""
        usage = error.usage if isinstance(error, ModelError) else None
        if not self._meter.cloud:
            cost = self._priced(usage or Usage())
        elif isinstance(error, ModelError) and not error.billable:
            cost = Cost(usd=Decimal(0), source=_NOT_BILLED)
            self._settle(Usage(), cost)
        elif usage is not None and not usage.estimated:
            cost = self._priced(usage)
            self._settle(usage, cost)
        else:
            cost = None
            self._keep()
        self._enter(_status(error), usage or Usage(), cost, exchange)

    @property
    def _key(self) -> str:
        return request_key(self._model, self._request)

    def _priced(self, usage: Usage) -> Cost | None:
        if not self._meter.cloud:
            return Cost(usd=Decimal(0), source=LOCAL_PRICE)
        return self._meter.prices.cost(self._model.reference, self._model.endpoint, usage)

    def _settle(self, usage: Usage, cost: Cost | None) -> None:
        if usage.estimated:  # a limit must hold for what the server counts, which nobody knows here
            self._keep()
            return
        for reservation in self._reservations:
            reservation.settle(
                usage.input_tokens + usage.output_tokens, None if cost is None else cost.usd
            )

    def _keep(self) -> None:
        for reservation in self._reservations:
            reservation.keep()

    def _enter(
        self,
        status: str,
        usage: Usage,
        cost: Cost | None,
        exchange: Exchange,
        *,
        completion: Completion | None = None,
    ) -> None:
        meter, recovery = self._meter, self._meter.recovery if self._meter.cloud else None
        unknown = meter.cloud and (cost is None or usage.estimated)
        entry = self._entry(status, usage, cost, exchange, bounded=unknown)
        if recovery is None or completion is None:
            meter.ledger.append(entry, attempt=self._id)
        else:
            # One transaction: a reply that is paid for is kept, or the attempt counts as lost.
            with meter.ledger.transaction():
                meter.ledger.append(entry, attempt=self._id)
                recovery.keep(entry.run_id, self._key, completion, cost)
        if entry.cloud and meter.observe is not None:
            meter.observe(
                CloudCallEvent(
                    run_id=entry.run_id,
                    model=self._model.reference,
                    status=status,
                    input_tokens=entry.input_tokens,
                    output_tokens=entry.output_tokens,
                    cost_usd=entry.cost_usd,
                )
            )

    def _entry(
        self, status: str, usage: Usage, cost: Cost | None, exchange: Exchange, *, bounded: bool
    ) -> Entry:
        run_id, round_number = current_run()
        provider, _, model = self._model.reference.partition(":")
        return Entry(
            run_id=run_id,
            round=round_number,
            role=self._meter.role,
            cloud=self._meter.cloud,
            provider=provider,
            model=model,
            endpoint=self._model.endpoint,
            at=self._at,
            input_tokens=max(usage.input_tokens, 0),
            cached_input_tokens=max(usage.cached_input_tokens, 0),
            output_tokens=max(usage.output_tokens, 0),
            reasoning_tokens=max(usage.reasoning_tokens, 0),
            usage_estimated=usage.estimated,
            cost_usd=None if cost is None else cost.usd,
            price_source=None if cost is None else cost.source,
            price_date=None if cost is None else cost.date,
            bytes_out=exchange.bytes_out,
            bytes_in=exchange.bytes_in,
            latency_s=self._meter.clock.monotonic_s() - self._started_s,
            status=status,
            bound_tokens=self._bound.tokens if bounded else None,
            bound_usd=self._bound.usd if bounded else None,
        )


def request_key(model: ChatModel, request: ChatRequest) -> str:
    """What identifies a request to a model: the same words, asked in the same way."""
    # Without the kinds, which are no words: what an earlier version kept is found.
    words = request.model_dump_json(exclude={"messages": {"__all__": {"kinds"}}})
    return hashlib.sha256(f"{model.reference}\n{words}".encode()).hexdigest()


def bound_input_tokens(request: ChatRequest) -> int:
    """A number that no tokenizer's count of the request exceeds: its texts, its schema, and 16 a message."""
    total = sum(bound_tokens(message.content) + _TOKENS_PER_MESSAGE for message in request.messages)
    if request.json_schema is not None:
        total += bound_tokens(json.dumps(request.json_schema)) + bound_tokens(request.schema_name)
    return total


def _status(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "cancelled"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower()
