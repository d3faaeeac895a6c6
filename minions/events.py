"""What happens during a run, as it happens: for progress, ``stream`` and ``--events``. One JSON object each.

Document text appears in no event but ``FindingEvent`` (its quote) and ``AnswerEvent``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from minions.answers import Answer, Baseline
from minions.findings import Finding
from minions.jobs import JobStatus
from minions.plans import Plan
from minions.values import Value


class IndexEvent(Value):
    """Reading the documents: ``done`` of ``total`` files so far."""

    kind: Literal["index"] = "index"
    done: int
    total: int
    path: str | None = None


class StartEvent(Value):
    """The documents are read and the run begins; ``tokens`` are the corpus's, ``baseline`` what alternatives would
    cost.
    """

    kind: Literal["start"] = "start"
    run_id: str
    planner: str
    worker: str
    documents: int
    tokens: int
    baseline: Baseline | None = None


class PlanEvent(Value):
    """A round was planned; ``jobs`` will run."""

    kind: Literal["plan"] = "plan"
    round: int
    plan: Plan
    jobs: int


class JobEvent(Value):
    """A job ended."""

    kind: Literal["job"] = "job"
    round: int
    job_id: str
    task_id: str
    path: str
    status: JobStatus
    relevance: float | None = None
    reason: str | None = None


class FindingEvent(Value):
    """A job brought a grounded finding."""

    kind: Literal["finding"] = "finding"
    round: int
    finding: Finding


class CloudCallEvent(Value):
    """A cloud attempt was made and entered in the ledger; ``cost_usd`` is None when unknown."""

    kind: Literal["cloud_call"] = "cloud_call"
    model: str
    status: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


class WarningEvent(Value):
    """Something the user should know; the run goes on."""

    kind: Literal["warning"] = "warning"
    message: str


class AnswerEvent(Value):
    """The run is over."""

    kind: Literal["answer"] = "answer"
    answer: Answer


Event = IndexEvent | StartEvent | PlanEvent | JobEvent | FindingEvent | CloudCallEvent | WarningEvent | AnswerEvent
Observer = Callable[[Event], None]
