"""The meter: it limits, prices and enters each physical attempt of one role."""

from __future__ import annotations

import hashlib
import json
import re
from asyncio import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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

_TOKENS_PER_MESSAGE: Final = 16  # at least as many as a chat template adds to each message
_NOT_BILLED: Final = "not billed"


class Bound(NamedTuple):
    """The most that an attempt can take."""

    tokens: int
    usd: Decimal | None
    """None if the price is unknown."""


@dataclass(frozen=True)
class Meter:
    """The meter of one role in one run or batch."""

    ledger: Ledger
    prices: PriceBook
    budget: Budget | None
    """The limit on cloud attempts; None for no limit."""
    egress: EgressLog | None
    """The log of the requests of cloud attempts."""
    role: Role
    cloud: bool
    """True if the role's model is not on a machine of the user."""
    clock: Clock
    observe: Observer | None = None
    recovery: Recovery | None = None
    """Keeps the replies of cloud attempts until their run is over; None outside a batch."""
    brake: Brake | None = None
    """Lets the user stop; None if that is not possible."""

    @contextmanager
    def driving(self, attempt: Attempt) -> Iterator[None]:
        """Count an attempt as in flight, for a graceful stop.

        Raises StoppedError if the user asked to stop before a planner's attempt began. A worker's
        attempt belongs to a job, and a job that has begun is finished.
        """
        if self.brake is None:
            yield
            return
        if self.role == "planner":
            try:
                self.brake.check()
            except StoppedError:
                attempt.withdraw()
                raise
        with self.brake.driving():
            yield

    def kept(self, model: ChatModel, request: ChatRequest) -> Completion | None:
        """Return this run's reply to the same request in an earlier process, if there was one."""
        if self.recovery is None or not self.cloud:
            return None
        return self.recovery.kept(current_run().run_id, request_key(model, request))

    async def begin(self, model: ChatModel, request: ChatRequest) -> Attempt:
        """Reserve the most that an attempt can take, and begin it.

        Raises BudgetExceededError and PriceUnknownError.
        """
        if not self.cloud:
            return Attempt(self, model, request, Bound(0, Decimal(0)), ())
        bound = self.bound(model, request)
        budgets = [budget for budget in (self.budget, own_budget()) if budget is not None]
        reservations = await _reserve(budgets, bound, model.reference)
        return Attempt(self, model, request, bound, reservations)

    def bound(self, model: ChatModel, request: ChatRequest) -> Bound:
        """Return the most that an attempt can take."""
        input_tokens = bound_input_tokens(request)
        output_tokens = request.max_output_tokens
        cost_usd = self.prices.bound_usd(
            model.reference, model.endpoint, input_tokens=input_tokens, output_tokens=output_tokens
        )
        return Bound(input_tokens + output_tokens, cost_usd)


async def _reserve(budgets: list[Budget], bound: Bound, model: str) -> tuple[Reservation, ...]:
    """Reserve ``bound`` in all budgets, or in none."""
    granted: list[Reservation] = []
    try:
        for budget in budgets:
            # Not a comprehension: if one raises, the others must be released.
            reservation = await budget.reserve(bound.tokens, bound.usd, model=model)
            granted.append(reservation)
    except BaseException:
        for reservation in granted:
            reservation.release()
        raise
    return tuple(granted)


class Attempt:
    """One physical attempt in flight. ``succeed``, ``fail`` or ``withdraw`` ends it."""

    def __init__(
        self,
        meter: Meter,
        model: ChatModel,
        request: ChatRequest,
        bound: Bound,
        reservations: tuple[Reservation, ...],
    ) -> None:
        self._meter = meter
        self._model = model
        self._request = request
        self._bound = bound
        self._reservations = reservations
        self._id: int | None = None  # in the ledger; None until a request is sent
        self._at = meter.clock.now_iso()
        self._started_s = meter.clock.monotonic_s()

    def depart(self, body: bytes) -> None:
        """Record a request in ledger and egress log, before it is sent. Raises StoreError."""
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
        """End the attempt before any request was sent."""
        for reservation in self._reservations:
            reservation.release()

    def succeed(self, completion: Completion, exchange: Exchange) -> None:
        """End the attempt with its reply."""
        usage = completion.usage
        cost = self._settle_priced(usage)
        self._enter(OK, usage, cost, exchange, completion=completion)

    def fail(self, error: BaseException, exchange: Exchange) -> None:
        """End the attempt with its error.

        A ModelError says whether the attempt may be billed. After any other error, this is unknown.
        """
        usage = error.usage if isinstance(error, ModelError) else None
        if not self._meter.cloud:
            cost = self._priced(usage or Usage())
        elif isinstance(error, ModelError) and not error.billable:
            cost = Cost(usd=Decimal(0), source=_NOT_BILLED)
            self._settle(Usage(), cost)
        elif usage is not None and not usage.estimated:
            cost = self._settle_priced(usage)
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

    def _settle_priced(self, usage: Usage) -> Cost | None:
        """Price the usage and settle for it; if that fails, nothing stays reserved.

        Calls that wait for a reservation to close would wait forever.
        """
        try:
            cost = self._priced(usage)
        except BaseException:
            self._keep()
            raise
        self._settle(usage, cost)
        return cost

    def _settle(self, usage: Usage, cost: Cost | None) -> None:
        if usage.estimated:  # the server's own count is unknown, and a limit must hold for that
            self._keep()
            return
        tokens = usage.input_tokens + usage.output_tokens
        cost_usd = None if cost is None else cost.usd
        for reservation in self._reservations:
            reservation.settle(tokens, cost_usd)

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
        meter = self._meter
        recovery = meter.recovery if meter.cloud else None
        unknown = meter.cloud and (cost is None or usage.estimated)
        entry = self._entry(status, usage, cost, exchange, bounded=unknown)
        if recovery is None or completion is None:
            meter.ledger.append(entry, attempt=self._id)
        else:
            # One transaction: either a paid reply is kept, or its attempt counts as lost.
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
        """Make the attempt's entry; ``bounded``: with the most that can have been billed."""
        charges: dict[str, Any] = {"cost_usd": None}
        if cost is not None:
            charges = {"cost_usd": cost.usd, "price_source": cost.source, "price_date": cost.date}
        if bounded:
            charges["bound_tokens"] = self._bound.tokens
            charges["bound_usd"] = self._bound.usd
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
            bytes_out=exchange.bytes_out,
            bytes_in=exchange.bytes_in,
            latency_s=self._meter.clock.monotonic_s() - self._started_s,
            status=status,
            **charges,
        )


def request_key(model: ChatModel, request: ChatRequest) -> str:
    """Return a key that is equal for equal requests to the same model."""
    # The kinds are left out: replies that an earlier version kept are still found.
    words = request.model_dump_json(exclude={"messages": {"__all__": {"kinds"}}})
    return hashlib.sha256(f"{model.reference}\n{words}".encode()).hexdigest()


def bound_input_tokens(request: ChatRequest) -> int:
    """Return an upper bound for any tokenizer: the texts, the schema, and 16 for each message."""
    total = 0
    for message in request.messages:
        total += bound_tokens(message.content) + _TOKENS_PER_MESSAGE
    if request.json_schema is not None:
        total += bound_tokens(json.dumps(request.json_schema)) + bound_tokens(request.schema_name)
    return total


def _status(error: BaseException) -> str:
    """Return the status of an entry: ``cancelled``, or the error's name in snake_case."""
    if isinstance(error, CancelledError):
        return "cancelled"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower()
