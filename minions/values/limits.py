"""The limits of a run, apart from those on cost and cloud tokens."""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value


class Limits(Value):
    """Limits of one run. Cost and cloud tokens are limited by `minions.ledger.budgets.Budget`.

    The defaults were measured (docs/experiments.md).
    """

    max_rounds: int = 2
    """Rounds of plan, read and decide."""
    max_tasks: int = 6
    """Tasks kept from each plan; further tasks are dropped."""
    max_jobs: int = 400
    """Jobs in each round; further jobs are skipped and counted."""
    chunks_per_task: int = 8
    """Chunks read for a task that has search phrases."""
    samples: int = 1
    """Times that each job is run."""
    digest_tokens: int = 900
    """Tokens of a round's digest, the text sent to the planner."""
    planner_output_tokens: int = 2_000
    """The longest reply of the planner in tokens, hidden reasoning included."""
    near_misses: int = 2
    """Unread chunks from the index added to the digest for a task in trouble.

    A task is in trouble when it found nothing, when its findings conflict, or when all of them are
    less certain than ``low_confidence``.
    """
    low_confidence: float = 0.4
    """Confidence in [0, 1] below which a finding counts as uncertain."""
    rag_chunks: int = 10
    """Chunks sent by protocol ``rag``."""
    max_turns: int = 4
    """Rounds of protocol ``minion``."""
    context_tokens: int = 4_096
    """Tokens that a local model holds at once."""
    whole_documents: bool = True
    """Judge a document in one job where it fits ``context_tokens``, not chunk by chunk."""
    max_egress: int | None = None
    """Bytes of the documents' text that may be sent; None leaves it to the policy."""
    timeout_s: float | None = None
    """Seconds from the first plan to the answer, not counting reading files; None: no limit."""


class Reading(Value):
    """The settings for reading a chunk."""

    evidence: Literal["lines", "quote"] = "lines"
    """The way a worker cites: by the numbers of lines, or by a quote."""
    min_relevance: float = 0.3
    """The probability of holding the answer below which a chunk is not read closely."""
    reasoning: Literal["none", "draft", "cot"] = "none"
    """The reasoning that workers write first: none, a short draft, or whole sentences."""
    second_look: bool = False
    """Ask a worker again whose answer is in none of the chunk's lines."""
    enough: int = 0
    """The lead of one answer, in chunks, that ends a look-up early; 0 reads all chunks."""
    enough_confidence: float = 0.6
    """The confidence from which a finding counts for ``enough``."""


class Pace(Value):
    """The settings for the pace of calls to models."""

    concurrency: int | None = None
    """Jobs at the same time, at each endpoint; None: as many as the server has slots."""
    rate_per_s: float | None = None
    """Requests per second, to each endpoint; None: no limit."""
    attempts: int = 4
    """The most attempts of a request that fails in a retryable way."""
    patience_s: float = 0
    """Seconds to wait for an endpoint that is down; 0 leaves it to ``attempts``."""
