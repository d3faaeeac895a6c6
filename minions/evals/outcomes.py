"""The outcome of each question, from its records, its trace and the ledger. Calls no model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from minions.errors import UsageError
from minions.evals.judge import MARKS, is_judged
from minions.evals.losses import follow
from minions.evals.report import RIGHT, Outcome, known_usd, total_usd
from minions.evals.scorers import Score, abstains, score
from minions.values.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from minions.corpus.port import Corpus
    from minions.evals.dataset import Example
    from minions.evals.judge import Verdict
    from minions.evals.records import Recorded
    from minions.evals.tracing import Trace
    from minions.evals.verdicts import Verdicts
    from minions.ledger.entries import Entry
    from minions.ledger.ledger import Ledger
    from minions.store.runs import Runs


def models_of(run_ids: Iterable[str], runs: Runs) -> tuple[str, str] | None:
    """The planner and worker that gave the answers, whatever the settings are now.

    The names of several models are joined by "and". None if there are no answers.
    """
    planners = set()
    workers = set()
    for run_id in sorted(set(run_ids)):
        with suppress(UsageError):  # it failed before it began, or is recorded in another home
            run = runs.get(run_id)
            planners.add(run.planner.partition("@")[0])
            workers.add(run.worker.partition("@")[0])
    if not planners:
        return None
    return " and ".join(sorted(planners)), " and ".join(sorted(workers))


@dataclass
class _Spent:
    """The tokens, dollars and seconds of a question's calls, summed over all of its runs."""

    cloud_input_tokens: int = 0
    cloud_output_tokens: int = 0
    costs_usd: list[Decimal | None] = field(default_factory=list)
    local_input_tokens: int = 0
    local_output_tokens: int = 0
    latencies_s: list[float] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Count one call."""
        if entry.cloud:
            self.cloud_input_tokens += entry.input_tokens
            self.cloud_output_tokens += entry.output_tokens
            self.costs_usd.append(entry.cost_usd)
        else:
            self.local_input_tokens += entry.input_tokens
            self.local_output_tokens += entry.output_tokens
            self.latencies_s.append(entry.latency_s)


def outcome_of(
    example: Example,
    recorded: Recorded | None,
    trace: Trace | None,
    corpus: Corpus,
    ledger: Ledger,
    verdicts: Verdicts | None,
) -> Outcome:
    """Score a question, follow its evidence, and add up what its runs spent."""
    answer, problem = answer_of(recorded)
    text = None
    if answer is not None:
        text = answer.answer
    points = score(example, text)
    if problem is not None:
        points = Score(value=0.0, metric=points.metric)
    has_answer = problem is None and text is not None and not abstains(example, text)
    verdict, mark = _judged(example, text if has_answer else None, verdicts)
    decisive = points.value if mark is None else mark
    followed = follow(example, answer, trace, corpus)
    stage = None
    if problem is None and decisive < RIGHT:
        stage = followed.stage
    planned_in = None
    if trace is not None:
        planned_in = trace.planned_in
    spent = _spent(recorded, ledger)
    return Outcome(
        id=example.id,
        question=example.question,
        kind=example.kind,
        expected=example.answers,
        answer=text,
        score=points.value,
        metric=points.metric,
        contains=points.contains,
        f1=points.f1,
        count_error=points.error,
        verdict=verdict,
        judged=mark,
        abstained=problem is None and not has_answer,
        error=problem,
        asked=recorded is not None,
        traced=trace is not None,
        evidence_read=followed.read,
        evidence_sent=followed.sent,
        evidence_cited=followed.cited,
        citations_right=followed.citations_right,
        stage=stage,
        planned_in=planned_in,
        cloud_input_tokens=spent.cloud_input_tokens,
        cloud_output_tokens=spent.cloud_output_tokens,
        cost_usd=total_usd(spent.costs_usd),
        known_cost_usd=known_usd(spent.costs_usd),
        local_input_tokens=spent.local_input_tokens,
        local_output_tokens=spent.local_output_tokens,
        local_s=round(sum(spent.latencies_s), 1),
    )


def _spent(recorded: Recorded | None, ledger: Ledger) -> _Spent:
    """The calls of a question's runs, without a judge's calls."""
    spent = _Spent()
    if recorded is None:
        return spent
    for run in recorded.runs:
        for entry in ledger.entries(run):
            if entry.role != "judge":
                spent.add(entry)
    return spent


def _judged(
    example: Example, answer: str | None, verdicts: Verdicts | None
) -> tuple[Verdict | None, float | None]:
    """The verdict on an answer in free text, and its mark.

    A missing answer is marked as wrong, without a verdict. Both are None where no judge marks the
    question, or the verdict is still to come.
    """
    if verdicts is None or not is_judged(example):
        return None, None
    if answer is None:
        return None, MARKS["wrong"]
    verdict = verdicts.on(example, answer)
    if verdict is None:
        return None, None
    return verdict, MARKS[verdict]


def answer_of(recorded: Recorded | None) -> tuple[Answer | None, str | None]:
    """The answer in a question's last record, and the problem that kept it from ending."""
    if recorded is None:
        return None, "not asked"
    fields = dict(recorded.record)
    error = fields.pop("error", None)
    try:
        answer = Answer.model_validate(fields)
    except ValidationError:
        return None, "the record is of another version"
    if isinstance(error, dict):
        return answer, str(error.get("message"))
    if error is not None:
        return answer, str(error)
    if answer.stop_reason not in {"answered", "no_answer"}:
        return answer, answer.stop_reason
    return answer, None
