"""A judge of free text: asked once an answer, on the ledger, within the limits, and only where the policy allows."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.errors import EgressRefusedError, ReplyError, UnreachableError, UsageError
from minions.evals.dataset import Example
from minions.evals.judge import is_judged, judge, judgement_key
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.store.store import Store
from minions.testing import LoopbackServer, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

EXAMPLE = Example(
    id="q",
    question="Why was it built?",
    answers=("To warn ships", "As a warning"),
    kind="abstractive",
)
PRICES = ("openai:planner=1/1", "openai:marker=2/10")
SENTENCE = "The lighthouse at Skerrow was built because ships were lost in fog."


class Marker:
    """A judge that says what it is told to, by the answer it sees."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.reply: Any = {"verdict": "partly"}

    def __call__(self, request: ChatRequest) -> Any:
        self.asked.append(request.messages[-1].content)
        return self.reply


def play(request: ChatRequest) -> Any:
    """Plans to read everything, points at the line, and answers each question in other words."""
    text = request.messages[-1].content
    if "Findings:" in text:
        if "Who" in text:
            return {
                "answer": "The documents do not say.",
                "findings": ["f1"],
                "confidence": 0.9,
                "tasks": [],
            }
        return {
            "answer": "Because of shipwrecks.",
            "findings": ["f1"],
            "confidence": 0.9,
            "tasks": [],
        }
    if "Question:" in text:
        return {"tasks": [{"instruction": "Why was it built?", "search": []}]}
    line = re.search(r"^(\d+): .*Skerrow", text, re.MULTILINE)
    return {"lines": [int(line[1])] if line else [], "answer": "fog" if line else None}


@pytest.fixture
def marker() -> Marker:
    """What the judge's server says."""
    return Marker()


@pytest.fixture
def judging(marker: Marker) -> Iterator[LoopbackServer]:
    """The judge's server."""
    with LoopbackServer(marker) as server:
        yield server


@pytest.fixture
def minions() -> Iterator[Minions]:
    """The API over a planner and a worker of their own."""
    with LoopbackServer(play) as server:
        models = (f"openai:planner@{server.openai_url}", f"openai:reader@{server.openai_url}")
        with Minions(
            *models, openai_api_key="key-of-the-test", attempts=1, prices=PRICES
        ) as instance:
            yield instance


@pytest.fixture
def wanted(tmp_path: Path, judging: LoopbackServer) -> dict[str, Any]:
    """Free text, free text that the planner cannot tell, and a number that no judge is asked about."""
    documents, dataset = tmp_path / "docs", tmp_path / "lights.jsonl"
    documents.mkdir()
    (documents / "guide.txt").write_text(f"{SENTENCE}\nIt is 41 metres tall.\n")
    lines = (
        {
            "id": "why",
            "question": "Why was it built?",
            "answer": "To warn ships",
            "kind": "abstractive",
        },
        {
            "id": "who",
            "question": "Who paid for it?",
            "answer": "The island did",
            "kind": "abstractive",
        },
        {"id": "height", "question": "How tall is it?", "answer": "41 metres", "kind": "numeric"},
    )
    dataset.write_text("".join(json.dumps(line) + "\n" for line in lines))
    where = {"dataset": dataset, "documents": documents, "output": tmp_path / "kept"}
    return {**where, "judge": f"openai:marker@{judging.openai_url}"}


async def test_a_judge_sees_question_known_answers_and_answer() -> None:
    """Nothing else goes up; the reply is bound to a schema of three verdicts."""
    model = ScriptedModel([{"verdict": "partly"}])
    assert await judge(model, EXAMPLE, "So that ships keep off", max_output_tokens=50) == "partly"
    (request,) = model.requests
    told = "Question: Why was it built?\nKnown answers:\n- To warn ships\n- As a warning\n"
    assert request.messages[1].content == f"{told}Given answer: So that ships keep off"
    schema: Any = request.json_schema
    assert schema["properties"]["verdict"]["enum"] == ["right", "partly", "wrong"]


