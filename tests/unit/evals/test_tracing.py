"""Traces: what happened to each question is kept beside its answer, whatever else happens at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.evals.tracing import Trace, Tracer, read_traces
from minions.values.events import (
    AnswerEvent,
    BatchEvent,
    DigestEvent,
    FindingEvent,
    IndexEvent,
    JobEvent,
)

if TYPE_CHECKING:
    from pathlib import Path


def job(run: str, chunk: str, status: Any = "found", **changes: Any) -> JobEvent:
    """A job over a chunk ended."""
    values = {"run_id": run, "round": 1, "job_id": f"r1.{chunk}", "task_id": "t1", "path": "a.txt"}
    return JobEvent(**{**values, **changes}, chunk=chunk, status=status)


def finding(make: Any, run: str, start: int, end: int) -> FindingEvent:
    """A finding whose lines and neighbours span so much."""
    found = make.finding().model_copy(update={"context_start": start, "context_end": end})
    return FindingEvent(run_id=run, round=1, finding=found)


def ended(made: Any, run: str, id_: str | None) -> AnswerEvent:
    """The run of a question is over."""
    return AnswerEvent(run_id=run, answer=made.answer(run_id=run, id=id_))


def test_a_question_leaves_what_it_read_found_and_sent(
    tmp_path: Path, make: Any, made: Any
) -> None:
    """Chunks once each, those that failed left out; places as they were found, and as they went up."""
    path = tmp_path / "traces.jsonl"
    observe = Tracer(path)
    for event in (
        IndexEvent(done=1, total=1),
        job("r1", "a:0"),
        job("r1", "a:0", round=2),
        job("r1", "a:1", "failed"),
        job("r1", "a:2", "skipped"),
        job("r1", "a:3", "abstained", ungrounded=True),
        finding(make, "r1", 10, 90),
        DigestEvent(run_id="r1", round=1, tokens=9, places=(("doc", 10, 90),)),
        BatchEvent(total=1, done=1),
        ended(made, "r1", "q1"),
    ):
        observe(event)
    place = ("doc", 10, 90)
    trace = Trace(id="q1", read=("a:0", "a:3"), ungrounded=("a:3",), found=(place,), sent=(place,))
    assert read_traces(path) == {"q1": trace}


def test_questions_at_the_same_time_are_kept_apart(tmp_path: Path, made: Any) -> None:
    """Events of several runs come mixed; each goes to its own question, a question of no data set to none."""
    path = tmp_path / "traces.jsonl"
    observe = Tracer(path)
    for event in (
        job("r1", "a:0"),
        job("r2", "b:0"),
        job("r1", "a:1"),
        ended(made, "r3", None),
        ended(made, "r2", "q2"),
        ended(made, "r1", "q1"),
    ):
        observe(event)
    assert {id_: trace.read for id_, trace in read_traces(path).items()} == {
        "q1": ("a:0", "a:1"),
        "q2": ("b:0",),
    }


@pytest.mark.parametrize("torn", ['{"id": "q1", "re', "", "[]", "{}"])
def test_the_last_whole_trace_of_a_question_counts(tmp_path: Path, made: Any, torn: str) -> None:
    """A question asked again replaces what was known of it; a line cut off by the end of a process is passed over."""
    path = tmp_path / "traces.jsonl"
    observe = Tracer(path)
    for chunk in ("a:0", "a:1"):
        observe(job("r1", chunk))
        observe(ended(made, "r1", "q\u20281"))
    with path.open("a") as file:
        file.write(torn)
    assert {id_: trace.read for id_, trace in read_traces(path).items()} == {"q\u20281": ("a:1",)}


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    """An evaluation whose traces were deleted can still be scored."""
    assert read_traces(tmp_path / "missing.jsonl") == {}


def test_a_line_that_is_no_text_is_no_trace(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and brackets without end: the traces besides are read."""
    path = tmp_path / "traces.jsonl"
    path.write_bytes(
        b"\xff\n" + b"[" * 100_000 + b"\n" + Trace(id="q").model_dump_json().encode() + b"\n"
    )
    assert list(read_traces(path)) == ["q"]
