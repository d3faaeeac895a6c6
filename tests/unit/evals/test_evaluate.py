"""Evaluating from Python: the settings of the call count, and what cannot work is refused first."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.errors import EgressRefusedError, UsageError
from minions.evals.columns import read_columns
from minions.evals.evaluate import Wanted, evaluate, share_of_limits
from minions.settings import Settings
from minions.testing import LoopbackServer
from minions.values.answers import Answer
from minions.values.plans import Plan, Task

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
    from pathlib import Path

    from minions.values.chat import ChatRequest

QUESTION = "How tall is the lighthouse at Skerrow?"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
FILLER = "Ships of all sizes call at the harbour on the other side. "


def play(request: ChatRequest) -> Any:
    """Plans to read everything, points at the line, and answers from the first finding."""
    text = request.messages[-1].content
    if "Findings:" in text:
        return {"answer": "41 metres", "findings": ["f1"], "confidence": 0.9, "tasks": []}
    if "Question:" in text:
        return {"tasks": [{"instruction": QUESTION, "search": []}]}
    line = re.search(r"^(\d+): .*41 metres", text, re.MULTILINE)
    return {"lines": [int(line[1])] if line else [], "answer": "41 metres" if line else None}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """Planner and worker."""
    with LoopbackServer(play) as server:
        yield server


@pytest.fixture
def minions(server: LoopbackServer) -> Iterator[Minions]:
    """The API over the server."""
    models = {
        "planner": f"openai:planner@{server.openai_url}",
        "worker": f"openai:reader@{server.openai_url}",
    }
    with Minions(
        models["planner"], models["worker"], openai_api_key="key-of-the-test", attempts=1
    ) as instance:
        yield instance


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Path]:
    """A data set of one question, and the document that answers it in its middle."""
    documents, dataset = tmp_path / "docs", tmp_path / "lights.jsonl"
    documents.mkdir()
    (documents / "guide.txt").write_text(f"{FILLER * 40}\n{SENTENCE}\n{FILLER * 40}\n")
    line = {"id": "q1", "question": QUESTION, "answer": "41 metres", "documents": ["guide.txt"]}
    dataset.write_text(json.dumps(line))
    return {"dataset": dataset, "documents": documents, "output": tmp_path / "kept"}


@pytest.mark.parametrize("chunk_tokens", [100, 500])
def test_the_settings_of_the_call_count(minions: Minions, asked: Any, chunk_tokens: int) -> None:
    """Whatever the chunks of this evaluation are: what was read and cited is told over these."""
    report = minions.evaluate(**asked, chunk_tokens=chunk_tokens)
    (outcome,) = report.outcomes["minions"]
    assert (outcome.score, outcome.evidence_read, outcome.evidence_cited) == (1.0, True, True)
    assert outcome.citations_right == 1.0
    assert report.summaries[0].planner == "openai:planner"


def test_a_planner_of_the_call_is_the_one_named(minions: Minions, asked: Any) -> None:
    """The report names the models that answered."""
    (summary,) = minions.evaluate(**asked, planner="local").summaries
    assert (summary.planner, summary.cloud_input_tokens, summary.score.mean) == ("local", 0, 1.0)


@pytest.mark.parametrize(
    ("protocols", "error"),
    [
        ((), UsageError),
        (("minions", "riddle"), UsageError),
        (("minions", "rag"), EgressRefusedError),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_asked(
    minions: Minions,
    asked: Any,
    server: LoopbackServer,
    protocols: tuple[str, ...],
    error: type[Exception],
) -> None:
    """No protocol is paid for when another of them is none, or is not allowed."""
    with pytest.raises(error):
        minions.evaluate(**asked, protocols=protocols)
    assert server.requests == []
    assert not asked["output"].exists()


def test_a_score_can_be_told_again_without_traces(minions: Minions, asked: Any) -> None:
    """Who deletes the traces keeps the answers and scores; only the stages are unknown."""
    minions.evaluate(**asked)
    (asked["output"] / "minions.traces.jsonl").unlink()
    (outcome,) = minions.evaluate(**asked).outcomes["minions"]
    assert (outcome.score, outcome.evidence_read, outcome.evidence_cited) == (1.0, None, True)


def test_protocols_share_the_limits() -> None:
    """Three protocols together never pass what the user allowed, in dollars or tokens; no limit stays none."""
    limited = Settings.load({"max_cost": "0.10", "max_cloud_tokens": 1000})
    share = share_of_limits(limited, 3)
    assert Decimal("0.09999") < 3 * share["max_cost"] <= Decimal("0.10")
    assert 3 * share_of_limits(Settings.load({"max_cost": "0.2"}), 3)["max_cost"] <= Decimal("0.2")
    assert 3 * share["max_cloud_tokens"] <= 1000
    assert share_of_limits(Settings.load({}), 3) == {}


def test_a_plan_is_its_questions_alone(
    minions: Minions, asked: Any, server: LoopbackServer
) -> None:
    """Questions in the same words about other documents keep their own plans, blanks around them or not; one without a
    plan has its planner's.
    """
    texts = {"a": QUESTION, "b": f" {QUESTION}\n", "c": QUESTION}
    lines = [{"id": id_, "question": text, "answer": "41 metres"} for id_, text in texts.items()]
    asked["dataset"].write_text("".join(json.dumps(line) + "\n" for line in lines))
    plans = asked["dataset"].with_name("plans.jsonl")
    given = [
        {"id": id_, "tasks": [{"instruction": f"State the height for {id_}."}]}
        for id_ in ("a", "b")
    ]
    plans.write_text("".join(json.dumps(line) + "\n" for line in given))
    outcomes = minions.evaluate(**asked, plans=plans).outcomes["minions"]
    assert [one.planned_in for one in outcomes] == ["plans.jsonl", "plans.jsonl", None]
    bodies = [request.body.decode() for request in server.requests]
    planned = [body for body in bodies if "You plan how" in body]
    assert len(planned) == 1
    assert all(any(f"State the height for {id_}." in body for body in bodies) for id_ in ("a", "b"))


async def test_a_plan_may_be_given_by_the_question(
    minions: Minions, asked: Any, server: LoopbackServer
) -> None:
    """From Python, for all that ask it."""
    plan = Plan(tasks=(Task(id="t1", instruction="State the height."),))
    plans = {f"{QUESTION} ": plan}
    answers = [
        answer.answer async for answer in minions.map([QUESTION], asked["documents"], plans=plans)
    ]
    assert answers == ["41 metres"]
    assert not any("You plan how" in request.body.decode() for request in server.requests)


def test_what_was_asked_again_is_billed_with_all_its_runs(minions: Minions, asked: Any) -> None:
    """A question that failed, and was answered the second time, took the calls of both; a failed one scores nothing."""
    with LoopbackServer(
        lambda request: play(request) if "plan how" in str(request) else "riddle"
    ) as broken:
        (failed,) = minions.evaluate(
            **asked, planner=f"openai:planner@{broken.openai_url}"
        ).outcomes["minions"]
        spent = sum(usage.input_tokens for usage in broken.usages)
    assert failed.error is not None
    assert (failed.score, failed.contains, failed.f1) == (0, 0, 0)
    assert failed.cloud_input_tokens == spent > 0
    (outcome,) = minions.evaluate(**asked, retry_errors=True).outcomes["minions"]
    assert outcome.error is None
    assert outcome.cloud_input_tokens > spent


class Oracle:
    """Asks nobody: answers each question with the same words, and notes the settings it was called with."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings: dict[str, Any] = {}

    async def map(
        self, questions: Iterable[Mapping[str, Any]], paths: Path, *, output: Path, **settings: Any
    ) -> AsyncGenerator[Answer]:
        self.settings = settings | {"paths": paths}
        for question in questions:
            values: dict[str, Any] = {
                "id": question["id"],
                "question": question["question"],
                "run_id": "r1",
            }
            answer = Answer(**values, answer="41 metres", confidence=1.0, stop_reason="answered")
            with output.open("a") as file:
                file.write(answer.model_dump_json() + "\n")
            yield answer


async def test_whatever_maps_questions_to_answers_can_be_evaluated(
    asked: Any, tmp_path: Path
) -> None:
    """An evaluation needs a home and a ``map``, no more; a column's share of the limits and its settings come first."""
    oracle = Oracle(tmp_path / "home")
    oracle.home.mkdir()
    settings = {"planner": "local", "worker": "ollama:reader", "max_cloud_tokens": 1000}
    columns = {
        column: Settings.load({**settings, **column.settings})
        for column in read_columns(["minions", "local"])
    }
    wanted = Wanted(columns=columns, **asked)
    report = await evaluate(oracle, wanted, lambda _: None, protocol="rag", max_tasks=3)
    assert [summary.score.mean for summary in report.summaries] == [1.0, 1.0]
    expected = {
        "protocol": "local",
        "max_tasks": 3,
        "max_cloud_tokens": 500,
        "retry_errors": False,
        "plans": {},
    }
    expected |= {"paths": asked["documents"]}
    assert {name: oracle.settings[name] for name in expected} == expected
