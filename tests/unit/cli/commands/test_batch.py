"""`minions batch` and `minions cache`: output and exit codes."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from minions.batch.results import BatchSummary
from minions.cli.render import progress
from minions.cli.render.answers import batch_lines
from minions.cli.render.progress import Bars, Lines, Tally
from minions.values.events import BatchEvent, CloudCallEvent, JobEvent, PlanEvent
from minions.values.plans import Plan, Task

if TYPE_CHECKING:
    from pathlib import Path

    from minions.values.events import Event

SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
MODELS = ("--planner", "scripted:planner.json", "--worker", "scripted:worker.json")
TALL, OLD = (
    {"id": "tall", "question": "How tall is it?"},
    {"id": "old", "question": "How old is it?"},
)
JOB = JobEvent(round=1, job_id="j", task_id="t1", path="a.txt", status="abstained")
FOUND = JOB.model_copy(update={"status": "found"})
PLAN = PlanEvent(round=1, plan=Plan(tasks=(Task(id="t1", instruction="Read."),)), jobs=3)
CALL = CloudCallEvent(
    model="openai:p", status="ok", input_tokens=10, output_tokens=1, cost_usd=Decimal("0.25")
)


@pytest.fixture
def docs(here: Path) -> Path:
    """A document, two questions in a file, and models that know how tall the lighthouse is."""
    (here / "docs").mkdir()
    (here / "docs" / "guide.md").write_text(f"# Lights\n\n{SENTENCE}\n")
    decisions = [
        {
            "matches": "(?s)How tall.*Findings:",
            "reply": {"answer": "41 metres", "findings": ["f1"], "confidence": 1},
        },
        {
            "contains": "Findings:",
            "reply": {"answer": None, "findings": [], "confidence": 0, "tasks": []},
        },
        {"contains": "nonsense", "reply": "I cannot."},
        {
            "contains": "You plan how",
            "reply": {"tasks": [{"instruction": "How tall?", "search": ["lighthouse"]}]},
        },
    ]
    look = {"contains": "Answer yes or no", "first_token": {"yes": -0.1, "no": -3}, "reply": "yes"}
    (here / "planner.json").write_text(json.dumps({"rules": decisions}))
    (here / "worker.json").write_text(
        json.dumps({"rules": [look], "default": {"lines": [2], "answer": "41 metres"}})
    )
    ask(here, TALL, OLD)
    return here / "docs"


def ask(here: Path, *lines: Any) -> None:
    (here / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def records(here: Path) -> dict[str, Any]:
    return {
        record["id"]: record
        for record in map(json.loads, (here / "out.jsonl").read_text().splitlines())
    }


def test_a_batch_answers_the_questions_of_a_file(minions: Any, docs: Path, here: Path) -> None:
    """A line each in the output, the summary on stderr, stdout empty; exit 0, also for what has no answer."""
    ended = minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS)
    assert (ended.code, ended.out) == (0, "")
    assert (
        "batch     1 answered, 1 without an answer; out.jsonl holds 2 of 2 questions" in ended.err
    )
    assert "cost      $0" in ended.err
    assert records(here)["tall"]["answer"] == "41 metres"
    assert records(here)["old"]["stop_reason"] == "no_answer"
    again = minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS)
    assert "0 answered, 0 without an answer; out.jsonl holds 2 of 2 questions" in again.err


def test_a_dry_run_estimates_what_the_same_flags_would_ask(
    minions: Any, docs: Path, here: Path
) -> None:
    """With --retry-errors also what failed; nothing is written and no model called."""
    (here / "out.jsonl").write_text('{"id": "tall", "stop_reason": "error", "error": {}}\n')
    dry = ("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS, "--dry-run")
    assert minions(*dry).out.startswith("1 of 2 questions would be asked")
    assert minions(*dry, "--retry-errors").out.startswith("2 of 2 questions would be asked")
    assert list(records(here)) == ["tall"]


def test_quiet_and_json(minions: Any, docs: Path) -> None:
    """--json is one object with the counts; with --quiet nothing stands on stderr."""
    ended = minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS, "--json", "-q")
    assert (ended.code, ended.err) == (0, "")
    assert (ended.json["stop_reason"], ended.json["answered"], ended.json["abstained"]) == (
        "finished",
        1,
        1,
    )


def test_a_failure_is_exit_1_and_says_what_to_type(minions: Any, docs: Path, here: Path) -> None:
    """A bad line and a question that failed are counted; --retry-errors asks again what can be asked."""
    ask(here, TALL, {"id": "bad"}, {"id": "odd", "question": "nonsense"})
    ended = minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS)
    assert ended.code == 1
    assert "2 failed; out.jsonl holds 3 of 3 questions" in ended.err
    assert "next      add --retry-errors to ask the failed questions again" in ended.err
    assert minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS).code == 0
    ask(here, TALL, {"id": "odd", "question": "How old is it?"})
    retried = minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS, "--retry-errors")
    assert (retried.code, records(here)["odd"]["stop_reason"]) == (0, "no_answer")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("in.jsonl", "docs"), "-o"),
        (("nowhere.jsonl", "docs", "-o", "out.jsonl"), "cannot read nowhere.jsonl"),
        (("in.jsonl", "-o", "out.jsonl"), "no documents"),
        (("in.jsonl", "docs", "-o", "docs"), "-o docs"),
        (("in.jsonl", "docs", "-o", "in.jsonl"), "line 1 is not a record of a batch"),
        (
            ("in.jsonl", "docs", "-o", "out.jsonl", "--json", "--events", "-"),
            "both write to stdout",
        ),
        (("in.jsonl", "docs", "-o", "out.jsonl", "--window", "0"), "window"),
        (("in.jsonl", "nowhere", "-o", "out.jsonl"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_exit_2(
    minions: Any, docs: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Before any model is asked, with what is wrong and what to type."""
    ended = minions("batch", *arguments, *MODELS)
    assert ended.code == 2
    assert words in ended.err


