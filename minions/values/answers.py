"""Answers: the result of a run, in the shape of schema ``minions/1``.

Money is a Decimal in US dollars, and None where the price is unknown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import ConfigDict, Field

from minions.values.base import Value
from minions.values.documents import Unreadable
from minions.values.findings import Citation

StopReason = Literal["answered", "no_answer", "budget", "timeout", "interrupted", "error"]


class Coverage(Value):
    """The part of the corpus that was read, and the outcomes of all jobs."""

    documents: int = 0
    """Documents in the corpus."""
    chunks: int = 0
    """Chunks in the corpus."""
    read: int = 0
    """Distinct chunks that a worker read."""
    found: int = 0
    """Jobs with at least one grounded finding."""
    abstained: int = 0
    """Jobs whose chunk does not hold the answer."""
    truncated: int = 0
    """Jobs whose reply was cut off."""
    failed: int = 0
    """Jobs that failed."""
    skipped: int = 0
    """Jobs that were not run."""
    ungrounded: int = 0
    """Jobs whose reply claimed evidence that is not in the chunk."""
    judged: int = 0
    """Documents with a result of their own, where a task asked for one for each document."""
    unreadable: tuple[Unreadable, ...] = ()
    """Files that could not be read."""


class RoundSummary(Value):
    """Counts of one round."""

    tasks: int
    jobs: int
    found: int
    """Jobs with a finding."""


class RoleUsage(Value):
    """Calls, tokens and cost of one role in a run."""

    calls: int = 0
    """Physical attempts, failed ones included."""
    input_tokens: int = 0
    cached_input_tokens: int = 0
    """The part of ``input_tokens`` that came from a prompt cache."""
    output_tokens: int = 0
    reasoning_tokens: int = 0
    """The part of ``output_tokens`` that was hidden reasoning."""
    cost_usd: Decimal | None = Decimal(0)
    """The cost; None if any part of it is unknown."""


class UsageByRole(Value):
    """Usage of the planner (in the cloud, unless the run was local) and of the worker."""

    planner: RoleUsage = RoleUsage()
    worker: RoleUsage = RoleUsage()


class BaselineEstimate(Value):
    """The estimated usage and cost of another way to answer (`minions.ledger.baseline`)."""

    input_tokens: int
    cached_input_tokens: int = 0
    output_tokens: int
    cost_usd: Decimal | None
    """The cost; None if the price is unknown."""


class Baseline(Value):
    """Estimates of three other ways to answer, at the prices of ``model``."""

    estimated: Literal[True] = True
    model: str = ""
    """The model whose prices were used."""
    remote_only: BaselineEstimate
    """The whole corpus in the prompt of a cloud model."""
    remote_cached: BaselineEstimate
    """The same, with the corpus in the provider's prompt cache."""
    rag: BaselineEstimate
    """Only the best chunks in the prompt: top-k retrieval."""


class Withheld(Value):
    """Counts of findings, answers and quotes that were withheld."""

    findings: int = 0
    """Findings beyond the egress limit."""
    answers: int = 0
    """Workers' answers of which some words were withheld."""
    quotes: int = 0
    """Findings whose quotes policy ``strict`` withheld."""


class Egress(Value):
    """Bytes of the documents' text that were sent: names, headings, answers and lines."""

    sent_bytes: int = 0
    read_elsewhere_bytes: int = 0
    """Bytes of chunks read by workers on other machines, where the user allowed these.

    No limit applies to them.
    """
    limit_bytes: int | None = None
    """The limit on ``sent_bytes``; None for no limit."""
    withheld: Withheld = Withheld()
    redacted: dict[str, int] = Field(default_factory=dict)
    """The number of redacted values of each kind."""


class Calculation(Value):
    """A calculation in an answer, evaluated on this device."""

    expression: str
    """The arithmetic as the planner wrote it."""
    result: str
    """The result as it is shown in the answer."""
    ungrounded: tuple[str, ...] = ()
    """Numbers in the expression that are in no finding cited by the answer."""


class Answer(Value):
    """The result of a run; ``stop_reason`` tells a complete one from a partial one."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )

    schema_: Literal["minions/1"] = Field(default="minions/1", alias="schema")
    id: str | None = None
    """The id of the question in a batch; None outside a batch."""
    run_id: str
    question: str
    answer: str | None
    """The answer; None if none was found."""
    confidence: float
    """The planner's confidence in [0, 1]."""
    stop_reason: StopReason
    """The reason why the run ended; anything but ``answered`` and ``no_answer`` cut it short."""
    citations: tuple[Citation, ...] = ()
    """The quotes that the answer rests on."""
    calculations: tuple[Calculation, ...] = ()
    coverage: Coverage = Coverage()
    rounds: tuple[RoundSummary, ...] = ()
    usage: UsageByRole = UsageByRole()
    egress: Egress = Egress()
    baseline: Baseline | None = None
    """Estimated costs of other ways to answer; None if there was nothing to compare."""
    elapsed_s: float = 0.0
    """Seconds that the run took."""
    warnings: tuple[str, ...] = ()
    """Sentences about anything the user should know."""