@pytest.mark.parametrize(
    "reply", ["right", {"verdict": "perfect"}, {"verdict": None}, {"verdict": ["right"]}, {}]
)
async def test_what_is_no_verdict_is_none(reply: Any) -> None:
    """Prose and other words are no verdict."""
    with pytest.raises(ReplyError):
        await judge(ScriptedModel([reply]), EXAMPLE, "So that ships keep off", max_output_tokens=50)


def test_a_verdict_belongs_to_its_words_and_its_judge() -> None:
    """Another judge, answer, question or known answer is another judgement; another id is not."""
    key = judgement_key("openai:marker", EXAMPLE, "fog")
    assert key == judgement_key("openai:marker", EXAMPLE.model_copy(update={"id": "other"}), "fog")
    others = [
        judgement_key("openai:other", EXAMPLE, "fog"),
        judgement_key("openai:marker", EXAMPLE, "fogs"),
        judgement_key(
            "openai:marker", EXAMPLE.model_copy(update={"answers": ("To warn ships",)}), "fog"
        ),
        judgement_key("openai:marker", EXAMPLE.model_copy(update={"question": "Why?"}), "fog"),
    ]
    assert len({key, *others}) == 5


@pytest.mark.parametrize(
    ("changes", "judged"),
    [({}, True), ({"kind": "extractive"}, False), ({"unanswerable": True}, False)],
)
def test_free_text_alone_is_judged(changes: dict[str, Any], judged: bool) -> None:
    """What can be compared by its words or numbers needs no judge."""
    assert is_judged(EXAMPLE.model_copy(update=changes)) is judged


def test_a_verdict_stands_beside_the_score(minions: Minions, wanted: Any, marker: Marker) -> None:
    """Half for partly; an answer that says there is none is wrong unasked; a number has no mark. The judge's tokens and
    dollars are its own, and none of the protocol's.
    """
    alone = minions.evaluate(**{**wanted, "judge": None})
    assert alone.judge is None
    report = minions.evaluate(**wanted)
    marks = {one.id: (one.verdict, one.judged) for one in report.outcomes["minions"]}
    assert marks == {"why": ("partly", 0.5), "who": (None, 0.0), "height": (None, None)}
    assert len(marker.asked) == 1
    (summary,), (before,) = report.summaries, alone.summaries
    assert (summary.judged and summary.judged.mean, summary.judged_questions) == (0.25, 2)
    assert (summary.score, summary.cost_usd) == (before.score, before.cost_usd)
    assert (summary.cloud_input_tokens, summary.local_input_tokens) == (
        before.cloud_input_tokens,
        before.local_input_tokens,
    )
    bill = report.judge
    assert bill is not None
    assert (bill.judge, bill.calls) == ("openai:marker", 1)
    assert bill.cost_usd == (2 * Decimal(bill.input_tokens) + 10 * bill.output_tokens) / 1_000_000
    assert {one.id for one in alone.failures("minions")} == {"why", "who", "height"}
    assert {one.id for one in report.failures("minions")} == {"who", "height"}


def test_a_judge_is_on_the_ledger_and_in_the_egress_log(
    minions: Minions, wanted: Any, judging: LoopbackServer, tmp_path: Path
) -> None:
    """Under the run of the answer, by the role judge, to the byte; the run's own bill stays as it was."""
    minions.evaluate(**wanted)
    (row,) = [row for row in minions.ledger("role") if row.key == "judge"]
    assert (row.calls, row.input_tokens) == (1, judging.usages[0].input_tokens)
    record = next(
        record
        for record in map(
            json.loads, (tmp_path / "kept" / "minions.jsonl").read_text().splitlines()
        )
        if record["id"] == "why"
    )
    assert judging.requests[0].body in minions.egress(record["run_id"])
    with Store.open(minions.home / "minions.sqlite3") as store:
        entries = [entry for entry in Ledger(store).entries(record["run_id"]) if entry.cloud]
        kinds = [entry.role for entry in entries]
        planned = [
            entry.input_tokens + entry.output_tokens for entry in entries if entry.role == "planner"
        ]
        assert Ledger(store).spent_by(record["run_id"])[0] == sum(
            planned
        )  # what a resumed question has spent
        assert len(EgressLog(store).departures(record["run_id"])) == len(kinds) == 3
        assert kinds.count("judge") == 1
        assert minions.show(record["run_id"]).answer is not None