def test_events_of_a_batch_go_to_a_file(minions: Any, docs: Path, here: Path) -> None:
    """Each run's events bear its id; counts of the batch stand between them, the last of them the end."""
    minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS, "--events", "e.jsonl")
    events = [json.loads(line) for line in (here / "e.jsonl").read_text().splitlines()]
    counts = [event for event in events if event["kind"] == "batch"]
    assert [event["done"] for event in counts] == [0, 1, 2]
    answers = {event["run_id"] for event in events if event["kind"] == "answer"}
    assert answers == {record["run_id"] for record in records(here).values()}


def test_the_cache_is_shown_and_cleared(minions: Any, docs: Path) -> None:
    """Stored results are listed by model; clearing prints their number."""
    assert minions("cache").out == "no results are stored\n"
    minions("batch", "in.jsonl", "docs", "-o", "out.jsonl", *MODELS)
    shown = minions("cache", "show").out.splitlines()
    assert shown[1].startswith("scripted:worker.json        1")
    (kept,) = minions("cache", "--json").json
    assert (kept["model"], kept["results"]) == ("scripted:worker.json", 1)
    assert minions("cache", "clear", "--older-than", "1h").out == "0 results cleared\n"
    assert minions("cache", "clear", "--json").json == {"cleared": 1}
    assert minions("cache").out == "no results are stored\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "--older-than", "7d"), "minions cache clear --older-than 7d"),
        (("clear", "--older-than", "soon"), "--older-than soon: not a time"),
        (("empty",), "'empty'"),
    ],
)
def test_a_cache_command_that_makes_no_sense_is_exit_2(
    minions: Any, here: Path, arguments: Any, words: str
) -> None:
    """Nothing is cleared by mistake."""
    ended = minions("cache", *arguments)
    assert ended.code == 2
    assert words in ended.err


def summary(**changes: Any) -> BatchSummary:
    values: dict[str, Any] = {
        "stop_reason": "finished",
        "total": 2000,
        "done": 1500,
        "answered": 1400,
        "abstained": 100,
        "stopped": 0,
        "failed": 0,
        "left": 500,
        "cost_usd": Decimal("1.234"),
        "saved_usd": Decimal(80),
        "elapsed_s": 3725.0,
        "output": "out.jsonl",
    }
    return BatchSummary(**{**values, **changes})


def test_a_summary_states_counts_and_money() -> None:
    """Savings are said to be an estimate."""
    assert batch_lines(summary()) == [
        "batch     1,400 answered, 100 without an answer; out.jsonl holds 1,500 of 2,000 questions",
        "cost      $1.23, saved about $80.00 compared with sending all the text (estimate), 1 h 2 min",
    ]


def test_a_summary_states_no_savings_that_nobody_knows() -> None:
    """Unknown savings, or none, are left out."""
    for saved in (None, Decimal(0), Decimal(-1)):
        assert batch_lines(summary(saved_usd=saved))[1] == "cost      $1.23, 1 h 2 min"


