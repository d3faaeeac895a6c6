"""The public API, over real loopback HTTP with scripted models: an answer, its citations, its bill."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.errors import (
    AuthenticationError,
    EgressRefusedError,
    PriceUnknownError,
    ServerError,
    UsageError,
)
from minions.ledger.ledger import Ledger
from minions.network import endpoints
from minions.store.runs import Runs
from minions.store.store import Store
from minions.testing import LoopbackServer, faults
from minions.values.events import AnswerEvent, CloudCallEvent, FindingEvent, JobEvent, PlanEvent
from minions.verify import verify_answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.answers import Answer
    from minions.values.chat import ChatRequest

QUESTION = "What was net revenue in 2022?"
REPORT = """# Annual report

## Foreword

It was a good year for everybody at the quay.

## Results

| Item | 2021 | 2022 |
| --- | --- | --- |
| Sales | 11.0 | 13.0 |
| Net revenue | 10.1 | 12.4 |
| Cost | 3.0 | 4.1 |
"""
SECRET = "Questions about revenue go to Ms Hall. The combination of the safe is 4711."
PLAN = {
    "tasks": [
        {"instruction": "State net revenue in 2022.", "output": "number", "search": ["net revenue"]}
    ]
}
DECISION = {"answer": "12.4", "findings": ["f1"], "confidence": 0.9, "tasks": []}
YES, NO = {"yes": -0.1, "no": -2.4}, {"no": -0.1, "yes": -2.4}


class Office:
    """Plays all roles: plans, decides, and reads for the row that holds ``Net revenue``."""

    def __init__(self) -> None:
        self.plan: dict[str, Any] = PLAN
        self.decisions: list[dict[str, Any]] = [DECISION]

    def __call__(self, request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if "Question:" in text and "Findings:" in text:
            return self.decisions.pop(0) if len(self.decisions) > 1 else self.decisions[0]
        if "Question:" in text:
            return self.plan
        if "Does this passage" in text:
            first_token = YES if "Net revenue" in text else NO
            return _look(first_token)
        row = re.search(r"^(\d+): .*Net revenue", text, re.MULTILINE)
        return {"lines": [int(row[1])] if row else [], "answer": "12.4" if row else None}


def _look(first_token: dict[str, float]) -> Any:
    from minions.values.chat import Completion, Usage

    text = max(first_token, key=first_token.__getitem__)
    usage = Usage(input_tokens=100, output_tokens=1)
    return Completion(text=text, finish_reason="length", usage=usage, first_token=first_token)


@pytest.fixture
def office() -> Office:
    """The script of both servers."""
    return Office()


@pytest.fixture
def cloud(office: Office) -> Iterator[LoopbackServer]:
    """The planner's endpoint, which counts what it gets."""
    with LoopbackServer(office, api_key="sk-right") as server:
        yield server


@pytest.fixture
def device(office: Office) -> Iterator[LoopbackServer]:
    """The worker's endpoint."""
    with LoopbackServer(office, api_key="sk-right") as server:
        yield server


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Two documents, one of them with a secret."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "report.md").write_text(REPORT, encoding="utf-8")
    (folder / "secret.txt").write_text(SECRET, encoding="utf-8")
    return folder


