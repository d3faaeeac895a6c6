"""What a batch would take, before it is run. No model is called: every number here is an estimate."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from minions.batch.items import BadLine, Item
from minions.batch.output import recorded_in
from minions.estimate import Estimate, estimate_question
from minions.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.ports import Corpus
    from minions.settings import Settings


class BatchEstimate(Value):
    """What the ``left`` of ``total`` questions would take: so many times ``one``, the question of middle length.

    Dollars are None where a price is unknown; ``upper_usd`` is the most that the limits allow for. ``minutes`` of local
    work are those of questions that share no chunk: what they share is read once.
    """

    estimated: Literal[True] = True
    total: int
    left: int
    bad_lines: int
    typical_usd: Decimal | None
    upper_usd: Decimal | None
    minutes: float
    one: Estimate | None


def estimate_batch(
    items: Sequence[Item | BadLine],
    corpus: Corpus,
    settings: Settings,
    prices: PriceBook,
    ledger: Ledger,
    *,
    output: Path | None = None,
) -> BatchEstimate:
    """Estimate a batch; what stands in ``output`` is not asked again. Raises UsageError, ConfigError."""
    recorded = recorded_in(output) if output is not None else {}
    left = [item for item in items if recorded.get(item.id, "open") == "open"]
    questions = sorted((item.question for item in left if isinstance(item, Item)), key=len)
    count = len(questions)
    one = estimate_question(questions[(count - 1) // 2], corpus, settings, prices, ledger) if questions else None
    return BatchEstimate(
        total=len(items),
        left=count,
        bad_lines=sum(isinstance(item, BadLine) for item in items),
        typical_usd=_times(count, one.typical.cost_usd if one else Decimal(0)),
        upper_usd=_times(count, one.upper.cost_usd if one else Decimal(0)),
        minutes=round(count * one.local.minutes, 1) if one else 0.0,
        one=one,
    )


def _times(count: int, usd: Decimal | None) -> Decimal | None:
    return None if usd is None else count * usd
