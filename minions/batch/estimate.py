"""What a batch would take, before it is run. No model is called: every number here is an estimate."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from minions.batch.items import BadLine, Item
from minions.batch.output import is_asked_again, recorded_in
from minions.batch.scope import corpus_of, settings_of
from minions.errors import CorpusError
from minions.estimate import Estimate, estimate_question, speed_of
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from minions.corpus.port import Corpus
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.settings import Settings


class BatchEstimate(Value):
    """What the ``left`` of ``total`` questions would take, each over its own documents; ``one`` is a middling one.

    Questions over the same documents are reckoned by the one of middle length. ``bad_lines`` cannot be asked: they are
    no questions, or name documents that are not there. Dollars are None where a price is unknown; ``upper_usd`` is the
    most that the limits on rounds and replies allow for. ``minutes`` of local work are those of questions that share no
    chunk: what they share is read once.
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
    retry_errors: bool = False,
) -> BatchEstimate:
    """Estimate a batch; what stands in ``output`` is not asked again, unless it failed and ``retry_errors`` is set.
    Raises UsageError, ConfigError, EgressRefusedError.
    """
    recorded = recorded_in(output) if output is not None else {}
    left = [
        item
        for item in items
        if isinstance(item, Item)
        and is_asked_again(recorded.get(item.id, "open"), retry_errors=retry_errors)
    ]
    speed = speed_of(settings, ledger)
    estimates: list[tuple[int, Estimate]] = []
    for alike in _alike(left):
        middle = sorted(alike, key=lambda item: len(item.question))[(len(alike) - 1) // 2]
        with suppress(CorpusError):  # documents that are not there: these cannot be asked
            own = corpus_of(middle, corpus)
            one = estimate_question(
                middle.question, own, settings_of(middle, settings), prices, speed
            )
            estimates.append((len(alike), one))
    count = sum(many for many, _ in estimates)
    return BatchEstimate(
        total=len(items),
        left=count,
        bad_lines=sum(isinstance(item, BadLine) for item in items) + len(left) - count,
        typical_usd=_sum((many, one.typical.cost_usd) for many, one in estimates),
        upper_usd=_sum((many, one.upper.cost_usd) for many, one in estimates),
        minutes=round(sum(many * one.local.minutes for many, one in estimates), 1),
        one=_middling(estimates),
    )


def _alike(items: Sequence[Item]) -> Iterable[list[Item]]:
    """Questions that differ in their words alone, together."""
    groups: dict[tuple[object, ...], list[Item]] = {}
    for item in items:
        groups.setdefault((item.documents, item.max_rounds), []).append(item)
    return groups.values()


def _sum(costs: Iterable[tuple[int, Decimal | None]]) -> Decimal | None:
    total = Decimal(0)
    for many, usd in costs:
        if usd is None:
            return None
        total += many * usd
    return total


def _middling(estimates: Sequence[tuple[int, Estimate]]) -> Estimate | None:
    """That of the question with as many that take fewer tokens as take more."""
    ranked = sorted(
        estimates, key=lambda each: (each[1].typical.input_tokens, each[1].local.input_tokens)
    )
    place = (sum(many for many, _ in ranked) - 1) // 2
    for many, one in ranked:
        if place < many:
            return one
        place -= many
    return None
