"""How each question ended: told from its records, its trace and the ledger. Calls no model."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError

from minions.errors import UsageError
from minions.evals.judge import MARKS, is_judged
from minions.evals.losses import follow
from minions.evals.report import RIGHT, Outcome
from minions.evals.scorers import Score, abstains, score
from minions.ledger.ledger import exact_sum
from minions.values.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.corpus.port import Corpus
    from minions.evals.dataset import Example
    from minions.evals.judge import Verdict
    from minions.evals.records import Recorded
    from minions.evals.tracing import Trace
    from minions.evals.verdicts import Verdicts
    from minions.ledger.ledger import Ledger
    from minions.store.runs import Runs


def models_of(run_ids: Iterable[str], runs: Runs) -> tuple[str, ...]:
    """Planner and worker that the answers came from, whatever the settings are now: several where a folder holds
    answers of several; none where there is no answer.
    """
    pairs: set[tuple[str, str]] = set()
    for run_id in sorted(set(run_ids)):
        with suppress(UsageError):  # it failed before it began, or is on record in another home
            run = runs.get(run_id)
            pairs.add((run.planner.partition("@")[0], run.worker.partition("@")[0]))
    return tuple(" and ".join(sorted(set(names))) for names in zip(*pairs, strict=True))


def outcome_of(
    example: Example,
    recorded: Recorded | None,
    trace: Trace | None,
    corpus: Corpus,
    ledger: Ledger,
    verdicts: Verdicts | None,
) -> Outcome:
    """How a question ended: its score, how far its evidence came, and what all of its runs took."""
    answer, problem = answer_of(recorded)
    given = answer.answer if answer is not None else None
    points = score(example, given)
    if problem is not None:
        points = Score(value=0.0, metric=points.metric)
    followed = follow(example, answer, trace, corpus)
    runs = recorded.runs if recorded is not None else ()
    entries = [entry for run in runs for entry in ledger.entries(run) if entry.role != "judge"]
    has_answer = problem is None and given is not None and not abstains(example, given)
    verdict, mark = _judged(example, given if has_answer else None, verdicts)
    cloud = [entry for entry in entries if entry.cloud]
    local = [entry for entry in entries if not entry.cloud]
    costs = [entry.cost_usd for entry in cloud]
    known = exact_sum(cost for cost in costs if cost is not None)
    return Outcome(
        id=example.id,
        question=example.question,
        kind=example.kind,
        expected=example.answers,
        answer=given,
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
        stage=followed.stage
        if (points.value if mark is None else mark) < RIGHT and problem is None
        else None,
        planned_in=trace.planned_in if trace is not None else None,
        cloud_input_tokens=sum(entry.input_tokens for entry in cloud),
        cloud_output_tokens=sum(entry.output_tokens for entry in cloud),
        cost_usd=None if None in costs else known,
        known_cost_usd=known,
        local_input_tokens=sum(entry.input_tokens for entry in local),
        local_output_tokens=sum(entry.output_tokens for entry in local),
        local_s=round(sum(entry.latency_s for entry in local), 1),
    )


def _judged(
    example: Example, answer: str | None, verdicts: Verdicts | None
) -> tuple[Verdict | None, float | None]:
    """The verdict on an answer in free text, and what it counts; what is no answer is wrong, and nobody is asked."""
    if verdicts is None or not is_judged(example):
        return None, None
    if answer is None:
        return None, MARKS["wrong"]
    verdict = verdicts.on(example, answer)
    return verdict, None if verdict is None else MARKS[verdict]


def answer_of(recorded: Recorded | None) -> tuple[Answer | None, str | None]:
    """The answer in a question's last record, and what kept it from being one."""
    if recorded is None:
        return None, "not asked"
    told = dict(recorded.record)
    problem = told.pop("error", None)
    try:
        answer = Answer.model_validate(told)
    except ValidationError:
        return None, "the record is of another version"
    if problem is not None:
        return answer, str(problem.get("message") if isinstance(problem, dict) else problem)
    stopped = answer.stop_reason not in {"answered", "no_answer"}
    return answer, answer.stop_reason if stopped else None
