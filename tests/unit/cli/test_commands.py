"""The commands around a question, with scripts for models."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from minions.cli.commands.models import byte_progress
from minions.cli.logs import configure_logging
from minions.cli.printing import since_when

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = "How tall is the lighthouse at Skerrow?"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
CREW = ("--planner", "scripted:planner.json", "--worker", "scripted:worker.json")


@pytest.fixture
def docs(here: Path) -> Path:
    """Documents, and scripts for a planner and a worker that answer the question."""
    folder = here / "docs"
    folder.mkdir()
    (folder / "guide.md").write_text(f"# Lights\n\n{SENTENCE}\nAnna Reid built it.\n")
    (folder / "empty.txt").write_text("")
    plan = {"tasks": [{"instruction": QUESTION, "search": ["lighthouse tall"]}]}
    decision = {"answer": "41 metres", "findings": ["f1"], "confidence": 1}
    rules = [
        {"contains": "You plan how", "reply": plan},
        {"contains": "Findings:", "reply": decision},
    ]
    (here / "planner.json").write_text(json.dumps({"rules": rules}))
    look = {"contains": "Answer yes or no", "first_token": {"yes": -0.1, "no": -3}, "reply": "yes"}
    (here / "worker.json").write_text(
        json.dumps({"rules": [look], "default": {"lines": [2], "answer": "41 metres"}})
    )
    return folder


def test_ask_answers(minions: Any, docs: Path) -> None:
    """Answer and citation on stdout; progress and bill on stderr."""
    ended = minions("ask", QUESTION, "docs", *CREW)
    assert (ended.code, ended.out.splitlines()[0]) == (0, "41 metres")
    assert "round 1: 1 task, 1 job" in ended.err
    assert "planner   scripted:planner.json: 2 calls" in ended.err


def test_quiet_says_nothing_but_the_answer(minions: Any, docs: Path) -> None:
    """--quiet leaves stderr empty."""
    ended = minions("ask", QUESTION, "docs", *CREW, "-q")
    assert (ended.code, ended.err) == (0, "")


def test_events_on_stdout_take_the_answers_place(minions: Any, docs: Path) -> None:
    """--events - writes JSON lines only; the last one holds the answer."""
    ended = minions("ask", QUESTION, docs, *CREW, "--events", "-", "--quiet")
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, events[-1]["answer"]["answer"]) == (0, "41 metres")


def test_verbose_logs_no_document_text(minions: Any, docs: Path) -> None:
    """-vv logs events on stderr, and never text of the documents."""
    ended = minions("ask", QUESTION, docs, *CREW, "-vv")
    assert "run finished" in ended.err
    assert "Anna Reid" not in ended.err


def test_dry_run_is_estimate(minions: Any, docs: Path) -> None:
    """Both print the same estimate; neither stores a run."""
    dry = minions(
        "ask",
        QUESTION,
        "docs",
        "--dry-run",
        "--planner",
        "openai:gpt-5.4",
        "--worker",
        "llamacpp:x",
    )
    estimated = minions(
        "estimate", QUESTION, "docs", "--planner", "openai:gpt-5.4", "--worker", "llamacpp:x"
    )
    assert (dry.code, dry.out) == (0, estimated.out)
    for text in (
        "one round (typical)",
        "at most",
        "only the best-matching chunks",
        "40 tokens per second (assumed)",
    ):
        assert text in dry.out
    assert minions("runs", "--json").json == []


def test_estimate_as_json(minions: Any, docs: Path) -> None:
    """--json has the same numbers, marked as estimates."""
    estimate = minions("estimate", QUESTION, "docs", "--planner", "openai:gpt-5.4", "--json").json
    assert estimate["estimated"] is True
    assert estimate["typical"]["calls"] == 2


def test_index_tells_what_it_did(minions: Any, docs: Path) -> None:
    """Unchanged files are not read a second time; unreadable files are listed."""
    first, second = minions("index", "docs"), minions("index", "docs", "--json")
    assert "1 added" in first.out
    assert "unreadable: docs/empty.txt: empty file" in first.out
    assert second.json["unchanged"] == 1


def test_search_shows_place_and_words(minions: Any, docs: Path) -> None:
    """A hit has a score, a place and the words around it; without one, stderr says so."""
    hit = minions("search", "lighthouse", "docs").out
    assert "docs/guide.md (characters 0-" in hit
    assert "[lighthouse]" in hit
    nothing = minions("search", "zebra", "docs")
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing found" in nothing.err
    found = minions("search", "lighthouse", "docs", "--json").json
    assert found["chunk"]["path"] == "docs/guide.md"


def test_runs_and_show(minions: Any, docs: Path) -> None:
    """A run is listed, and shown with question, answer, unreadable files and every call."""
    assert minions("runs").out.startswith("no runs yet")
    run_id = minions("ask", QUESTION, "docs", *CREW, "--json").json["run_id"]
    (listed,) = minions("runs", "--json", "--since", "1h").json
    assert (listed["run_id"], listed["status"]) == (run_id, "answered")
    shown = minions("show", "last").out
    for text in (
        run_id,
        QUESTION,
        SENTENCE,
        "unreadable docs/empty.txt: empty file",
        "scripted:worker.json",
    ):
        assert text in shown
    record = minions("show", run_id, "--json").json
    assert (record["answer"]["answer"], len(record["entries"])) == ("41 metres", 4)


def test_the_ledger_in_three_forms(minions: Any, docs: Path) -> None:
    """Text, JSON and CSV hold the same sums."""
    assert minions("ledger").out == "no calls yet: minions ask 'QUESTION' FOLDER\n"
    minions("ask", QUESTION, "docs", *CREW)
    rows = minions("ledger", "--by", "role", "--json").json
    assert {row["key"]: row["calls"] for row in rows} == {"planner": 2, "worker": 2}
    written = list(csv.DictReader(io.StringIO(minions("ledger", "--by", "role", "--csv").out)))
    assert [row["input_tokens"] for row in written] == [str(row["input_tokens"]) for row in rows]
    assert "planner" in minions("ledger", "--by", "role", "--since", "1d").out


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2 W", timedelta(weeks=2)),
    ],
)
def test_spans_reach_back_from_now(text: str, back: timedelta) -> None:
    """7d means: from seven days ago, in the ledger's own form."""
    since = datetime.fromisoformat(since_when(text) or "")
    assert abs(datetime.now(UTC) - back - since) < timedelta(seconds=30)


