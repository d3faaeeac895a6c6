"""Estimate of a question before it is asked."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.errors import EgressRefusedError
from minions.estimate import (
    DECISION_INPUT_TOKENS,
    MESSAGE_INPUT_TOKENS,
    PLAN_INPUT_TOKENS,
    REPLY_INPUT_TOKENS,
    WHOLE_INPUT_TOKENS,
    measured_tokens_per_s,
)
from minions.ledger.entries import Entry
from minions.ledger.ledger import Ledger
from minions.network.reference import ModelRef
from minions.store.store import Store
from minions.testing import ScriptedModel
from minions.text.tokens import estimate_tokens
from minions.values.documents import CorpusCard
from minions.values.findings import Digest
from minions.values.plans import History
from minions_planners.chat import ChatPlanner
from minions_planners.cloud import CloudPlanner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minions.estimate import Estimate
    from minions.ports import Planner

OF_THE_SEA = "What is said of the sea?"
QUESTION = "How tall is the lighthouse at Skerrow?"
CLOUD: dict[str, Any] = {
    "planner": "openai:p",
    "worker": "ollama:w",
    "openai_api_key": "k",
    "prices": ("openai:p=2/10",),
}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with forty pages of text."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(40):
        text = "\n\n".join(
            f"Paragraph {n} of part {number} says little about the sea." for n in range(30)
        )
        (folder / f"part{number}.txt").write_text(text)
    return folder


def estimate(docs: Path, question: str = QUESTION, **settings: Any) -> Estimate:
    with Minions(**{**CLOUD, **settings}) as minions:
        return minions.estimate(question, docs)


def entry(latency_s: float, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "run_id": "r",
        "round": 1,
        "role": "worker",
        "cloud": False,
        "provider": "ollama",
        "model": "w",
        "endpoint": "http://127.0.0.1:11434",
        "at": "2026-01-01T00:00:00+00:00",
        "input_tokens": 1000,
        "cost_usd": 0,
        "status": "ok",
    }
    return Entry(**{**values, **changes}, latency_s=latency_s)


def test_the_price_of_a_typical_run_is_its_tokens_times_the_stated_price(docs: Path) -> None:
    """Two calls for one round; dollars follow from tokens and the price that the user stated."""
    typical = estimate(docs).typical
    assert (typical.rounds, typical.calls) == (1, 2)
    assert (
        typical.cost_usd
        == (typical.input_tokens * 2 + typical.output_tokens * Decimal(10)) / 1_000_000
    )


PLANNERS: dict[str, tuple[Callable[[ScriptedModel], Planner], int, int]] = {
    "minions": (
        lambda model: CloudPlanner(model, max_tasks=6),
        PLAN_INPUT_TOKENS,
        DECISION_INPUT_TOKENS,
    ),
    "minion": (
        lambda model: ChatPlanner(model, max_turns=4),
        MESSAGE_INPUT_TOKENS,
        REPLY_INPUT_TOKENS,
    ),
}


@pytest.mark.parametrize("protocol", PLANNERS)
async def test_the_fixed_tokens_are_those_of_the_prompts(protocol: str) -> None:
    """The fixed input tokens of the estimate are those of the planner's prompts and schemas."""
    model = ScriptedModel(
        [{"tasks": []}, {"answer": "x", "findings": [], "confidence": 1, "tasks": []}]
    )
    make, *fixed = PLANNERS[protocol]
    planner = make(model)
    await planner.plan("", CorpusCard(documents=0, tokens=0, pages=0, text=""))
    await planner.decide(
        "", Digest(text="", findings=(), gist="", tokens=0), History(rounds_left=1)
    )
    for request, stated in zip(model.requests, fixed, strict=True):
        texts = [message.content for message in request.messages]
        schema = json.dumps(request.json_schema, separators=(",", ":"))
        tokens = sum(estimate_tokens(text) + 6 for text in texts) + estimate_tokens(schema)
        assert tokens == pytest.approx(stated, rel=0.15)


