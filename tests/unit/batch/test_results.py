"""Where results go: each once to the output and the counts, whenever the process dies in between."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.batch.items import BadLine, Item
from minions.batch.output import Output
from minions.batch.results import Results
from minions.batch.session import opened, paths_of
from minions.errors import PlanError, UsageError
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.ledger.recovery import Recovery
from minions.run.crew import Books
from minions.stop_signal import Brake
from minions.store.batches import Batches
from minions.store.runs import Runs
from minions.store.store import Store
from minions.testing import FakeClock
from minions.values.answers import Answer, Baseline, BaselineEstimate, RoleUsage, UsageByRole
from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.events import Event

ITEMS = [Item(id=f"q{number}", question=f"Question {number}?") for number in range(4)]


class Desk:
    """A store, an output and what is heard of them."""

    def __init__(self, store: Store, path: Path) -> None:
        self.store, self.path, self.clock = store, path, FakeClock()
        self.runs, self.batches = Runs(store, clock=self.clock), Batches(store, self.clock)
        self.events: list[Event] = []
        ledger = Ledger(store)
        self.books = Books(
            ledger=ledger,
            prices=PriceBook.parse([]),
            egress=EgressLog(store),
            budget=Budget(None, None),
            clock=self.clock,
            observe=self.events.append,
        )
        self.recovery = Recovery(store, ledger, self.books.budget)

    def begin(self, item: Item, run_id: str) -> None:
        """A run of a question of the batch begins, and has a reply."""
        batch = self.batches.open(str(self.path), fresh=False)
        using = {
            "planner": "p",
            "worker": "w",
            "protocol": "minions",
            "policy": "findings",
            "started_at": "2026",
        }
        self.runs.start(run_id, question=item.question, item=(batch, item.id), **using)
        self.recovery.keep(
            run_id, "request", Completion(text="x", finish_reason="stop", usage=Usage()), None
        )

    def end(self, answer: Answer) -> Answer:
        """The run is over, and on record."""
        self.runs.finish(answer)
        return answer

    def results(self, output: Output | None = None) -> Results:
        books = replace(self.books, recovery=self.recovery)
        return Results(books, self.runs, total=len(ITEMS), output=output, batches=self.batches)

    def undelivered(self) -> list[str]:
        return [
            run.run_id
            for run in self.batches.undelivered(self.batches.open(str(self.path), fresh=False))
        ]

    def kept_replies(self) -> int:
        return len(self.store.read("SELECT * FROM replies"))

    def records(self) -> list[dict[str, Any]]:
        return (
            [json.loads(line) for line in self.path.read_text().splitlines()]
            if self.path.exists()
            else []
        )

    def recovered(self, items: list[Any] = ITEMS) -> dict[str, str]:
        """The runs that a new process resumes, after it brought the output up to date."""
        batch = self.batches.open(str(self.path), fresh=False)
        with Output(self.path) as output:
            return self.results(output).recover(items, self.batches.undelivered(batch))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty one."""
    with Store.memory() as store:
        yield Desk(store, tmp_path / "out.jsonl")


def answer_to(item: Item, run_id: str, stop_reason: Any = "answered", **more: Any) -> Answer:
    values = {"answer": "yes" if stop_reason == "answered" else None, "confidence": 1.0, **more}
    return Answer(
        run_id=run_id, id=item.id, question=item.question, stop_reason=stop_reason, **values
    )


def test_a_result_is_written_and_then_delivered(desk: Desk) -> None:
    """Its line is a whole Answer; the replies that were kept for its run are forgotten."""
    desk.begin(ITEMS[0], "r0")
    answer = desk.end(answer_to(ITEMS[0], "r0"))
    with Output(desk.path) as output:
        desk.results(output).finish(answer)
    (record,) = desk.records()
    assert Answer.model_validate(record) == answer
    assert (desk.undelivered(), desk.kept_replies()) == ([], 0)


