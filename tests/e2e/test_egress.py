"""What left is on record by kind, and what is on record can be forgotten, to the bytes of the disk."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from minions.testing import LoopbackServer

QUESTION = "How tall is the lighthouse at Skerrow?"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall."


def on_disk(text: str) -> list[str]:
    """The files of the home that hold a text, the index apart, which is a copy of the documents."""
    home = Path(os.environ["MINIONS_HOME"])
    files = [
        file for file in home.rglob("*") if file.is_file() and not file.name.startswith("index.")
    ]
    assert files
    return [file.name for file in files if text.encode() in file.read_bytes()]


def test_each_request_is_told_by_kind_and_the_kinds_add_up(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """For programs: whose, when, how much of what, the digest and the body as it was received; on stderr for people."""
    run_id = minions("ask", QUESTION, guide, *crew, "--json").json["run_id"]
    told = minions("egress", "last", "--json").json
    bodies = [request.body for request in planner.requests]
    assert (told["run_id"], told["total"]["requests"]) == (run_id, 2)
    assert [request["body"] for request in told["requests"]] == [
        json.loads(body) for body in bodies
    ]
    assert [request["sha256"] for request in told["requests"]] == [
        hashlib.sha256(body).hexdigest() for body in bodies
    ]
    for request, body in zip(told["requests"], bodies, strict=True):
        assert (request["endpoint"], request["role"], request["round"]) == (
            planner.openai_url,
            "planner",
            1,
        )
        assert request["bytes"] == len(body) == sum(request["kinds"].values())
        assert request["kinds"]["question"] == len(QUESTION)
    plan, decision = (request["kinds"] for request in told["requests"])
    assert plan.keys() == {"prompt", "question", "card", "schema", "form"}
    assert decision.keys() == {"prompt", "question", "digest", "schema", "form"}
    assert decision["digest"] >= len(SENTENCE)
    said = minions("egress", "last").err
    assert f"question {2 * len(QUESTION)}" in said
    assert f"card {plan['card']}" in said


def test_the_summary_adds_up_all_runs(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """By endpoint and kind, in text and JSON; what was before a time does not count."""
    assert minions("egress", "--summary").out == "nothing has been sent from this machine\n"
    for _ in range(2):
        assert minions("ask", QUESTION, guide, *crew).code == 0
    summary = minions("egress", "--summary", "--json").json
    sent = sum(len(request.body) for request in planner.requests)
    (endpoint,) = summary["endpoints"]
    assert (endpoint["endpoint"], endpoint["requests"], endpoint["bytes"]) == (
        planner.openai_url,
        4,
        sent,
    )
    assert sum(endpoint["kinds"].values()) == sent == summary["bytes"]
    assert f"{sent:,}" in minions("egress", "--summary", "--since", "7d").out
    assert minions("egress", "--summary", "--since", "2100-01-01", "--json").json["requests"] == 0
    assert (
        minions("egress", "--since", "7d").code
        == minions("egress", "last-but-one", "--summary").code
        == 2
    )


def test_a_deleted_run_is_gone_and_its_bill_stays(minions: Any, guide: Path, crew: Any) -> None:
    """The question, the answer and what was sent are in no file any more; ledger and log still add up."""
    asked = "How tall is Skerrow's lighthouse, the canary 7f3a9?"
    run_id = minions("ask", asked, guide, *crew, "--json").json["run_id"]
    assert minions("ask", QUESTION, guide, *crew).code == 0
    ledger, summary = (
        minions("ledger", "--json").json,
        minions("egress", "--summary", "--json").json,
    )
    assert on_disk("canary 7f3a9") == ["minions.sqlite3"]
    deleted = minions("runs", "delete", run_id)
    assert (deleted.code, "runs: 1, bodies of requests: 2" in deleted.out) == (0, True), deleted.err
    assert on_disk("canary 7f3a9") == []
    assert minions("show", run_id).code == 2
    assert [run["question"] for run in minions("runs", "--json").json] == [QUESTION]
    assert minions("ledger", "--json").json == ledger
    assert minions("egress", "--summary", "--json").json == summary
    assert minions("runs", "delete", run_id).code == 2


def test_a_purge_takes_the_old_and_says_what_it_took(minions: Any, guide: Path, crew: Any) -> None:
    """It needs to be told how old; a dry run takes nothing; with --index the documents go too."""
    assert minions("ask", QUESTION, guide, *crew).code == 0
    assert minions("purge").code == 2
    kept = minions("purge", "--older-than", "30d", "--json").json
    assert (kept["runs"], kept["erased"]) == (0, True)
    told = minions("purge", "--older-than", "2100-01-01", "--dry-run", "--index", "--json").json
    assert (told["runs"], told["bodies"], told["documents"], told["dry_run"]) == (1, 2, 2, True)
    assert len(minions("runs", "--json").json) == 1
    taken = minions("purge", "--older-than", "2100-01-01", "--index")
    assert "documents in the index: 2" in taken.out
    assert minions("runs", "--json").json == []
    home = Path(os.environ["MINIONS_HOME"])
    assert not [file for file in home.iterdir() if b"Skerrow" in file.read_bytes()]
    assert len(minions("ledger", "--json").json) == 2
    assert minions("cache", "--json").json == []


def test_without_retention_no_text_is_left_behind(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """The answer is printed, and nowhere on the disk; the log keeps size, kinds and digest; nothing is cached."""
    first = minions("ask", QUESTION, guide, *crew, "--no-retain-text", "--json")
    assert (first.code, first.json["answer"]) == (0, "41 metres"), first.err
    for text in ("41 metres", SENTENCE, "Skerrow is"):
        assert on_disk(text) == []
    record = minions("show", "last", "--json").json["answer"]
    cited = first.json["citations"][0]
    assert record["citations"] == [{**cited, "quote": ""}]
    assert (record["coverage"], record["usage"]) == (first.json["coverage"], first.json["usage"])
    assert "the text was not stored" in minions("show").out
    logged = minions("egress", "last", "--json").json["requests"]
    assert [one["body"] for one in logged] == [None, None]
    assert [one["sha256"] for one in logged] == [
        hashlib.sha256(request.body).hexdigest() for request in planner.requests
    ]
    printed = minions("egress", "last")
    assert (printed.out, "not stored" in printed.err) == ("", True)
    assert minions("cache", "--json").json == []


@pytest.mark.parametrize("retained", [True, False])
def test_a_batch_keeps_no_text_once_its_lines_stand(
    minions: Any, guide: Path, crew: Any, *, retained: bool
) -> None:
    """Its output is the user's file; what the home keeps of it goes when the line is written."""
    minions.write(
        "in.jsonl",
        "".join(json.dumps({"id": f"q{n}", "question": QUESTION}) + "\n" for n in range(2)),
    )
    how = () if retained else ("--no-retain-text",)
    ended = minions("batch", "in.jsonl", guide, "-o", "out.jsonl", *crew, *how)
    assert ended.code == 0, ended.err
    lines = [json.loads(line) for line in (minions.folder / "out.jsonl").read_text().splitlines()]
    assert [line["answer"] for line in lines] == ["41 metres", "41 metres"]
    assert bool(on_disk(SENTENCE)) is retained
