"""What bounds a run."""

from __future__ import annotations

from decimal import Decimal

from minions.values import Value


class Limits(Value):
    """The limits of one run. The defaults were measured (docs/experiments.md).

    ``chunks_per_task``: how many chunks a task with search phrases reads. ``max_jobs``: a round. ``digest_tokens``:
    findings that go up a round. ``samples``: repetitions of each job. ``timeout_s``: the whole run; None waits for
    ever. ``max_cost_usd`` and ``max_cloud_tokens`` (input and output) count cloud calls, failed ones too.
    """

    max_rounds: int = 2
    max_tasks: int = 6
    max_jobs: int = 400
    chunks_per_task: int = 8
    samples: int = 1
    digest_tokens: int = 700
    timeout_s: float | None = None
    max_cost_usd: Decimal | None = None
    max_cloud_tokens: int | None = None
