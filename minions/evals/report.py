"""What an evaluation came to: protocols side by side, and every question that was not answered right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from statistics import fmean
from typing import TYPE_CHECKING

from minions.evals.judge import Verdict
from minions.evals.losses import Stage
from minions.evals.statistics import Interval, interval, paired
from minions.ledger.ledger import exact_sum
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

RIGHT = 0.5  # below it an answer counts as a failure, and is listed


class Outcome(Value):
    """One question under one protocol: ``score`` in [0, 1] by ``metric``, tokens and dollars of its cloud calls, tokens
    and seconds of its local ones. ``error`` is what kept it from ending, ``planned_in`` the file that gave its plan.
    ``verdict`` is the judge's, and ``judged`` what it counts, in [0, 1]. ``asked``: it has a record; ``traced``: what
    was read for it is known. ``cost_usd`` is None where a call's is unknown, ``known_cost_usd`` without those.
    """

    id: str
    question: str
    kind: str
    expected: tuple[str, ...]
    answer: str | None
    score: float
    metric: str
    contains: float
    f1: float
    count_error: float | None = None
    verdict: Verdict | None = None
    judged: float | None = None
    abstained: bool = False
    error: str | None = None
    asked: bool = True
    traced: bool = True
    evidence_read: bool | None = None
    evidence_sent: bool | None = None
    evidence_cited: bool | None = None
    citations_right: float | None = None
    stage: Stage | None = None
    planned_in: str | None = None
    cloud_input_tokens: int = 0
    cloud_output_tokens: int = 0
    cost_usd: Decimal | None = Decimal(0)
    known_cost_usd: Decimal = Decimal(0)
    local_input_tokens: int = 0
    local_output_tokens: int = 0
    local_s: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether it counts as right: by the judge's mark where there is one."""
        return (self.score if self.judged is None else self.judged) >= RIGHT


class Summary(Value):
    """A protocol over all questions. Tokens and seconds are means a question that was asked; ``score`` and the
    difference to the first protocol have 95 % bootstrap intervals (mean, low, high), and what did not end
    counts 0 there: ``failed``, those never ``asked`` included. Shares are None where they could not be told.
    ``untraced`` questions ended, but what was read for them is unknown.
    ``planned_in`` are the files of the plans that were given, with the number of questions. ``judged``
    is the mean mark of the questions that the judge marks.
    """

    protocol: str
    planner: str
    worker: str
    questions: int
    score: Interval
    difference: Interval | None
    contains: float
    f1: float
    abstained: int
    failed: int
    asked: int
    untraced: int
    evidence_read: float | None
    evidence_sent: float | None
    evidence_cited: float | None
    citations_right: float | None
    cloud_input_tokens: float
    cloud_output_tokens: float
    cost_usd: Decimal | None
    known_cost_usd: Decimal
    local_input_tokens: float
    local_output_tokens: float
    local_s: float
    lost: Mapping[str, int]
    planned_in: Mapping[str, int]
    judged: Interval | None = None
    judged_questions: int = 0


class JudgeBill(Value):
    """What judging took so far, failed calls included, apart from the protocols' own; None is unknown."""

    judge: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


class Report(Value):
    """An evaluation: a summary and the outcomes of each protocol, in the order they were asked for. ``judge`` is
    what judging took, apart from what the protocols did.
    """

    dataset: str
    documents: int
    summaries: tuple[Summary, ...]
    outcomes: Mapping[str, tuple[Outcome, ...]]
    judge: JudgeBill | None = None

    def failures(self, protocol: str) -> list[Outcome]:
        """What a protocol did not answer right, as the stages come."""
        wrong = [outcome for outcome in self.outcomes[protocol] if not outcome.is_right]
        return sorted(wrong, key=lambda outcome: (outcome.stage or "", outcome.id))


def summarise(
    protocol: str,
    models: tuple[str, str],
    outcomes: Sequence[Outcome],
    first: Sequence[Outcome] | None,
) -> Summary:
    """Sum up a protocol; ``first`` are the outcomes it is compared with, over the same questions."""
    scores = [outcome.score for outcome in outcomes]
    asked = [outcome for outcome in outcomes if outcome.asked]
    costs = [outcome.cost_usd for outcome in outcomes]
    judged = [outcome.judged for outcome in outcomes if outcome.judged is not None]
    return Summary(
        protocol=protocol,
        planner=models[0],
        worker=models[1],
        questions=len(outcomes),
        score=interval(scores) or Interval(0, 0, 0),
        difference=None if first is None else paired([outcome.score for outcome in first], scores),
        contains=_mean([outcome.contains for outcome in outcomes]) or 0.0,
        f1=_mean([outcome.f1 for outcome in outcomes]) or 0.0,
        abstained=sum(outcome.abstained for outcome in outcomes),
        failed=sum(outcome.error is not None for outcome in outcomes),
        asked=len(asked),
        untraced=sum(not outcome.traced and outcome.error is None for outcome in asked),
        evidence_read=_mean([outcome.evidence_read for outcome in outcomes]),
        evidence_sent=_mean([outcome.evidence_sent for outcome in outcomes]),
        evidence_cited=_mean([outcome.evidence_cited for outcome in outcomes]),
        citations_right=_mean([outcome.citations_right for outcome in outcomes]),
        cloud_input_tokens=_mean([outcome.cloud_input_tokens for outcome in asked]) or 0.0,
        cloud_output_tokens=_mean([outcome.cloud_output_tokens for outcome in asked]) or 0.0,
        cost_usd=None if None in costs else exact_sum(cost for cost in costs if cost is not None),
        known_cost_usd=exact_sum(outcome.known_cost_usd for outcome in outcomes),
        local_input_tokens=_mean([outcome.local_input_tokens for outcome in asked]) or 0.0,
        local_output_tokens=_mean([outcome.local_output_tokens for outcome in asked]) or 0.0,
        local_s=_mean([outcome.local_s for outcome in asked]) or 0.0,
        lost=Counter(outcome.stage for outcome in outcomes if outcome.stage is not None),
        planned_in=Counter(
            outcome.planned_in for outcome in outcomes if outcome.planned_in is not None
        ),
        judged=interval(judged),
        judged_questions=len(judged),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None
