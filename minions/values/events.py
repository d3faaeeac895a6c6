"""Events of a run, for progress displays, ``stream`` and ``--events``; each is one JSON object.

Only ``FindingEvent`` (in its quote) and ``AnswerEvent`` hold text of the documents.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from minions.values.answers import Answer, Baseline
from minions.values.base import Value
from minions.values.findings import Finding
from minions.values.jobs import JobStatus
from minions.values.plans import Plan


class _RunEvent(Value):
    """The base class of events that may belong to a run."""

    run_id: str | None = None
    """The run that the event belongs to; None where it concerns no single run."""


class IndexEvent(_RunEvent):
    """Progress of reading the documents."""

    kind: Literal["index"] = "index"
    done: int
    """Files read so far."""
    total: int
    """Files to read in all."""
    path: str | None = None
    """The file that is read next; None when all are read."""


class StartEvent(Value):
    """The documents are read, and the run begins."""

    kind: Literal["start"] = "start"
    run_id: str
    planner: str
    """The planner's model reference, ``provider:model``."""
    worker: str
    """The worker's model reference."""
    documents: int
    tokens: int
    """The estimated tokens of the corpus."""
    baseline: Baseline | None = None
    """Estimated costs of other ways to answer."""


class PlanEvent(_RunEvent):
    """A round was planned."""

    kind: Literal["plan"] = "plan"
    round: int
    """The number of the round, from 1."""
    plan: Plan
    jobs: int
    """Jobs that will run."""


class JobEvent(_RunEvent):
    """A job ended."""

    kind: Literal["job"] = "job"
    round: int
    """The number of the round, from 1."""
    job_id: str
    task_id: str
    path: str
    """The path of the document."""
    status: JobStatus
    relevance: float | None = None
    """The worker's probability in [0, 1] that the chunk holds the answer; None if unknown."""
    reason: str | None = None
    """One sentence that explains any status but ``found``."""
    cached: bool = False
    """True if no model had to read anything for the job."""
    chunk: str = ""
    """The id of the chunk that was read."""
    parts: tuple[str, ...] = ()
    """Ids of the chunks that were read together, where that was a whole document."""
    ungrounded: bool = False
    """True if the reply claimed evidence that is not in the chunk."""


class FindingEvent(_RunEvent):
    """A job brought a grounded finding."""

    kind: Literal["finding"] = "finding"
    round: int
    """The number of the round, from 1."""
    finding: Finding


class DigestEvent(_RunEvent):
    """The digest of a round is about to be sent to the planner."""

    kind: Literal["digest"] = "digest"
    round: int
    """The number of the round, from 1."""
    tokens: int
    """The estimated tokens of the digest."""
    places: tuple[tuple[str, int, int], ...]
    """The places of the evidence, each as document id, start and end."""


class CloudCallEvent(_RunEvent):
    """An attempt at a cloud model ended, and was entered in the ledger."""

    kind: Literal["cloud_call"] = "cloud_call"
    model: str
    status: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    """The cost in US dollars; None if unknown."""


class WarningEvent(_RunEvent):
    """Something the user should know; the run goes on."""

    kind: Literal["warning"] = "warning"
    message: str


class AnswerEvent(_RunEvent):
    """The run ended."""

    kind: Literal["answer"] = "answer"
    answer: Answer


class BatchEvent(Value):
    """Progress of a batch: sent when it begins, and whenever a question ends."""

    kind: Literal["batch"] = "batch"
    total: int
    """Questions in the batch."""
    done: int
    """Questions in the output, those of earlier processes included."""
    answered: int = 0
    """Questions that this process answered."""
    abstained: int = 0
    """Questions for which this process found no answer."""
    stopped: int = 0
    """Questions that a limit stopped in this process."""
    failed: int = 0
    """Questions that failed in this process."""
    spent_usd: Decimal = Decimal(0)
    """The cost of all cloud calls of the batch.

    A call of unknown cost counts at its upper bound.
    """


Event = (
    IndexEvent
    | StartEvent
    | PlanEvent
    | JobEvent
    | FindingEvent
    | DigestEvent
    | CloudCallEvent
    | WarningEvent
    | AnswerEvent
    | BatchEvent
)
Observer = Callable[[Event], None]


def both(first: Observer, second: Observer) -> Observer:
    """Return an observer that passes each event to two others."""

    def observe(event: Event) -> None:
        first(event)
        second(event)

    return observe


def of_run(run_id: str, observe: Observer) -> Observer:
    """Return an observer that adds ``run_id`` to each event and passes it on.

    A BatchEvent belongs to no run, and is passed on unchanged.
    """

    def observe_run(event: Event) -> None:
        if isinstance(event, BatchEvent):
            observe(event)
        else:
            observe(event.model_copy(update={"run_id": run_id}))

    return observe_run
