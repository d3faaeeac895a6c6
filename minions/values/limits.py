"""The limits of a run, apart from those on cost and cloud tokens."""

from __future__ import annotations

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
    """Seconds from the first plan to the answer, not counting reading files; None never ends."""
