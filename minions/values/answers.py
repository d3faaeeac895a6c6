"""Answers: the result of a run, in the shape of schema ``minions/1``. Money is Decimal US dollars, None when
unknown.
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
    """What of the corpus was read. ``documents`` and ``chunks`` are the corpus; ``read`` counts distinct chunks a
    worker saw.

    ``found``, ``abstained``, ``truncated``, ``failed`` and ``skipped`` count jobs; ``ungrounded`` those dropped for
    evidence that does not stand. ``judged`` counts the documents that have a result of their own, where a task asked
    for one a document.
    """

    documents: int = 0
    chunks: int = 0
    read: int = 0
    found: int = 0
    abstained: int = 0
    truncated: int = 0
    failed: int = 0
    skipped: int = 0
    ungrounded: int = 0
    judged: int = 0
    unreadable: tuple[Unreadable, ...] = ()


class RoundSummary(Value):
    """One round in numbers."""

    tasks: int
    jobs: int
    found: int


class RoleUsage(Value):
    """What one role used over a run; ``calls`` counts physical attempts, ``cost_usd`` is None when any part of it is
    unknown.
    """

    calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = Decimal(0)


class UsageByRole(Value):
    """The bill: the planner is the cloud, unless the run was local."""

    planner: RoleUsage = RoleUsage()
    worker: RoleUsage = RoleUsage()


class BaselineEstimate(Value):
    """What another way to answer would have cost: an estimate, by ``minions.ledger.baseline``."""

    input_tokens: int
    cached_input_tokens: int = 0
    output_tokens: int
    cost_usd: Decimal | None


class Baseline(Value):
    """Estimates at the prices of ``model`` of the alternatives: everything in the prompt, the same with the provider's
    prompt cache, and top-k retrieval.
    """

    estimated: Literal[True] = True
    model: str = ""
    remote_only: BaselineEstimate
    remote_cached: BaselineEstimate
    rag: BaselineEstimate


class Withheld(Value):
    """What stayed on the device although there was something to send. ``findings``: for the egress limit; ``answers``:
    of which some words stayed; ``quotes``: under policy ``strict``.
    """

    findings: int = 0
    answers: int = 0
    quotes: int = 0


class Egress(Value):
    """What of the documents went up: bytes of their text (names, headings, answers, lines), of so many allowed (None:
    no limit), what was withheld, and how many values were redacted, by kind. ``read_elsewhere_bytes``: passages that
    workers on other machines read, where the user allowed any; no limit holds for these.
    """

    sent_bytes: int = 0
    read_elsewhere_bytes: int = 0
    limit_bytes: int | None = None
    withheld: Withheld = Withheld()
    redacted: dict[str, int] = Field(default_factory=dict)


class Calculation(Value):
    """Arithmetic of an answer, worked out on the device: as the planner wrote it, and the result in the answer.

    ``ungrounded``: numbers in it that stand in no finding the answer cites.
    """

    expression: str
    result: str
    ungrounded: tuple[str, ...] = ()


class Answer(Value):
    """The result of a run, complete or partial; ``stop_reason`` says which. ``answer`` is None when none was found."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )

    schema_: Literal["minions/1"] = Field(default="minions/1", alias="schema")
    id: str | None = None
    run_id: str
    question: str
    answer: str | None
    confidence: float
    stop_reason: StopReason
    citations: tuple[Citation, ...] = ()
    calculations: tuple[Calculation, ...] = ()
    coverage: Coverage = Coverage()
    rounds: tuple[RoundSummary, ...] = ()
    usage: UsageByRole = UsageByRole()
    egress: Egress = Egress()
    baseline: Baseline | None = None
    elapsed_s: float = 0.0
    warnings: tuple[str, ...] = ()