def test_what_a_budget_stopped_can_be_resumed(desk: Desk) -> None:
    """Its partial result is written once, however often it is stopped, and its replies are kept."""
    desk.begin(ITEMS[0], "r0")
    answer = desk.end(answer_to(ITEMS[0], "r0", "budget"))
    with Output(desk.path) as output:
        for _ in range(2):
            desk.results(output).finish(answer)
    assert [record["stop_reason"] for record in desk.records()] == ["budget"]
    assert desk.kept_replies() == 1
    assert desk.recovered() == {"q0": "r0"}


def test_an_error_is_a_record_with_its_reason(desk: Desk) -> None:
    """Kind, message and hint; what the run had found by then is kept in it."""
    desk.begin(ITEMS[0], "r0")
    desk.end(answer_to(ITEMS[0], "r0", "interrupted", warnings=("so far",)))
    with Output(desk.path) as output:
        results = desk.results(output)
        results.fail(ITEMS[0], "r0", PlanError("no plan", hint="ask again"))
        results.fail(ITEMS[1], "never begun", ZeroDivisionError("oh"))
        results.refuse(BadLine("bad-1", 7, "no JSON", "write JSON"))
    first, second, third = desk.records()
    assert first["error"] == {"type": "PlanError", "message": "no plan", "hint": "ask again"}
    assert (first["id"], first["stop_reason"], first["warnings"][0]) == ("q0", "error", "so far")
    assert second["error"]["type"] == "ZeroDivisionError"
    assert third["id"] == "bad-1"
    assert third["error"] == {"type": "BadLine", "message": "line 7: no JSON", "hint": "write JSON"}
    assert desk.undelivered() == []


def test_a_result_that_was_not_written_is_written_without_asking(desk: Desk) -> None:
    """The process died between recording the run and appending its line."""
    desk.begin(ITEMS[0], "r0")
    answer = desk.end(answer_to(ITEMS[0], "r0"))
    assert desk.recovered() == {}
    assert [record["run_id"] for record in desk.records()] == [answer.run_id]
    assert desk.undelivered() == []
    assert desk.recovered() == {}
    assert len(desk.records()) == 1


def test_a_line_that_was_written_is_not_written_again(desk: Desk) -> None:
    """The process died between appending the line and noting that."""
    desk.begin(ITEMS[0], "r0")
    answer = desk.end(answer_to(ITEMS[0], "r0"))
    desk.path.write_text(answer.model_dump_json() + "\n")
    assert desk.recovered() == {}
    assert len(desk.records()) == 1
    assert (desk.undelivered(), desk.kept_replies()) == ([], 0)


def test_a_question_that_was_begun_goes_on_with_its_run(desk: Desk) -> None:
    """Running when the process died, interrupted, or ended by an error that ended all: each has its replies still."""
    for number, status in enumerate(("running", "interrupted", "error")):
        desk.begin(ITEMS[number], f"r{number}")
        if status != "running":
            desk.end(answer_to(ITEMS[number], f"r{number}", status))
    assert desk.recovered() == {"q0": "r0", "q1": "r1", "q2": "r2"}
    assert desk.records() == []


def test_a_question_that_was_edited_is_a_new_one(desk: Desk) -> None:
    """The same id with other words is not answered with what was found for the old ones."""
    desk.begin(ITEMS[0], "r0")
    desk.end(answer_to(ITEMS[0], "r0"))
    edited = [ITEMS[0].model_copy(update={"question": "Another?"}), *ITEMS[1:]]
    assert desk.recovered(edited) == {}
    assert desk.records() == []


def test_what_stands_in_the_output_is_not_asked_again(desk: Desk) -> None:
    """Failed questions are asked again when the user says so, those a budget stopped in any case."""
    lines = [
        {"id": "q0", "stop_reason": "answered"},
        {"id": "q1", "stop_reason": "error", "error": {}},
        {"id": "q2", "stop_reason": "budget"},
        {"id": "of another file", "stop_reason": "answered"},
    ]
    desk.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Output(desk.path) as output:
        results = desk.results(output)
        assert [item.id for item in results.skip(ITEMS, retry_errors=False)] == ["q2", "q3"]
        assert results.event().done == 2
        assert [item.id for item in results.skip(ITEMS, retry_errors=True)] == ["q1", "q2", "q3"]
        assert results.event().done == 1


