"""The meter: what one role's attempts are entered with, priced by and limited to."""

from __future__ import annotations

import json
import re
from asyncio import CancelledError
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from minions.chat import ChatRequest, Usage
from minions.errors import ModelError
from minions.events import CloudCallEvent
from minions.ledger.context import current_run
from minions.ledger.entries import LOCAL_PRICE, OK, Entry, Role
from minions.ledger.prices import Cost
from minions.tokens import bound_tokens

if TYPE_CHECKING:
    from minions.events import Observer
    from minions.ledger.budgets import Budget, Reservation
    from minions.ledger.egress import EgressLog
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.models.wire import Exchange
    from minions.ports import ChatModel, Clock

_TOKENS_PER_MESSAGE: Final = 16  # the marks a chat template puts around each turn, bounded
_NOT_BILLED: Final = "not billed"


@dataclass(frozen=True)
class Meter:
    """Built once a run and role. A cloud attempt is limited by ``budget``, and its bytes go to ``egress``."""

    ledger: Ledger
    prices: PriceBook
    budget: Budget | None
    egress: EgressLog | None
    role: Role
    cloud: bool
    clock: Clock
    observe: Observer | None = None

    async def begin(self, model: ChatModel, request: ChatRequest) -> Attempt:
        """Open an attempt, its most expensive outcome reserved. Raises BudgetExceededError, PriceUnknownError."""
        reservation = await self._reserve(model, request) if self.cloud and self.budget is not None else None
        return Attempt(self, model, reservation)

    async def _reserve(self, model: ChatModel, request: ChatRequest) -> Reservation | None:
        if self.budget is None:
            return None
        input_tokens, output_tokens = bound_input_tokens(request), request.max_output_tokens
        cost_usd = self.prices.bound_usd(
            model.reference, model.endpoint, input_tokens=input_tokens, output_tokens=output_tokens
        )
        return await self.budget.reserve(input_tokens + output_tokens, cost_usd, model=model.reference)


class Attempt:
    """One physical attempt under way; ``succeed`` or ``fail`` closes it with exactly one entry."""

    def __init__(self, meter: Meter, model: ChatModel, reservation: Reservation | None) -> None:
        self._meter, self._model, self._reservation = meter, model, reservation
        self._at, self._started_s = meter.clock.now_iso(), meter.clock.monotonic_s()

    def succeed(self, usage: Usage, exchange: Exchange) -> None:
        """A reply came."""
        cost = self._priced(usage)
        self._settle(usage, cost)
        self._enter(OK, usage, cost, exchange)

    def fail(self, error: BaseException, exchange: Exchange) -> None:
        """The attempt raised ``error``: a ModelError tells what may be billed, anything else leaves it unknown."""
        usage = error.usage if isinstance(error, ModelError) else None
        if not self._meter.cloud:
            cost = self._priced(usage or Usage())
        elif isinstance(error, ModelError) and not error.billable:
            cost = Cost(usd=Decimal(0), source=_NOT_BILLED)
            usage_settled = Usage()
            self._settle(usage_settled, cost)
        elif usage is not None and not usage.estimated:
            cost = self._priced(usage)
            self._settle(usage, cost)
        else:
            cost = None
            self._keep()
        self._enter(_status(error), usage or Usage(), cost, exchange)

    def _priced(self, usage: Usage) -> Cost | None:
        if not self._meter.cloud:
            return Cost(usd=Decimal(0), source=LOCAL_PRICE)
        return self._meter.prices.cost(self._model.reference, self._model.endpoint, usage)

    def _settle(self, usage: Usage, cost: Cost | None) -> None:
        if self._reservation is None:
            return
        if usage.estimated:  # a limit must hold for what the server counts, which nobody knows here
            self._reservation.keep()
        else:
            self._reservation.settle(usage.input_tokens + usage.output_tokens, None if cost is None else cost.usd)

    def _keep(self) -> None:
        if self._reservation is not None:
            self._reservation.keep()

    def _enter(self, status: str, usage: Usage, cost: Cost | None, exchange: Exchange) -> None:
        entry = self._entry(status, usage, cost, exchange)
        egress = self._meter.egress if self._meter.cloud else None
        if egress is None:
            self._meter.ledger.append(entry)
        else:
            with self._meter.ledger.transaction():
                entry_id = self._meter.ledger.append(entry)
                for body in exchange.bodies:
                    egress.append(entry.run_id, entry_id, entry.endpoint, body)
        if entry.cloud and self._meter.observe is not None:
            self._meter.observe(
                CloudCallEvent(
                    model=self._model.reference,
                    status=status,
                    input_tokens=entry.input_tokens,
                    output_tokens=entry.output_tokens,
                    cost_usd=entry.cost_usd,
                )
            )

    def _entry(self, status: str, usage: Usage, cost: Cost | None, exchange: Exchange) -> Entry:
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
        )


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