def test_dates_are_the_readers_own() -> None:
    """A time with a zone is converted to UTC; no time stays None."""
    assert since_when("2026-01-31T12:00:00+02:00") == "2026-01-31T10:00:00+00:00"
    assert since_when(None) is None


def test_verify_reads_one_result_or_many(minions: Any, docs: Path, here: Path) -> None:
    """One result or one per line, with errors among them; a citation that fails makes it exit 5."""
    result = minions("ask", QUESTION, "docs", *CREW, "--json").out
    failure = json.dumps({"schema": "minions/1", "error": {"type": "PlanError", "message": "no"}})
    (here / "many.jsonl").write_text(result + failure + "\n" + result)
    stands = minions("verify", "many.jsonl")
    found = "2 of 2 citations found in the documents as cited"
    assert (stands.code, stands.err) == (
        0,
        f"{found} (not checked: whether they support the answer)\n",
    )
    (docs / "guide.md").write_text("Moved down.\n" + (docs / "guide.md").read_text())
    moved = minions("verify", "many.jsonl", "--json")
    checks = [json.loads(line)["checks"][0] for line in moved.out.splitlines()]
    assert (moved.code, [check["status"] for check in checks]) == (5, ["moved", "moved"])


@pytest.mark.parametrize(
    "content", ["", "no JSON", "{}", '{"schema": "minions/2"}', '{"error": {}}', "[1]"]
)
def test_verify_refuses_what_is_no_result(minions: Any, here: Path, content: str) -> None:
    """A file without a result is a usage error, with the command that makes one."""
    (here / "r.json").write_text(content)
    ended = minions("verify", "r.json")
    assert ended.code == 2
    assert "minions ask ... --json" in ended.err


def test_models_lists_what_is_here(minions: Any) -> None:
    """Each known model with its weights or the command that downloads them, and the models in use."""
    listed = minions("models").out
    assert "qwen2.5-coder-1.5b" in listed
    assert "worker    " in listed
    assert {model["name"] for model in minions("models", "list", "--json").json["models"]} >= {
        "qwen2.5-coder-0.5b"
    }


def test_doctor_prints_each_check(minions: Any, docs: Path) -> None:
    """One line per check; exit code 0 if a question could be asked, else 6."""
    ready = minions("doctor", *CREW)
    assert (ready.code, ready.out.splitlines()[-1]) == (0, "ready: minions ask 'QUESTION' FOLDER")
    missing = minions("doctor", "--planner", "local", "--worker", "scripted:nowhere.json", "--json")
    assert (missing.code, missing.json["ready"]) == (6, False)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_download_shows_how_far_it_is(
    capsys: pytest.CaptureFixture[str], *, terminal: bool
) -> None:
    """The first and the last state are shown, not each of a thousand."""
    progress = byte_progress(terminal=terminal)
    for done in range(1, 1001):
        progress(done * 1_000_000, 1_000_000_000)
    shown = capsys.readouterr().err.replace("\r", "\n").split()
    assert shown.count("of") == 2
    assert "1,000" in shown


def test_a_retry_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A retry is logged with its model, wait and reason, and none of the retry library's own fields."""
    try:
        configure_logging(verbose=0, quiet=False)
        facts = {
            "callable": "openai:p",
            "args": (),
            "kwargs": {},
            "wait_for": 0.5,
            "caused_by": "ServerError('oops')",
        }
        structlog.get_logger().warning(
            "stamina.retry_scheduled", retry_num=1, waited_so_far=0, **facts
        )
    finally:
        structlog.reset_defaults()
    shown = capsys.readouterr().err
    assert all(text in shown for text in ("trying again", "openai:p", "0.5", "oops"))
    assert "kwargs" not in shown


def test_logging_is_quiet_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings by default, information with -v, errors only when quiet; all of it on stderr."""
    try:
        for verbose, quiet in ((0, False), (1, False), (0, True)):
            configure_logging(verbose=verbose, quiet=quiet)
            log = structlog.get_logger()
            log.info("a_fact")
            log.warning("a_warning")
        captured = capsys.readouterr()
    finally:
        structlog.reset_defaults()
    assert (captured.err.count("a fact"), captured.err.count("a warning"), captured.out) == (
        1,
        2,
        "",
    )
