"""The entries of the ledger: one for each physical attempt, successful or not."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from minions.values.base import Value

Role = Literal["planner", "worker", "judge"]
# The greatest integer of SQLite.
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
# The digits are bounded so that sums can be exact (`minions.ledger.ledger`).
Usd = Annotated[Decimal, Field(ge=0, max_digits=60, decimal_places=50)]

OK = "ok"
LOST = "lost"
LOCAL_PRICE = "local"


class Entry(Value):
    """One physical attempt at a model."""

    run_id: str
    round: Count
    """The number of the round, from 1; 0 outside of any run."""
    role: Role
    cloud: bool
    """True if the model is not on a machine of the user."""
    provider: str
    model: str
    endpoint: str
    at: str
    """The time when the attempt began, in UTC, in ISO 8601."""
    input_tokens: Count = 0
    cached_input_tokens: Count = 0
    """The part of ``input_tokens`` that came from a prompt cache."""
    output_tokens: Count = 0
    reasoning_tokens: Count = 0
    """The part of ``output_tokens`` that was hidden reasoning."""
    usage_estimated: bool = False
    """True if the server gave no counts of tokens, or impossible ones."""
    cost_usd: Usd | None
    """The cost; None if unknown, and 0 for a local model."""
    price_source: str | None = None
    """The source of the price."""
    price_date: str | None = None
    """The day of the price, in ISO 8601."""
    bytes_out: Count = 0
    """Bytes of the request bodies."""
    bytes_in: Count = 0
    """Bytes of the reply bodies."""
    latency_s: float
    """Seconds from the beginning to the end of the attempt."""
    status: str
    """``ok``, ``cancelled``, ``lost``, or the name of the error in snake_case.

    ``lost``: the process ended before the reply was entered.
    """
    bound_tokens: Count | None = None
    """The most tokens that can have been billed, where the bill is unknown; limits count these."""
    bound_usd: Usd | None = None
    """The most dollars that can have been billed, where the bill is unknown; limits count these."""