def test_counts_tell_this_process_and_the_whole(desk: Desk) -> None:
    """Every way to end is counted as what it is, and told as it happens; what is saved is counted for answers."""
    way = BaselineEstimate(input_tokens=1, output_tokens=1, cost_usd=Decimal(3))
    baseline = Baseline(remote_only=way, remote_cached=way, rag=way)
    usage = UsageByRole(planner=RoleUsage(cost_usd=Decimal(1)))
    results = desk.results()
    results.finish(answer_to(ITEMS[0], "r0", baseline=baseline, usage=usage))
    results.finish(answer_to(ITEMS[1], "r1", "no_answer", baseline=baseline, usage=usage))
    results.finish(answer_to(ITEMS[2], "r2", "budget"))
    results.fail(ITEMS[3], "r3", PlanError("no"))
    desk.clock.advance(90)
    counts = []
    for event in desk.events:
        assert event.kind == "batch"
        counts.append((event.done, event.answered, event.abstained, event.stopped, event.failed))
    assert counts == [(1, 1, 0, 0, 0), (2, 1, 1, 0, 0), (2, 1, 1, 1, 0), (3, 1, 1, 1, 1)]
    summary = results.summary(interrupted=False)
    assert (summary.stop_reason, summary.done, summary.left, summary.elapsed_s) == (
        "finished",
        3,
        0,
        90.0,
    )
    assert (summary.saved_usd, summary.output) == (Decimal(2), None)
    assert results.summary(interrupted=True).stop_reason == "interrupted"


def test_savings_are_unknown_when_a_price_is(desk: Desk) -> None:
    """No sum is made up of what is known alone."""
    way = BaselineEstimate(input_tokens=1, output_tokens=1, cost_usd=None)
    results = desk.results()
    for number, baseline in enumerate(
        [Baseline(remote_only=way, remote_cached=way, rag=way), None]
    ):
        results.finish(answer_to(ITEMS[number], f"r{number}", baseline=baseline))
    assert results.summary(interrupted=False).saved_usd is None


def test_opening_a_batch_says_what_is_left_and_what_was_spent(desk: Desk) -> None:
    """Money that earlier processes spent counts, what they had begun is resumed, and a torn line is told."""
    batch = desk.batches.open(str(desk.path), fresh=False)
    desk.begin(ITEMS[1], "r1")
    desk.path.write_text('{"id": "q0", "stop_reason": "answered"}\n{"id": "q')
    with opened(ITEMS, desk.store, desk.books, brake=Brake(), output=desk.path) as session:
        assert (session.batch, session.begun) == (batch, {"q1": "r1"})
        assert [item.id for item in session.left] == ["q1", "q2", "q3"]
        assert session.record.books.recovery is not None
        with (
            pytest.raises(UsageError, match="another process"),
            opened(ITEMS, desk.store, desk.books, brake=Brake(), output=desk.path),
        ):
            pass
    assert any("was moved to" in getattr(event, "message", "") for event in desk.events)


def test_a_retry_that_was_killed_goes_on(desk: Desk) -> None:
    """The record of the failure is not the retry's: its kept reply stays, and it is resumed without being asked to."""
    desk.begin(ITEMS[0], "r0")
    desk.end(answer_to(ITEMS[0], "r0", "error"))
    with Output(desk.path) as output:
        desk.results(output).fail(ITEMS[0], "r0", ValueError("why"))
    desk.begin(ITEMS[0], "r1")
    assert desk.recovered() == {"q0": "r1"}
    assert desk.kept_replies() == 1
    with Output(desk.path) as output:
        left = desk.results(output).skip(ITEMS, retry_errors=False, begun={"q0": "r1"})
    assert ITEMS[0] in left


