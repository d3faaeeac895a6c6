"""Estimate of a batch before it is run. No model is called."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from minions.batch.items import BadLine
from minions.batch.output import is_asked_again, recorded_in
from minions.batch.scope import corpus_of, terms_for
from minions.errors import CorpusError
from minions.estimate import Estimate, estimate_question, speed_of
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from minions.batch.items import Item
    from minions.batch.output import Kind
    from minions.corpus.port import Corpus
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.run.terms import Terms
    from minions.wiring.lineup import Lineup


class BatchEstimate(Value):
    """Estimate of a batch: ``left`` of ``total`` questions, each over its own documents.

    Questions over the same documents are all estimated like the question of median length; ``one``
    is the estimate of the batch's median question. ``bad_lines`` cannot be asked: they are not
    questions, or name documents that do not exist. Dollars are None where a price is unknown;
    ``upper_usd`` is the most that the limits on rounds and replies allow. ``minutes`` of local work
    count a chunk for every question that reads it; the batch reads a shared chunk only once.
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
    """The number of questions with the same documents and rounds, and their median's estimate."""

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
    recorded: Mapping[str, Kind] = {}
    if output is not None:
        recorded = recorded_in(output)
    bad_lines = 0
    alike: dict[tuple[object, ...], list[Item]] = {}
    for item in items:
        if isinstance(item, BadLine):
            bad_lines += 1
        elif is_asked_again(recorded.get(item.id, "open"), retry_errors=retry_errors):
            alike.setdefault((item.documents, item.max_rounds), []).append(item)
    speed = speed_of(lineup.worker, ledger)
    groups: list[_Group] = []
    for questions in alike.values():
        questions.sort(key=lambda item: len(item.question))
        median = questions[(len(questions) - 1) // 2]
        try:
            own = corpus_of(median, corpus)
            own_terms = terms_for(median, terms)
            estimate = estimate_question(median.question, own, lineup, own_terms, prices, speed)
        except CorpusError:  # they name documents that do not exist
            bad_lines += len(questions)
            continue
        groups.append(_Group(len(questions), estimate))
    return BatchEstimate(
        total=len(items),
        left=sum(group.questions for group in groups),
        bad_lines=bad_lines,
        typical_usd=_sum((group.questions, group.estimate.typical.cost_usd) for group in groups),
        upper_usd=_sum((group.questions, group.estimate.upper.cost_usd) for group in groups),
        minutes=round(sum(group.questions * group.estimate.local.minutes for group in groups), 1),
        one=_median(groups),
    )


def _sum(costs: Iterable[tuple[int, Decimal | None]]) -> Decimal | None:
    """The sum of counts times dollars; None where one is unknown."""
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
