"""Progress: what a user sees while waiting."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.cli.eventlog import event_log, write_events
from minions.cli.render.progress import Bars, Lines, Progress, Tally, progress_for, rate_text
from minions.errors import UsageError
from minions.values.events import (
    AnswerEvent,
    CloudCallEvent,
    IndexEvent,
    JobEvent,
    PlanEvent,
    StartEvent,
    WarningEvent,
    both,
)
from minions.values.plans import Plan, Task

if TYPE_CHECKING:
    from pathlib import Path

    from minions.values.events import Event

JOB = JobEvent(round=1, job_id="j", task_id="t1", path="a.txt", status="abstained")
FOUND = JOB.model_copy(update={"status": "found"})
PLAN = PlanEvent(round=1, plan=Plan(tasks=(Task(id="t1", instruction="Read."),)), jobs=3)


def call(cost_usd: str | None) -> CloudCallEvent:
    cost = None if cost_usd is None else Decimal(cost_usd)
    return CloudCallEvent(
        model="openai:p", status="ok", input_tokens=10, output_tokens=1, cost_usd=cost
    )


def start(make: Any, cost_usd: str | None) -> StartEvent:
    return StartEvent(
        run_id="r1",
        planner="p",
        worker="w",
        documents=1,
        tokens=9,
        baseline=make.baseline(cost_usd),
    )


def lines(*events: Event, every_s: float = 1000) -> list[str]:
    stream = io.StringIO()
    progress = Lines(stream, every_s=every_s)
    for event in events:
        progress(event)
    return stream.getvalue().splitlines()


def test_money_tells_spent_and_saved(make: Any) -> None:
    """Cloud dollars add up, and what reading everything would have cost is set against them."""
    tally = Tally()
    for event in (start(make, "1.00"), call("0.01"), call("0.02")):
        tally.add(event)
    assert tally.money() == "cloud cost $0.030 (sending all the text: about $1.00)"


def test_one_unknown_cost_makes_the_sum_unknown(make: Any) -> None:
    """Dollars that nobody knows are not counted as zero, not even after known ones."""
    tally = Tally()
    for event in (start(make, "1.00"), call("0.01"), call(None), call("0.02")):
        tally.add(event)
    assert tally.money() == "cloud cost unknown"


@pytest.mark.parametrize(
    ("jobs_per_s", "shown"),
    [
        (1500, "1,500 jobs per second"),
        (2.5, "2.5 jobs per second"),
        (1 / 3, "20 jobs per minute"),
        (0.00989, "36 jobs per hour"),
    ],
)
def test_a_rate_has_a_unit_in_which_it_is_no_fraction(jobs_per_s: float, shown: str) -> None:
    """Nobody can read 0.00989 jobs/s."""
    assert rate_text(jobs_per_s) == shown


def test_a_pipe_gets_few_lines() -> None:
    """Warnings and rounds at once; jobs when the round's last one ended."""
    assert lines(WarningEvent(message="Look\nout"), PLAN, JOB, JOB, FOUND) == [
        "warning: Look out",
        "round 1: 1 task, 3 jobs",
        "3 of 3 jobs done, 1 with a finding; nothing sent to a cloud",
    ]


def test_a_pipe_gets_a_line_every_few_seconds() -> None:
    """A long round shows that it is alive."""
    assert len(lines(PLAN, JOB, JOB, JOB, every_s=0)) == 4


def test_files_that_need_no_reading_are_not_mentioned() -> None:
    """A second question over the same documents says nothing about files."""
    assert lines(IndexEvent(done=9, total=9)) == []
    assert lines(IndexEvent(done=0, total=1, path="a.txt"), IndexEvent(done=1, total=1)) == [
        "reading files: 1 of 1"
    ]


def test_quiet_shows_nothing_and_counts(capsys: pytest.CaptureFixture[str], make: Any) -> None:
    """--quiet keeps stderr empty; the bill still knows the models."""
    progress = progress_for(io.StringIO(), quiet=True)
    with progress:
        progress(start(make, None))
    assert type(progress) is Progress
    assert (progress.tally.planner, capsys.readouterr().err) == ("p", "")


def test_a_terminal_gets_bars(
    capsys: pytest.CaptureFixture[str], make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bars tell file, round, jobs and dollars, and warnings stand above them; stdout stays empty."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Bars() as progress:
        for event in (
            IndexEvent(done=0, total=2, path="long.pdf"),
            start(make, "1.00"),
            PLAN,
            JOB,
            call("0.25"),
        ):
            progress(event)
        progress(WarningEvent(message="[bold]not markup"))
    captured = capsys.readouterr()
    for text in ("long.pdf", "round 1", "1/3", "$0.250", "warning: [bold]not markup"):
        assert text in captured.err
    assert captured.out == ""


def test_only_a_terminal_gets_bars() -> None:
    """A stream that is no terminal gets lines."""
    assert isinstance(progress_for(io.StringIO(), quiet=False), Lines)


def test_events_carry_run_number_and_time(make: Any) -> None:
    """Each line is an object; the run's id is null where an event belongs to none."""
    stream = io.StringIO()
    observe = write_events(stream, now=lambda: datetime(2026, 1, 31, tzinfo=UTC))
    for event in (
        IndexEvent(done=1, total=1),
        start(make, None),
        AnswerEvent(run_id="r1", answer=make.answer()),
    ):
        observe(event)
    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(item["seq"], item["run_id"], item["kind"]) for item in written] == [
        (1, None, "index"),
        (2, "r1", "start"),
        (3, "r1", "answer"),
    ]
    assert {item["time"] for item in written} == {"2026-01-31T00:00:00.000Z"}


def test_an_event_file_is_appended_to(tmp_path: Path) -> None:
    """Two questions can share a file; a place that cannot be written is refused before anything runs."""
    for _ in range(2):
        with event_log(str(tmp_path / "e.jsonl")) as observe:
            assert observe is not None
            observe(JOB)
    assert len((tmp_path / "e.jsonl").read_text().splitlines()) == 2
    with pytest.raises(UsageError, match="--events"), event_log(str(tmp_path / "no" / "e.jsonl")):
        pass


def test_two_observers_see_the_same() -> None:
    """Progress and the event log hear every event, in order."""
    first: list[Event] = []
    second: list[Event] = []
    both(first.append, second.append)(JOB)
    assert first == second == [JOB]