def test_a_retry_that_was_answered_and_not_written_is_written(desk: Desk) -> None:
    """An answer that was paid for replaces the failure before it."""
    desk.begin(ITEMS[0], "r0")
    desk.end(answer_to(ITEMS[0], "r0", "error"))
    with Output(desk.path) as output:
        desk.results(output).fail(ITEMS[0], "r0", ValueError("why"))
    desk.begin(ITEMS[0], "r1")
    desk.end(answer_to(ITEMS[0], "r1"))
    assert desk.recovered() == {}
    assert [record["run_id"] for record in desk.records()] == ["r0", "r1"]
    assert (desk.undelivered(), desk.kept_replies()) == ([], 0)


def test_a_question_that_was_edited_is_not_resumed_and_leaves_nothing(desk: Desk) -> None:
    """Nobody asks for the old words any more: what was kept for them is forgotten."""
    desk.begin(ITEMS[0], "r0")
    edited = [ITEMS[0].model_copy(update={"question": "Another?"}), *ITEMS[1:]]
    assert desk.recovered(edited) == {}
    assert (desk.undelivered(), desk.kept_replies()) == ([], 0)


def test_a_new_file_is_a_new_batch(desk: Desk) -> None:
    """Whoever removed the output starts anew, with a budget of its own."""
    desk.begin(ITEMS[1], "r1")
    with opened(ITEMS, desk.store, desk.books, brake=Brake(), output=desk.path) as session:
        assert (dict(session.begun), len(session.left)) == ({}, 4)
    assert desk.kept_replies() == 0, "the batch whose output is gone is over"


def test_a_batch_without_an_output_only_counts(desk: Desk) -> None:
    """Nothing is resumed, nothing recovered, every item is left."""
    with opened(ITEMS, desk.store, desk.books, brake=Brake()) as session:
        assert (session.batch, len(session.left), session.record.books.recovery) == (None, 4, None)


def test_documents_of_questions_are_paths_of_the_batch(tmp_path: Path) -> None:
    """Each path once, below the folder of the file; a folder means what is in it; bad lines stay as they are."""
    (tmp_path / "docs").mkdir()
    for name in ("b.txt", "c.txt"):
        (tmp_path / name).write_text("x")
    items: list[Item | BadLine] = [
        Item(id="a", question="?", documents=("docs", "b.txt")),
        Item(id="b", question="?", documents=("b.txt", str(tmp_path / "c.txt"))),
        BadLine("bad", 3, "why"),
    ]
    placed, paths = paths_of(items, tmp_path)
    assert paths == [tmp_path / "docs", tmp_path / "b.txt", tmp_path / "c.txt"]
    assert [getattr(item, "documents", None) for item in placed] == [
        (f"{tmp_path}/docs/*", f"{tmp_path}/b.txt"),
        (f"{tmp_path}/b.txt", f"{tmp_path}/c.txt"),
        None,
    ]


def test_a_question_without_documents_is_its_own_trouble(tmp_path: Path) -> None:
    """A missing file, or none named, spoils no other question; a batch without any document is refused."""
    (tmp_path / "b.txt").write_text("x")
    items = [
        Item(id="a", question="?"),
        Item(id="b", question="?", documents=("b.txt", "gone.txt")),
    ]
    placed, paths = paths_of(items, tmp_path)
    assert paths == [tmp_path / "b.txt"]
    assert isinstance(placed[0], BadLine)
    assert placed[0].reason == "no documents: neither the question nor the command names any"
    assert "documents" in placed[0].hint
    assert placed[1] == items[1].model_copy(
        update={"documents": (f"{tmp_path}/b.txt", f"{tmp_path}/gone.txt")}
    )
    with pytest.raises(UsageError, match="no question names one that exists"):
        paths_of(items[:1], tmp_path)