async def test_the_fixed_tokens_of_a_decision_on_passages_are_those_of_its_prompt() -> None:
    """It may ask for nothing further, so that its prompt and schema are shorter."""
    model = ScriptedModel([{"answer": "x", "findings": [], "confidence": 1}])
    digest = Digest(text="", findings=(), gist="", tokens=0, whole=True)
    await CloudPlanner(model, max_tasks=6).decide("", digest, History(rounds_left=0))
    (request,) = model.requests
    schema = json.dumps(request.json_schema, separators=(",", ":"))
    tokens = sum(
        estimate_tokens(message.content) + 6 for message in request.messages
    ) + estimate_tokens(schema)
    assert tokens == pytest.approx(WHOLE_INPUT_TOKENS, rel=0.15)


@pytest.mark.parametrize(("protocol", "chunks"), [("rag", 3), ("remote", None)])
def test_what_sends_passages_is_one_call_and_reads_nothing_here(
    docs: Path, protocol: str, chunks: int | None
) -> None:
    """All rounds are one; a planner on this machine reads the same, here, and costs nothing."""
    asked = {"protocol": protocol, "policy": "open", "rag_chunks": 3}
    cloud, here = (
        estimate(docs, OF_THE_SEA, **asked, planner=planner) for planner in ("openai:p", "local")
    )
    assert (cloud.typical.calls, cloud.upper.calls, cloud.upper.rounds) == (1, 1, 1)
    assert (cloud.local.jobs, cloud.local.input_tokens, cloud.local.minutes) == (0, 0, 0)
    assert (here.typical.calls, here.local.chunks) == (0, chunks or here.chunks)
    assert here.local.input_tokens == pytest.approx(cloud.typical.input_tokens, rel=0.1)
    assert here.local.minutes > 0


def test_retrieval_sends_more_where_it_may_and_everything_is_all(docs: Path) -> None:
    """The chunks that the question finds, as many as are to go up; under remote every one."""
    few, more = (
        estimate(docs, OF_THE_SEA, protocol="rag", policy="open", rag_chunks=count)
        for count in (2, 8)
    )
    whole = estimate(docs, OF_THE_SEA, protocol="remote", policy="open")
    assert few.typical.input_tokens < more.typical.input_tokens < whole.typical.input_tokens
    assert whole.typical.input_tokens > whole.tokens
    none = estimate(docs, protocol="rag", policy="open")  # its words stand nowhere
    assert none.typical.input_tokens < few.typical.input_tokens / 2


@pytest.mark.parametrize("protocol", ["rag", "remote"])
def test_what_would_be_refused_is_refused_at_once(docs: Path, protocol: str) -> None:
    """No price is told for a run that the policy forbids."""
    with pytest.raises(EgressRefusedError, match="policy findings does not allow"):
        estimate(docs, protocol=protocol)


@pytest.mark.parametrize("protocol", ["minions", "minion"])
def test_a_planner_that_is_the_worker_asks_for_no_second_round(docs: Path, protocol: str) -> None:
    """So that one round is the most; another model on this machine may take them all."""
    assert estimate(docs, protocol=protocol, planner="local").upper.rounds == 1
    assert estimate(docs, protocol=protocol, planner="ollama:p").upper.rounds == (
        4 if protocol == "minion" else 2
    )


def test_the_limit_of_jobs_bounds_what_a_chat_holds(docs: Path) -> None:
    """Samples are jobs, too."""
    local = estimate(
        docs, protocol="minion", context_tokens=1_000_000, max_jobs=10, samples=2
    ).local
    assert (local.jobs, local.chunks) == (10, 5)