@pytest.fixture
def minions(
    cloud: LoopbackServer, device: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Minions]:
    """The API over both servers."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    with Minions(
        planner=f"openai:gpt-5.4@{cloud.openai_url}",
        worker=f"openai:reader@{device.openai_url}",
        attempts=1,
    ) as instance:
        yield instance


def _entries(minions: Minions, answer: Answer) -> Any:
    with Store.open(minions.home / "minions.sqlite3") as store:
        return Ledger(store).entries(run_id=answer.run_id)


def test_an_answer_cites_the_documents_own_text(minions: Minions, documents: Path) -> None:
    """The right answer, with a citation that stands at its offsets in the file."""
    answer = minions.ask(QUESTION, documents)
    (citation,) = answer.citations
    assert (answer.answer, answer.stop_reason) == ("12.4", "answered")
    assert citation.quote == "| Net revenue | 10.1 | 12.4 |"
    assert REPORT[citation.start : citation.end] == citation.quote
    assert [check.status for check in verify_answer(answer)] == ["ok"]


def test_the_bill_is_what_the_server_counted(
    minions: Minions, documents: Path, cloud: LoopbackServer
) -> None:
    """Requests and tokens of the ledger equal those of the server, to the token; one round is two cloud calls."""
    answer = minions.ask(QUESTION, documents)
    planner = answer.usage.planner
    assert planner.calls == len(cloud.requests) == 2
    assert planner.input_tokens == sum(usage.input_tokens for usage in cloud.usages)
    assert planner.output_tokens == sum(usage.output_tokens for usage in cloud.usages)
    assert planner.cost_usd is not None
    assert planner.cost_usd > 0
    assert answer.baseline is not None


def test_workers_are_entered_too(minions: Minions, documents: Path, device: LoopbackServer) -> None:
    """Every physical attempt on the device is an entry, at no cost."""
    answer = minions.ask(QUESTION, documents)
    assert answer.usage.worker.calls == len(device.requests) == 3
    assert answer.usage.worker.cost_usd == 0


def test_documents_never_go_to_the_cloud(
    minions: Minions, documents: Path, cloud: LoopbackServer
) -> None:
    """What no worker found does not leave the device; the egress log holds what did, to the byte."""
    minions.ask(QUESTION, documents)
    sent = b"".join(request.body for request in cloud.requests)
    assert b"4711" not in sent
    assert b"good year" not in sent
    assert str(documents).encode() not in sent


def test_strict_keeps_quotes_and_names_at_home(
    minions: Minions, documents: Path, cloud: LoopbackServer
) -> None:
    """Under policy strict only answers and counts go up."""
    answer = minions.ask(QUESTION, documents, policy="strict")
    sent = b"".join(request.body for request in cloud.requests)
    assert answer.citations[0].quote.startswith("| Net revenue")
    for kept in (b"| Net revenue", b"report.md", b"Results"):
        assert kept not in sent


def test_another_round_costs_one_more_call(
    minions: Minions, documents: Path, cloud: LoopbackServer, office: Office
) -> None:
    """Deciding and planning again are one call; an earlier round's finding can be cited."""
    more = {
        "answer": None,
        "findings": [],
        "confidence": 0,
        "tasks": [{**PLAN["tasks"][0], "search": ["cost"]}],
    }
    office.decisions = [more, {**DECISION, "findings": ["f1", "f2"]}]
    answer = minions.ask(QUESTION, documents)
    assert len(cloud.requests) == 3
    assert len(answer.rounds) == 2
    assert answer.citations[0].quote == "| Net revenue | 10.1 | 12.4 |"
    last = json.loads(cloud.requests[-1].body)["messages"][-1]["content"]
    assert "Earlier: t1 State net revenue in 2022. -> f1 12.4" in last


def test_no_answer_is_said(minions: Minions, documents: Path, office: Office) -> None:
    """A question the documents do not answer has no answer, and no citation."""
    office.decisions = [{"answer": None, "findings": [], "confidence": 0, "tasks": []}]
    answer = minions.ask(QUESTION, documents)
    assert (answer.answer, answer.stop_reason, answer.citations) == (None, "no_answer", ())


def test_findings_that_do_not_exist_are_not_cited(
    minions: Minions, documents: Path, office: Office
) -> None:
    """A planner that invents ids is found out."""
    office.decisions = [{**DECISION, "findings": ["f9"]}]
    answer = minions.ask(QUESTION, documents)
    assert answer.citations == ()
    assert any("f9" in warning for warning in answer.warnings)
    assert any("cites no finding" in warning for warning in answer.warnings)