def test_what_was_judged_is_not_judged_again(
    minions: Minions, wanted: Any, marker: Marker, tmp_path: Path
) -> None:
    """Verdicts are kept beside the answers; another judge gives its own; what is none is asked for again."""
    marker.reply = "Well."
    assert minions.evaluate(**wanted).outcomes["minions"][0].judged is None
    marker.reply = {"verdict": "right"}
    assert minions.evaluate(**wanted).outcomes["minions"][0].judged == 1.0
    asked = len(marker.asked)
    report = minions.evaluate(**wanted)
    assert (report.outcomes["minions"][0].judged, len(marker.asked)) == (1.0, asked)
    assert report.judge is not None
    assert (
        report.judge.calls == asked
    )  # earlier calls are on the bill, those that gave no verdict, too
    other = wanted["judge"].replace("marker", "other")
    marker.reply = {"verdict": "wrong"}
    assert minions.evaluate(**{**wanted, "judge": other}).outcomes["minions"][0].judged == 0.0
    assert minions.evaluate(**wanted).outcomes["minions"][0].judged == 1.0
    assert len((tmp_path / "kept" / "judgements.jsonl").read_text().splitlines()) == 2


def test_the_same_answer_of_two_protocols_is_judged_once(
    minions: Minions, wanted: Any, marker: Marker
) -> None:
    """One verdict counts for both."""
    report = minions.evaluate(**wanted, protocols=("minions", "rag"), policy="open")
    assert [one[0].judged for one in report.outcomes.values()] == [0.5, 0.5]
    assert len(marker.asked) == 1


def test_a_judge_keeps_its_share_of_the_limits(
    minions: Minions, wanted: Any, marker: Marker
) -> None:
    """With a protocol it has half; what a verdict could pass is not asked for, and said. The answers stand."""
    warned: list[str] = []
    minions.evaluate(**{**wanted, "judge": None})
    report = minions.evaluate(
        **wanted,
        max_cost="0.0001",
        observe=lambda event: warned.append(event.message) if event.kind == "warning" else None,
    )
    assert report.outcomes["minions"][0].answer == "Because of shipwrecks."
    assert report.outcomes["minions"][0].judged is None
    assert marker.asked == []
    assert any("answers without a verdict: 1" in message for message in warned)


@pytest.mark.parametrize(
    "settings", [{"policy": "strict"}, {"local_only": True, "planner": "local"}]
)
def test_answers_go_to_no_cloud_where_they_must_not(
    minions: Minions, wanted: Any, marker: Marker, settings: dict[str, Any]
) -> None:
    """Known answers are the documents' words: under strict, or with --local-only, a cloud judge is refused at once."""
    with pytest.raises(EgressRefusedError, match="openai:marker"):
        minions.evaluate(**wanted, **settings)
    assert marker.asked == []
    assert not wanted["output"].exists()


def test_the_worker_may_judge(minions: Minions, wanted: Any) -> None:
    """``local`` is the worker's model: nothing goes up, so strict allows it. It cannot judge, which is no error."""
    report = minions.evaluate(**{**wanted, "judge": "local"}, policy="strict")
    assert report.judge is not None
    assert report.judge.judge == "local"
    assert report.judge.cost_usd == Decimal(0)
    assert report.judge.calls > 0


def test_a_judge_that_is_gone_or_none_is_an_error(minions: Minions, wanted: Any) -> None:
    """A wrong name is refused first; an endpoint that is not there ends the command, and the answers are kept."""
    with pytest.raises(UsageError):
        minions.evaluate(**{**wanted, "judge": "marker"})
    assert not wanted["output"].exists()
    with pytest.raises(UnreachableError):
        minions.evaluate(**{**wanted, "judge": "openai:marker@http://127.0.0.1:9/v1"})
    assert len((wanted["output"] / "minions.jsonl").read_text().splitlines()) == 3
