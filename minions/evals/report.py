"""The report of an evaluation: protocols side by side, and the questions not answered right."""

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

RIGHT = 0.5  # an answer with less counts as a failure, and is listed


class Outcome(Value):
    """One question under one protocol."""

    id: str
    question: str
    kind: str
    expected: tuple[str, ...]
    answer: str | None

    score: float
    """From 0 to 1, by ``metric``."""

    metric: str
    contains: float
    f1: float
    count_error: float | None = None

    verdict: Verdict | None = None
    judged: float | None = None
    """The judge's verdict as a mark from 0 to 1."""

    abstained: bool = False

    error: str | None = None
    """The problem that kept the question from ending."""

    asked: bool = True
    """True if the question has a record."""

    traced: bool = True
    """True if the chunks that were read for the question are known."""

    evidence_read: bool | None = None
    evidence_sent: bool | None = None
    evidence_cited: bool | None = None
    citations_right: float | None = None
    stage: Stage | None = None

    planned_in: str | None = None
    """The file that its plan was taken from."""

    cloud_input_tokens: int = 0
    cloud_output_tokens: int = 0

    cost_usd: Decimal | None = Decimal(0)
    """The cost of its cloud calls; None where the cost of a call is unknown."""

    known_cost_usd: Decimal = Decimal(0)
    """The cost of the cloud calls whose cost is known."""

    local_input_tokens: int = 0
    local_output_tokens: int = 0

    local_s: float = 0.0
    """The seconds that its local calls took, added up."""

    @property
    def is_right(self) -> bool:
        """True for a score of at least 0.5; where there is a judge, by the judge's mark."""
        decisive = self.score if self.judged is None else self.judged
        return decisive >= RIGHT


class Summary(Value):
    """One protocol over all questions.

    ``score`` and ``difference`` have 95 % bootstrap intervals; a question that did not end scores
    0. Tokens and seconds are means over the questions that were asked. A share is None where it is
    known for no question.
    """

    protocol: str
    planner: str
    worker: str
    questions: int
    score: Interval

    difference: Interval | None
    """The mean difference to the first protocol, paired by question; None for the first."""

    contains: float
    f1: float
    abstained: int

    failed: int
    """The questions that did not end, those that were never asked included."""

    asked: int

    untraced: int
    """The questions that ended, but without a trace of the chunks that were read."""

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
    """The failures by the stage that lost the evidence."""

    planned_in: Mapping[str, int]
    """The files that plans were taken from, each with its number of questions."""

    judged: Interval | None = None
    """The mean mark of the questions that have one."""

    judged_questions: int = 0


class JudgeBill(Value):
    """The cost of judging so far, failed calls included and apart from the protocols' own costs."""

    judge: str
    calls: int
    input_tokens: int
    output_tokens: int

    cost_usd: Decimal | None
    """None where the cost of a call is unknown."""


class Report(Value):
    """An evaluation: the summary and outcomes of each protocol, in the order they were named."""

    dataset: str
    documents: int
    summaries: tuple[Summary, ...]
    outcomes: Mapping[str, tuple[Outcome, ...]]
    judge: JudgeBill | None = None

    def failures(self, protocol: str) -> list[Outcome]:
        """The questions that a protocol did not answer right, sorted by stage and id."""
        wrong = [outcome for outcome in self.outcomes[protocol] if not outcome.is_right]
        return sorted(wrong, key=lambda outcome: (outcome.stage or "", outcome.id))


def summarise(
    protocol: str,
    models: tuple[str, str],
    outcomes: Sequence[Outcome],
    first: Sequence[Outcome] | None,
) -> Summary:
    """Summarise a protocol; ``first`` are the outcomes of the protocol it is compared with.

    Both are over the same questions in the same order.
    """
    planner, worker = models
    scores = [outcome.score for outcome in outcomes]
    difference = None
    if first is not None:
        difference = paired([outcome.score for outcome in first], scores)
    asked = [outcome for outcome in outcomes if outcome.asked]
    marks = [outcome.judged for outcome in outcomes if outcome.judged is not None]
    counts: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    planned_in: Counter[str] = Counter()
    for outcome in outcomes:
        counts["abstained"] += outcome.abstained
        counts["failed"] += outcome.error is not None
        counts["untraced"] += outcome.asked and not outcome.traced and outcome.error is None
        if outcome.stage is not None:
            lost[outcome.stage] += 1
        if outcome.planned_in is not None:
            planned_in[outcome.planned_in] += 1
    return Summary(
        protocol=protocol,
        planner=planner,
        worker=worker,
        questions=len(outcomes),
        score=interval(scores) or Interval(0, 0, 0),
        difference=difference,
        contains=_mean(outcomes, "contains") or 0.0,
        f1=_mean(outcomes, "f1") or 0.0,
        abstained=counts["abstained"],
        failed=counts["failed"],
        asked=len(asked),
        untraced=counts["untraced"],
        evidence_read=_mean(outcomes, "evidence_read"),
        evidence_sent=_mean(outcomes, "evidence_sent"),
        evidence_cited=_mean(outcomes, "evidence_cited"),
        citations_right=_mean(outcomes, "citations_right"),
        cloud_input_tokens=_mean(asked, "cloud_input_tokens") or 0.0,
        cloud_output_tokens=_mean(asked, "cloud_output_tokens") or 0.0,
        cost_usd=total_usd([outcome.cost_usd for outcome in outcomes]),
        known_cost_usd=known_usd([outcome.known_cost_usd for outcome in outcomes]),
        local_input_tokens=_mean(asked, "local_input_tokens") or 0.0,
        local_output_tokens=_mean(asked, "local_output_tokens") or 0.0,
        local_s=_mean(asked, "local_s") or 0.0,
        lost=lost,
        planned_in=planned_in,
        judged=interval(marks),
        judged_questions=len(marks),
    )


def total_usd(costs: Sequence[Decimal | None]) -> Decimal | None:
    """The exact sum of costs; None where one of them is unknown."""
    if None in costs:
        return None
    return known_usd(costs)


def known_usd(costs: Sequence[Decimal | None]) -> Decimal:
    """The exact sum of the costs that are known."""
    return exact_sum(cost for cost in costs if cost is not None)


def _mean(outcomes: Sequence[Outcome], field: str) -> float | None:
    """The mean of a field over the outcomes where it is known; None if it is known for none."""
    known = []
    for outcome in outcomes:
        value = getattr(outcome, field)
        if value is not None:
            known.append(float(value))
    if not known:
        return None
    return fmean(known)