def test_a_budget_stops_with_what_was_found(
    minions: Minions, documents: Path, cloud: LoopbackServer, office: Office
) -> None:
    """The call that could pass the limit is not made; the findings so far are in the partial answer, on disk too."""
    wordy = {
        **PLAN["tasks"][0],
        "instruction": "State net revenue in 2022, and do so in many words. " * 12,
    }
    office.plan = {"tasks": [wordy] * 4}  # four tasks make the second call the larger one
    plan_only = 3_000
    answer = minions.ask(QUESTION, documents, max_cloud_tokens=plan_only, planner_output_tokens=400)
    spent = sum(usage.input_tokens + usage.output_tokens for usage in cloud.usages)
    assert (answer.stop_reason, answer.answer, len(cloud.requests)) == ("budget", None, 1)
    assert spent <= plan_only
    assert answer.citations[0].quote == "| Net revenue | 10.1 | 12.4 |"
    assert answer.warnings[-1].startswith("budget:")
    with Store.open(minions.home / "minions.sqlite3") as store:
        run = Runs(store).get("last")
    assert run.answer == answer


def test_a_cost_limit_needs_a_price(
    minions: Minions, documents: Path, device: LoopbackServer
) -> None:
    """Without a known price a limit in dollars cannot be kept, so nothing is sent; stating the price mends it."""
    planner = f"openai:nobody-knows-it@{device.openai_url}"
    with pytest.raises(PriceUnknownError) as caught:
        minions.ask(QUESTION, documents, planner=planner, max_cost="0.5")
    assert device.requests == []
    assert "--price" in (caught.value.hint or "")
    answer = minions.ask(
        QUESTION, documents, planner=planner, max_cost="0.5", prices=["nobody-knows-it=1/2"]
    )
    assert answer.answer == "12.4"
    assert answer.usage.planner.cost_usd is not None
    assert answer.usage.planner.cost_usd < Decimal("0.5")


def test_a_remote_worker_is_refused_before_anything_is_read(
    minions: Minions, documents: Path
) -> None:
    """Workers read the documents, so they are on this machine unless the user says otherwise."""
    with pytest.raises(EgressRefusedError, match="not on this machine"):
        minions.ask(QUESTION, documents, worker="openai:reader@http://192.0.2.1:8080/v1")
    with pytest.raises(EgressRefusedError, match="cloud"):
        minions.ask(QUESTION, documents, worker="ollama:gpt-oss:120b-cloud")


def test_local_only_refuses_a_cloud_planner(
    minions: Minions, documents: Path, cloud: LoopbackServer
) -> None:
    """With --local-only no cloud call can be made by accident."""
    with pytest.raises(EgressRefusedError):
        minions.ask(QUESTION, documents, local_only=True)
    assert cloud.requests == []


