"""What happens during a run, as it happens: for progress, ``stream`` and ``--events``. One JSON object each.

``run_id`` says whose event it is; None for what concerns no single run, such as reading the files. Document text
appears in no event but ``FindingEvent`` (its quote) and ``AnswerEvent``.
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
    """The base of what happens in a run."""

    run_id: str | None = None


class IndexEvent(_RunEvent):
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


class PlanEvent(_RunEvent):
    """A round was planned; ``jobs`` will run."""

    kind: Literal["plan"] = "plan"
    round: int
    plan: Plan
    jobs: int


class JobEvent(_RunEvent):
    """A job ended; ``cached`` when nothing had to be read for it, ``chunk`` is the id of what was read, and ``parts``
    are the chunks that it is made of where it is a whole document.
    """

    kind: Literal["job"] = "job"
    round: int
    job_id: str
    task_id: str
    path: str
    status: JobStatus
    relevance: float | None = None
    reason: str | None = None
    cached: bool = False
    chunk: str = ""
    parts: tuple[str, ...] = ()
    ungrounded: bool = False


class FindingEvent(_RunEvent):
    """A job brought a grounded finding."""

    kind: Literal["finding"] = "finding"
    round: int
    finding: Finding


class DigestEvent(_RunEvent):
    """What was found is about to go up: its estimated tokens, and document id and span of each piece of evidence."""

    kind: Literal["digest"] = "digest"
    round: int
    tokens: int
    places: tuple[tuple[str, int, int], ...]


class CloudCallEvent(_RunEvent):
    """A cloud attempt was made and entered in the ledger; ``cost_usd`` is None when unknown."""

    kind: Literal["cloud_call"] = "cloud_call"
    model: str
    status: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


class WarningEvent(_RunEvent):
    """Something the user should know; the run goes on."""

    kind: Literal["warning"] = "warning"
    message: str


class AnswerEvent(_RunEvent):
    """The run is over."""

    kind: Literal["answer"] = "answer"
    answer: Answer


class BatchEvent(Value):
    """A question of a batch came to its end, or the batch began: counts of ``total`` questions.

    ``done`` were in the output before or came to it since; ``answered``, ``abstained``, ``stopped`` (by a limit) and
    ``failed`` count what this process did. ``spent_usd`` is what the cloud calls of the whole batch cost, at their
    bounds where unknown.
    """

    kind: Literal["batch"] = "batch"
    total: int
    done: int
    answered: int = 0
    abstained: int = 0
    stopped: int = 0
    failed: int = 0
    spent_usd: Decimal = Decimal(0)


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
    """An observer that passes each event to two."""

    def observe(event: Event) -> None:
        first(event)
        second(event)

    return observe


def of_run(run_id: str, observe: Observer) -> Observer:
    """An observer that says of each event whose it is."""

    def told(event: Event) -> None:
        observe(
            event if isinstance(event, BatchEvent) else event.model_copy(update={"run_id": run_id})
        )

    return told
