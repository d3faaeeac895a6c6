"""The loop with all its parts but the models: rounds, what each sees of the others, and what becomes of decisions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from minions.answers import UsageByRole
from minions.corpus.index import Index
from minions.evidence.grounding import Location
from minions.evidence.surroundings import find
from minions.execution.executor import LocalExecutor
from minions.jobs import JobResult
from minions.limits import Limits
from minions.loop import Parts, answer
from minions.plans import Decision, Plan, Task
from minions.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minions.documents import CorpusCard
    from minions.findings import Digest
    from minions.jobs import Job
    from minions.plans import History

    Asking = Callable[..., Any]


class Script:
    """A planner that says what it was told to, and remembers what it saw."""

    def __init__(self, plan: Plan, decisions: list[Decision]) -> None:
        self._plan, self._decisions = plan, decisions
        self.seen: list[tuple[Digest, History]] = []

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """See `minions.ports.Planner`."""
        assert question
        assert card.text
        return self._plan

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        assert question
        self.seen.append((digest, history))
        return self._decisions.pop(0)


class Finder:
    """A worker that finds the line with its task's first word in capitals; its answer is the last word of the line."""

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        word = re.search(r"\b[A-Z]{2,}\b", job.task.instruction)
        line = re.search(rf"^.*{word[0]}.*?(\S+)\.$", job.chunk.text, re.MULTILINE | re.IGNORECASE) if word else None
        if line is None:
            return JobResult(job=job, status="abstained")
        place = Location(line.start(), line.end(), "exact", 1.0)
        found = find(job, place, answer=line[1], confidence=self._confidence)
        return JobResult(job=job, status="found", findings=(found,))


@pytest.fixture
def run(tmp_path: Path) -> Asking:
    """Runs the loop over documents, for the result and the planner."""

    async def asking(documents: dict[str, str], plan: list[Task], *decisions: Decision, **settings: Any) -> Any:
        policy, confidence = settings.pop("policy", "findings"), settings.pop("confidence", 0.9)
        limits = Limits(**settings)
        for name, text in documents.items():
            (tmp_path / name).write_text(text)
        script = Script(Plan(tasks=tuple(plan)), list(decisions))
        with Index.open(tmp_path / "index.sqlite3") as index:
            corpus, _ = index.update([tmp_path / name for name in documents], chunk_tokens=60)
            executor = LocalExecutor(Finder(confidence), concurrency=2)
            transcript = Transcript("run", corpus, limits=limits, policy=policy, observe=lambda _: None)
            decision = await answer("The question?", Parts(corpus, script, executor, limits, policy), transcript)
            reason: Any = "answered" if decision.answer is not None else "no_answer"
            return transcript.compose("The question?", reason, usage=UsageByRole(), elapsed_s=1), script

    return asking


FIGURES = "Net revenue of 2021 was 10.1.\nNet revenue of 2022 was 12.4.\n"


async def test_arithmetic_of_an_answer_is_worked_out_on_the_device(run: Asking) -> None:
    """The answer holds the result; the working stands beside it, and the citation spans the lines it rests on."""
    growth = Decision(answer="It grew by {{(12.4 - 10.1) / 10.1 * 100 | 1}} %.", findings=("f1",), confidence=0.8)
    result, _ = await run({"a.txt": FIGURES}, [Task(id="t1", instruction="REVENUE of 2022")], growth)
    assert (result.answer, result.confidence, result.warnings) == ("It grew by 22.8 %.", 0.8, ())
    (calculation,) = result.calculations
    assert (calculation.expression, calculation.result) == ("(12.4 - 10.1) / 10.1 * 100", "22.8")
    assert result.citations[0].quote == FIGURES.strip()


async def test_arithmetic_that_does_not_hold_costs_confidence(run: Asking) -> None:
    """A number that stands nowhere, a division by zero: the answer stays, with a warning."""
    wrong = Decision(answer="{{12.4 * 7.7}}, {{1/0}}", findings=("f1",), confidence=0.8)
    result, _ = await run({"a.txt": FIGURES}, [Task(id="t1", instruction="REVENUE")], wrong)
    assert result.answer == "95.48, 1/0"
    assert result.confidence < 0.8
    assert len(result.warnings) == 2