def test_a_budget_that_ended_it_says_how_to_go_on() -> None:
    """The summary says how many questions are left, and which limit to raise."""
    lines = batch_lines(summary(stop_reason="budget", stopped=3))
    assert "3 stopped by a limit" in lines[0]
    assert (
        lines[-1] == "next      500 questions left: raise --max-cost and run the same command again"
    )


class Watch:
    """The clock that the progress reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: self.now_s))


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A clock that the test moves."""
    return Watch(monkeypatch)


def batch(done: int, **more: Any) -> BatchEvent:
    return BatchEvent(total=10, done=done, **more)


def add_all(tally: Tally, *events: Event) -> None:
    for event in events:
        tally.add(event)


def test_pace_counts_from_what_this_process_did(watch: Watch) -> None:
    """Jobs per minute since the first plan, and the time that the rest takes at the pace of the questions; what an
    earlier process did is not counted as this one's speed.
    """
    tally = Tally()
    add_all(tally, batch(4), PLAN, PLAN)
    assert tally.pace() == ""
    watch.now_s += 20
    add_all(tally, JOB, FOUND, JOB, JOB, batch(6))
    assert (tally.jobs, tally.jobs_total, tally.found) == (4, 6, 1)
    assert tally.pace() == "12 jobs per minute, about 40 s left"


def test_pace_says_nothing_that_nobody_knows(watch: Watch) -> None:
    """In the first second, and before a question is done, there is no time left to tell; nor when all is done."""
    tally = Tally()
    tally.add(batch(0))
    tally.add(PLAN)
    watch.now_s += 0.5
    tally.add(JOB)
    assert tally.pace() == ""
    watch.now_s += 1.5
    assert tally.pace() == "30 jobs per minute"
    tally.add(batch(10))
    assert tally.pace() == "30 jobs per minute"


def test_a_question_alone_is_paced_by_its_jobs(watch: Watch) -> None:
    """Outside of a batch the rest of the round is what is left."""
    tally = Tally()
    add_all(tally, PLAN, JOB)
    watch.now_s += 4
    assert tally.pace() == "15 jobs per minute, about 8 s left"


def lines(watch: Watch, *events: Event | float) -> list[str]:
    """The lines that a pipe gets for these events; numbers are seconds between them."""
    stream = io.StringIO()
    shown = Lines(stream, every_s=5)
    for event in events:
        if isinstance(event, float):
            watch.now_s += event
        else:
            shown(event)
    return stream.getvalue().splitlines()


def test_a_pipe_gets_the_state_of_the_batch_now_and_then(watch: Watch) -> None:
    """Every few seconds a line with questions, money, jobs and pace; a thousand questions are not a thousand lines."""
    shown = lines(
        watch,
        batch(0),
        PLAN,
        JOB,
        6.0,
        CALL,
        FOUND,
        JOB,
        batch(1),
        6.0,
        batch(2, failed=1, answered=1),
    )
    first = "0 of 10 questions done, 0 answered; cloud cost $0; 2 of 3 jobs done, 1 with a finding"
    second = "2 of 10 questions done, 1 answered, 1 failed; cloud cost $0; 3 of 3 jobs done, 1 with a finding"
    assert shown == [
        f"{first}; 20 jobs per minute",
        f"{second}; 15 jobs per minute, about 48 s left",
    ]


def test_the_last_question_is_told_at_once(watch: Watch) -> None:
    """The end of a batch is printed without waiting."""
    (line,) = lines(
        watch,
        batch(9, spent_usd=Decimal(1)),
        CALL,
        batch(10, answered=1, spent_usd=Decimal("1.25")),
    )
    assert (
        line
        == "10 of 10 questions done, 1 answered; cloud cost $1.25; 0 of 0 jobs done, 0 with a finding"
    )


def test_a_terminal_gets_a_bar_for_questions_and_one_for_jobs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both move; failures are counted beside them."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Bars() as bars:
        for event in (
            batch(0),
            PLAN,
            FOUND,
            CALL,
            batch(3, answered=2, failed=1, spent_usd=Decimal("0.25")),
        ):
            bars(event)
    shown = capsys.readouterr().err
    for text in ("questions", "3/10", "2 answered, 1 failed; cloud cost $0.250", "1/3"):
        assert text in shown
