"""What a batch would take, before it is run. No model is called: every number is an estimate."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from minions.batch.items import Item
from minions.batch.output import is_asked_again, recorded_in
from minions.batch.scope import corpus_of, terms_of
from minions.errors import CorpusError
from minions.estimate import Estimate, estimate_question, speed_of
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from minions.batch.items import BadLine
    from minions.corpus.port import Corpus
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.run.terms import Terms
    from minions.wiring.lineup import Lineup


class BatchEstimate(Value):
    """Estimate of a batch: ``left`` of ``total`` questions, each over its own documents.

    Questions over the same documents are reckoned by their median in length; ``one`` is the median
    question's estimate. ``bad_lines`` cannot be asked: they are no questions, or name documents
    that do not exist. Dollars are None where a price is unknown; ``upper_usd`` is the most that the
    limits on rounds and replies allow for. ``minutes`` of local work are those of questions that
    share no chunk: a shared chunk is read once.
    """

    estimated: Literal[True] = True
    total: int
    left: int
    bad_lines: int
    typical_usd: Decimal | None
    upper_usd: Decimal | None
    minutes: float
    one: Estimate | None


class _Group(NamedTuple):
    """So many questions that differ in their words alone, and the estimate of their median."""

    questions: int
    estimate: Estimate


def estimate_batch(
    items: Sequence[Item | BadLine],
    corpus: Corpus,
    lineup: Lineup,
    terms: Terms,
    prices: PriceBook,
    ledger: Ledger,
    *,
    output: Path | None = None,
    retry_errors: bool = False,
) -> BatchEstimate:
    """Estimate the questions that are not answered in ``output``.

    Failed ones count with ``retry_errors``. Raises UsageError, EgressRefusedError.
    """
    recorded = recorded_in(output) if output is not None else {}
    questions = [item for item in items if isinstance(item, Item)]
    left = []
    for item in questions:
        status = recorded.get(item.id, "open")
        if is_asked_again(status, retry_errors=retry_errors):
            left.append(item)
    speed = speed_of(lineup.worker, ledger)
    groups: list[_Group] = []
    for alike in _alike(left):
        median = sorted(alike, key=lambda item: len(item.question))[(len(alike) - 1) // 2]
        with suppress(CorpusError):  # its documents do not exist: these cannot be asked
            own = corpus_of(median, corpus)
            estimate = estimate_question(
                median.question, own, lineup, terms_of(median, terms), prices, speed
            )
            groups.append(_Group(len(alike), estimate))
    count = sum(group.questions for group in groups)
    bad_lines = len(items) - len(questions)
    return BatchEstimate(
        total=len(items),
        left=count,
        bad_lines=bad_lines + len(left) - count,
        typical_usd=_sum((group.questions, group.estimate.typical.cost_usd) for group in groups),
        upper_usd=_sum((group.questions, group.estimate.upper.cost_usd) for group in groups),
        minutes=round(sum(group.questions * group.estimate.local.minutes for group in groups), 1),
        one=_median(groups),
    )


def _alike(items: Sequence[Item]) -> Iterable[list[Item]]:
    """Groups of questions that differ in their words alone."""
    groups: dict[tuple[object, ...], list[Item]] = {}
    for item in items:
        groups.setdefault((item.documents, item.max_rounds), []).append(item)
    return groups.values()


def _sum(costs: Iterable[tuple[int, Decimal | None]]) -> Decimal | None:
    total = Decimal(0)
    for count, usd in costs:
        if usd is None:
            return None
        total += count * usd
    return total


def _median(groups: Sequence[_Group]) -> Estimate | None:
    """The median question's estimate, ordered by cloud tokens, then by local ones."""

    def size(group: _Group) -> tuple[int, int]:
        return group.estimate.typical.input_tokens, group.estimate.local.input_tokens

    place = (sum(group.questions for group in groups) - 1) // 2
    for group in sorted(groups, key=size):
        if place < group.questions:
            return group.estimate
        place -= group.questions
    return None