def test_without_a_cloud_the_worker_plans_and_says_so(
    documents: Path, device: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key: the same two calls, by the local model, and a warning that tells."""
    with Minions(worker=f"openai:reader@{device.openai_url}", openai_api_key=None) as minions:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        device.api_key = None
        answer = minions.ask(QUESTION, documents)
    assert answer.answer == "12.4"
    assert answer.usage.planner.calls == 2
    assert answer.usage.planner.cost_usd == 0
    assert any("no cloud planner is configured" in warning for warning in answer.warnings)


def test_a_wrong_key_is_said_and_entered(
    minions: Minions, documents: Path, cloud: LoopbackServer
) -> None:
    """The failed attempt is in the ledger; the run's record says how it ended."""
    cloud.api_key = "another"
    with pytest.raises(AuthenticationError):
        minions.ask(QUESTION, documents)
    with Store.open(minions.home / "minions.sqlite3") as store:
        run = Runs(store).get("last")
        (entry,) = Ledger(store).entries(run_id=run.run_id)
    assert (run.status, entry.status) == ("error", "authentication_error")
    assert entry.cost_usd == 0


def test_workers_that_all_fail_end_the_run(
    minions: Minions, documents: Path, device: LoopbackServer
) -> None:
    """No evidence because nothing could be read is not the same as no answer."""
    device.fail_next(*[faults.server_error()] * 20)
    with pytest.raises(ServerError, match="all 2 jobs failed"):
        minions.ask(QUESTION, documents)


def test_one_failed_job_is_counted_and_the_rest_answers(
    minions: Minions, documents: Path, device: LoopbackServer
) -> None:
    """The failure of one job does not touch the others."""
    device.fail_next(faults.garbage())
    answer = minions.ask(QUESTION, documents)
    assert answer.coverage.failed == 1
    assert answer.coverage.found + answer.coverage.abstained == 1


async def test_streaming_tells_each_event_and_ends_with_the_answer(
    minions: Minions, documents: Path
) -> None:
    """A page can show the run as it happens."""
    events = [event async for event in minions.stream(QUESTION, documents)]
    kinds = [type(event) for event in events]
    assert kinds[-1] is AnswerEvent
    assert kinds.count(PlanEvent) == 1
    assert kinds.count(JobEvent) == 2
    assert kinds.count(FindingEvent) == 1
    assert kinds.count(CloudCallEvent) == 2


async def test_leaving_a_stream_interrupts_the_run(minions: Minions, documents: Path) -> None:
    """Who stops listening stops the run, and the record says so."""
    events = minions.stream(QUESTION, documents)
    async for event in events:
        if isinstance(event, PlanEvent):
            break
    await events.aclose()
    with Store.open(minions.home / "minions.sqlite3") as store:
        assert Runs(store).get("last").status == "interrupted"


async def test_ask_inside_a_running_loop_says_what_to_do(minions: Minions, documents: Path) -> None:
    """In a notebook the sync call points to its async twin."""
    with pytest.raises(UsageError, match="running event loop"):
        minions.ask(QUESTION, documents)
    assert (await minions.aask(QUESTION, documents)).answer == "12.4"


async def test_questions_can_be_asked_side_by_side(minions: Minions, documents: Path) -> None:
    """Several runs share a home without mixing their bills."""
    answers = await asyncio.gather(*(minions.aask(QUESTION, documents) for _ in range(4)))
    assert {answer.answer for answer in answers} == {"12.4"}
    assert len({answer.run_id for answer in answers}) == 4
    assert {answer.usage.planner.calls for answer in answers} == {2}


def test_an_empty_question_is_refused(minions: Minions, documents: Path) -> None:
    """Nothing is sent for nothing."""
    with pytest.raises(UsageError, match="empty"):
        minions.ask("  ", documents)


def test_unreadable_files_are_listed_and_the_rest_answers(
    minions: Minions, documents: Path
) -> None:
    """One broken file among many does not stop the run."""
    (documents / "empty.txt").touch()
    (documents / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    answer = minions.ask(QUESTION, documents)
    assert answer.answer == "12.4"
    assert sorted(item.path.rsplit("/", 1)[-1] for item in answer.coverage.unreadable) == [
        "broken.pdf",
        "empty.txt",
    ]


def test_what_was_found_is_on_disk_before_the_planner_decides(
    minions: Minions, documents: Path, cloud: LoopbackServer, office: Office
) -> None:
    """A process killed while the cloud decides loses no finding."""
    seen: list[Any] = []

    def look_at_the_record(request: ChatRequest) -> Any:
        if "Findings:" in request.messages[-1].content:
            with Store.open(minions.home / "minions.sqlite3") as store:
                seen.append(Runs(store).get("last"))
        return office(request)

    cloud._script._replier = look_at_the_record
    minions.ask(QUESTION, documents)
    assert seen[0].status == "running"
    assert seen[0].answer.citations[0].quote == "| Net revenue | 10.1 | 12.4 |"


def test_a_remote_worker_is_metered_limited_and_logged(
    minions: Minions, documents: Path, device: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads elsewhere is a cloud call: it has a price, its bytes are on record, and limits hold for it."""
    monkeypatch.setattr(
        endpoints, "is_loopback_url", lambda _: False
    )  # as if it were another machine
    remote: dict[str, Any] = {
        "worker": f"openai:gpt-5.4-mini@{device.openai_url}",
        "allow_remote_workers": True,
    }
    answer = minions.ask(QUESTION, documents, **remote)
    worker = [entry for entry in _entries(minions, answer) if entry.role == "worker"]
    assert len(worker) == len(device.requests) > 0
    assert all(entry.cloud and entry.cost_usd for entry in worker)
    assert {request.body for request in device.requests} <= set(minions.egress(answer.run_id))
    sent = len(device.requests)
    dear = ["gpt-5.4-mini=100000/100000", "gpt-5.4=0.001/0.001"]
    assert (
        minions.ask(QUESTION, documents, max_cost=1, prices=dear, cache=False, **remote).stop_reason
        == "budget"
    )
    assert len(device.requests) == sent
    with pytest.raises(EgressRefusedError):
        minions.ask(QUESTION, documents, local_only=True, planner="local", **remote)


def test_a_stop_in_round_two_keeps_what_both_rounds_found(
    minions: Minions, documents: Path, office: Office, cloud: LoopbackServer
) -> None:
    """The cloud fails when it should decide for the second time: the record holds the findings of every round."""
    more = {"answer": None, "findings": [], "confidence": 0, "tasks": [PLAN["tasks"][0]]}

    def ask_for_more_then_fail(request: ChatRequest) -> Any:
        if "Findings:" not in request.messages[-1].content:
            return office(request)
        cloud.fail_next(faults.server_error())
        return more

    cloud._script._replier = ask_for_more_then_fail
    with pytest.raises(ServerError):
        minions.ask(QUESTION, documents)
    with Store.open(minions.home / "minions.sqlite3") as store:
        run = Runs(store).get("last")
    assert run.status == "error"
    assert run.answer is not None
    assert [summary.found for summary in run.answer.rounds] == [1, 1]
    assert [citation.id for citation in run.answer.citations] == ["f1", "f2"]


def test_what_was_read_is_not_read_again(
    minions: Minions, documents: Path, device: LoopbackServer
) -> None:
    """The same question over the same text asks no worker again, even when the file has moved; its citation stands in
    the new place.
    """
    first = minions.ask(QUESTION, documents)
    asked = len(device.requests)
    (documents / "archive").mkdir()
    (documents / "report.md").rename(documents / "archive" / "report.md")
    again = minions.ask(QUESTION, documents)
    assert len(device.requests) == asked
    assert (again.answer, again.usage.worker.calls) == (first.answer, 0)
    assert again.citations[0].path == str(documents / "archive" / "report.md")
    assert [check.status for check in verify_answer(again)] == ["ok"]


def test_without_the_cache_everything_is_read(
    minions: Minions, documents: Path, device: LoopbackServer
) -> None:
    """Who wants to measure, or to see whether a model answers the same twice, turns it off."""
    for _ in range(2):
        minions.ask(QUESTION, documents, cache=False)
    assert len(device.requests) == 2 * 3


def test_reading_ends_early_where_passages_agree(
    minions: Minions, documents: Path, cloud: LoopbackServer
) -> None:
    """With ``enough``, what is left is skipped, told and counted; asked again, the question reads nothing and sends up
    the same.
    """
    for year in range(2022, 2028):
        (documents / f"report-{year}.md").write_text(
            f"{REPORT}\nPrinted in {year}.\n", encoding="utf-8"
        )
    told: list[Any] = []
    asked: dict[str, Any] = {"concurrency": 1, "enough": 2, "max_rounds": 1}
    answer = minions.ask(QUESTION, documents, observe=told.append, **asked)
    skipped = [event for event in told if isinstance(event, JobEvent) and event.status == "skipped"]
    assert (answer.answer, answer.coverage.read, answer.coverage.skipped) == (
        "12.4",
        2,
        len(skipped),
    )
    assert answer.coverage.read + len(skipped) == answer.rounds[0].jobs
    assert {event.reason for event in skipped} == {"enough findings agree without it"}
    sent = [json.loads(request.body)["messages"] for request in cloud.requests]
    assert f"read 2 of {answer.coverage.chunks} passages" in sent[1][-1]["content"]
    again = minions.ask(QUESTION, documents, **asked)
    assert (again.coverage, again.usage.worker.calls) == (answer.coverage, 0)
    assert [json.loads(request.body)["messages"] for request in cloud.requests][2:] == sent