def test_the_upper_bound_grows_with_the_limits(docs: Path) -> None:
    """More rounds and longer replies cost more; nothing typical costs more than the most."""
    small, large = (
        estimate(docs, max_rounds=1),
        estimate(docs, max_rounds=4, planner_output_tokens=4000),
    )
    assert small.typical.input_tokens <= small.upper.input_tokens < large.upper.input_tokens
    assert large.upper.calls == 5
    assert large.upper.output_tokens == 20_000


def test_a_chat_reads_what_it_holds_in_one_request_a_message(docs: Path) -> None:
    """Its messages are its limit, its context what is read, once; more context reads more."""
    small, large = (
        estimate(docs, protocol="minion", context_tokens=size) for size in (4_096, 1_000_000)
    )
    assert small.upper.calls == large.upper.calls == 5
    assert small.typical.input_tokens < estimate(docs).typical.input_tokens
    assert (large.local.chunks, large.local.output_tokens) == (
        large.chunks,
        small.local.output_tokens,
    )
    assert 0 < small.local.chunks < large.local.chunks
    assert small.local.input_tokens < 5_000 < large.local.input_tokens


def test_an_unknown_price_is_unknown(docs: Path) -> None:
    """A model that nobody has a price for costs None, not 0."""
    estimated = estimate(docs, prices=(), planner="openai:nobodys-model@http://127.0.0.1:9/v1")
    assert estimated.typical.cost_usd is None
    assert estimated.baseline.remote_only.cost_usd is None


def test_a_local_run_costs_nothing_and_says_what_a_cloud_would(docs: Path) -> None:
    """Without a cloud no call is billed; the alternatives are priced as the default cloud planner's."""
    estimated = estimate(docs, planner="local")
    assert estimated.typical.calls == 0
    assert estimated.typical.cost_usd == estimated.upper.cost_usd == Decimal(0)
    assert estimated.baseline.remote_only.cost_usd


def test_local_work_is_capped_by_the_corpus(docs: Path) -> None:
    """Two tasks over the best chunks of each, or over the few chunks there are."""
    many, few = estimate(docs).local, estimate(docs / "part0.txt").local
    assert (many.chunks, many.jobs) == (16, 16)
    assert few.chunks == 1
    assert few.jobs == 2
    assert few.minutes < many.minutes


def test_the_alternatives_read_the_whole_corpus(docs: Path) -> None:
    """Everything in the prompt is the corpus and the question; retrieval is a part of it."""
    estimated = estimate(docs)
    assert estimated.baseline.remote_only.input_tokens == estimated.tokens + estimate_tokens(
        QUESTION
    )
    assert estimated.baseline.rag.input_tokens < estimated.baseline.remote_only.input_tokens


def test_no_call_is_made_and_nothing_recorded(docs: Path) -> None:
    """An estimate leaves the ledger as it was."""
    with Minions(**CLOUD) as minions:
        minions.estimate(QUESTION, docs)
        with Store.open(minions.home / "minions.sqlite3") as store:
            assert Ledger(store).entries() == []


def test_speed_is_measured_where_there_is_a_past() -> None:
    """The median of this worker's good calls; cached tokens, other models and failures do not count."""
    with Store.memory() as store:
        ledger = Ledger(store)
        assert measured_tokens_per_s(ledger, ModelRef.parse("ollama:w")) is None
        for latency_s in (10, 20, 50):
            ledger.append(entry(latency_s))
        ledger.append(entry(1, model="other"))
        ledger.append(entry(1, status="server_error"))
        ledger.append(entry(1, cached_input_tokens=1000))
        assert measured_tokens_per_s(ledger, ModelRef.parse("ollama:w")) == 50


def test_an_estimate_names_what_asking_would_use(docs: Path) -> None:
    """The planner, the worker, and why they were chosen where nobody chose them."""
    estimated = estimate(docs, planner=None, openai_api_key=None)
    assert (estimated.planner, estimated.worker) == ("local", "ollama:w")
    assert "OPENAI_API_KEY" in estimated.notes[0]
    assert (estimated.documents, estimate(docs).planner) == (40, "openai:p")
