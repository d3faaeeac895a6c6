"""The worker that reads a chunk at a time: it extracts or judges, as the task asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions_workers.extractor import Extractor
from minions_workers.judging import Judge, fingerprint_over
from minions_workers.probabilities import Probabilities

if TYPE_CHECKING:
    from minions.ports import ChatModel
    from minions.values.events import Observer
    from minions.values.jobs import Job, JobResult
    from minions_workers.extractor import Evidence
    from minions_workers.schemas import Reasoning


class ChunkWorker:
    """A Worker over one ChatModel. A task that judges documents goes to the `Judge`, any other to
    the `Extractor`.

    ``reasoning`` is for both; `Extractor` explains the other settings. ``observe`` gets one warning
    if the model's server gives no token probabilities.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        evidence: Evidence = "lines",
        min_relevance: float = 0.3,
        reasoning: Reasoning = "none",
        second_look: bool = False,
        observe: Observer | None = None,
    ) -> None:
        probabilities = Probabilities(model, observe)
        self._extractor = Extractor(
            model,
            evidence=evidence,
            min_relevance=min_relevance,
            reasoning=reasoning,
            second_look=second_look,
            probabilities=probabilities,
        )
        self._judge = Judge(model, reasoning=reasoning, probabilities=probabilities)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the extractor's results, for the cache."""
        return self._extractor.fingerprint

    @property
    def judging_fingerprint(self) -> str:
        """The fingerprint of the judge's results, for the cache."""
        return fingerprint_over(self._extractor.fingerprint)

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        if job.task.judges:
            return await self._judge.run(job)
        return await self._extractor.run(job)
