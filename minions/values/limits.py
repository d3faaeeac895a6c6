"""What bounds a run."""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value


class Limits(Value):
    """The limits of one run; those on cost and cloud tokens are a Budget's. The defaults were measured
    (docs/experiments.md).

    ``chunks_per_task``: how many chunks a task with search phrases reads. ``max_jobs``: a round. ``digest_tokens``:
    what goes up a round. ``samples``: repetitions of each job.
    ``near_misses``: how many chunks the index adds to a digest, unread, for a task that found nothing, whose findings
    conflict, or are all less sure than ``low_confidence``.
    ``rag_chunks``: what protocol ``rag`` sends. ``max_turns``: the rounds of protocol ``minion``, whose worker holds
    ``context_tokens`` at once. ``whole_documents``: what judges documents reads them whole where they fit the worker's
    ``context_tokens``. ``timeout_s``: from the first plan to the answer,
    reading files not counted; None waits for ever.
    """

    max_rounds: int = 2
    max_tasks: int = 6
    max_jobs: int = 400
    chunks_per_task: int = 8
    samples: int = 1
    digest_tokens: int = 900
    planner_output_tokens: int = 2_000
    near_misses: int = 2
    low_confidence: float = 0.4
    rag_chunks: int = 10
    max_turns: int = 4
    context_tokens: int = 4_096
    whole_documents: bool = True
    max_egress: int | None = None
    timeout_s: float | None = None


class Reading(Value):
    """How a worker reads a chunk; see docs/settings.md for each field."""

    evidence: Literal["lines", "quote"] = "lines"
    min_relevance: float = 0.3
    reasoning: Literal["none", "draft", "cot"] = "none"
    second_look: bool = False
    enough: int = 0
    enough_confidence: float = 0.6


class Pace(Value):
    """How often models are called: so many jobs at a time (None: as many as the server has slots),
    so many requests a second, so many attempts, and so many seconds of waiting for an endpoint.
    """

    concurrency: int | None = None
    rate_per_s: float | None = None
    attempts: int = 4
    patience_s: float = 0
