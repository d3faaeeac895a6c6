"""Entries: one a physical attempt, whatever came of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from minions.values.base import Value

Role = Literal["planner", "worker", "judge"]
Count = Annotated[int, Field(ge=0)]
# The digits are bounded so that sums can be exact (`minions.ledger.ledger`).
Usd = Annotated[Decimal, Field(ge=0, max_digits=60, decimal_places=50)]

OK = "ok"
LOST = "lost"
LOCAL_PRICE = "local"


class Entry(Value):
    """One physical attempt. ``cost_usd`` is None when unknown, and 0 for a local model, which sends no bill.

    ``at`` is when it began (UTC, ISO 8601); ``status`` is ``ok``, ``cancelled`` or the error's name in snake_case;
    ``price_source`` and ``price_date`` say whose price and of when. Cached input is inside input, reasoning inside
    output. Where nobody knows what was billed, ``bound_tokens`` and ``bound_usd`` are the most it can be; a limit
    counts those. ``lost`` is the status of an attempt whose process ended before its reply was entered.
    """

    run_id: str
    round: Count
    role: Role
    cloud: bool
    provider: str
    model: str
    endpoint: str
    at: str
    input_tokens: Count = 0
    cached_input_tokens: Count = 0
    output_tokens: Count = 0
    reasoning_tokens: Count = 0
    usage_estimated: bool = False
    cost_usd: Usd | None
    price_source: str | None = None
    price_date: str | None = None
    bytes_out: Count = 0
    bytes_in: Count = 0
    latency_s: float
    status: str
    bound_tokens: Count | None = None
    bound_usd: Usd | None = None
