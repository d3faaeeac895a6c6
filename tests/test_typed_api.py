"""The types of the public API, as a type checker sees them: `make lint` checks this file.

Changing what a method takes or returns changes a line here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import minions
from minions import (
    Answer,
    BudgetExceededError,
    ChatModel,
    Citation,
    ConfigError,
    CorpusError,
    EgressRefusedError,
    Event,
    Finding,
    Minions,
    MinionsError,
    ModelError,
    PlanError,
    Planner,
    Settings,
    UsageError,
    Worker,
)
from minions.batch.estimate import BatchEstimate
from minions.batch.results import BatchSummary
from minions.corpus.fts.query import SearchHit
from minions.corpus.index import IndexReport
from minions.doctor import Report as Examination
from minions.estimate import Estimate
from minions.evals.report import Report
from minions.execution.cache import CachedModel
from minions.ledger.egress import Departure, EgressSummary
from minions.ledger.ledger import SummaryRow
from minions.preview import Preview
from minions.store.deletion import Removed
from minions.store.runs import Run
from minions.store.trusted import TrustedFile
from minions.values.chat import ChatRequest, Completion
from minions.values.findings import Digest
from minions.values.jobs import Job, JobResult
from minions.values.plans import Decision, History, Plan
from minions.verify import CitationCheck
from minions.weights.resolving import ModelStatus

if TYPE_CHECKING:
    from minions.testing import FakeClock, ScriptedModel


def blocking(app: Minions, answer: Answer) -> None:
    """What each blocking method returns."""
    assert_type(app.ask("q", "docs", max_cost=0.05), Answer)
    assert_type(app.batch("in.jsonl", output="out.jsonl"), BatchSummary)
    assert_type(app.estimate("q", ["a.txt", Path("b.txt")]), Estimate)
    assert_type(app.estimate_batch("in.jsonl", "docs"), BatchEstimate)
    assert_type(app.evaluate("set.jsonl", "docs"), Report)
    assert_type(app.preview("q", "docs"), Preview)
    assert_type(app.index("docs"), IndexReport)
    assert_type(app.search("words", "docs"), list[SearchHit])
    assert_type(app.runs(), list[Run])
    assert_type(app.show(), Run)
    assert_type(app.ledger("role"), list[SummaryRow])
    assert_type(app.egress(), list[bytes])
    assert_type(app.departures(), list[Departure])
    assert_type(app.egress_summary(), EgressSummary)
    assert_type(app.verify(answer), list[CitationCheck])
    assert_type(app.cache(), list[CachedModel])
    assert_type(app.clear_cache(), int)
    assert_type(app.models(), list[ModelStatus])
    assert_type(app.pull_model("name"), Path)
    assert_type(app.delete_run("last"), Removed)
    assert_type(app.purge(older_than=timedelta(days=30)), Removed)
    assert_type(app.trust("folder"), TrustedFile)
    assert_type(app.trusted(), list[TrustedFile])
    assert_type(app.distrust("folder"), bool)
    assert_type(app.doctor(), Examination)
    assert_type(app.settings, Settings)
    assert_type(app.home, Path)


async def asynchronous(app: Minions) -> None:
    """What each asyncio method returns or yields."""
    assert_type(await app.aask("q", "docs"), Answer)
    assert_type(await app.abatch("in.jsonl", output="out.jsonl"), BatchSummary)
    assert_type(await app.aevaluate("set.jsonl", "docs"), Report)
    assert_type(await app.apreview("q", "docs"), Preview)
    assert_type(app.stream("q", "docs"), AsyncGenerator[Event])
    assert_type(app.map(["q"], "docs"), AsyncGenerator[Answer])


def results(answer: Answer, finding: Finding) -> None:
    """What a program reads of an answer."""
    assert_type(answer.answer, str | None)
    assert_type(answer.citations, tuple[Citation, ...])
    assert_type(answer.confidence, float)
    assert_type(finding.citation, Citation)


async def ports(
    model: ChatModel, planner: Planner, worker: Worker, job: Job, request: ChatRequest
) -> None:
    """What whoever implements a port gives back."""
    assert_type(await model.complete(request), Completion)
    assert_type(await worker.run(job), JobResult)
    assert_type(
        await planner.decide("q", Digest(text="", gist="", tokens=0, findings=()), History()),
        Decision,
    )
    _: type[Plan] = Plan


def errors() -> None:
    """All errors are one family; each says what to do next."""
    family: list[type[MinionsError]] = [
        BudgetExceededError,
        ConfigError,
        CorpusError,
        EgressRefusedError,
    ]
    family += [ModelError, PlanError, UsageError]
    assert_type(family[0]("wrong").hint, str | None)


def kit(clock: FakeClock, model: ScriptedModel) -> ChatModel:
    """The testing kit fits the ports."""
    clock.now_iso()
    return model


def test_every_exported_name_is_used_above() -> None:
    """A name that joins the public API gets a line that a type checker reads."""
    source = Path(__file__).read_text(encoding="utf-8")
    unused = [name for name in minions.__all__ if name != "__version__" and source.count(name) < 2]
    assert unused == []
    public: set[Any] = {name for name in vars(Minions) if not name.startswith("_")}
    assert {name for name in public if f"app.{name}" not in source} == {"close"}
