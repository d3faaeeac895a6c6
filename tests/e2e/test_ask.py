"""Asking, as a user does it: the process, its output, its exit code."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import LoopbackServer, Rule, faults
from minions.values.answers import Answer

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = "How tall is the lighthouse at Skerrow?"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall."


def test_the_answer_and_its_citation_go_to_stdout_and_the_bill_to_stderr(
    minions: Any, guide: Path, crew: Any
) -> None:
    """On stdout stand the answer, an empty line and the citations; the offsets are those of the file."""
    ended = minions("ask", QUESTION, "docs", *crew)
    start = (guide / "guide.md").read_text().index(SENTENCE)
    citation = f'[1] docs/guide.md (characters {start}-{start + len(SENTENCE)}): "{SENTENCE}"'
    assert (ended.code, ended.out) == (0, f"41 metres\n\n{citation}\n"), ended.err
    for word in ("planner", "2 calls", "worker", "compare", "estimate", "$"):
        assert word in ended.err


def test_json_is_one_object_of_the_schema(minions: Any, guide: Path, crew: Any) -> None:
    """With --json stdout is exactly one minions/1 object, and its quote stands at its offsets."""
    ended = minions("ask", QUESTION, guide, *crew, "--json", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["schema"] == "minions/1"
    answer = Answer.model_validate_json(ended.out)
    (citation,) = answer.citations
    assert (
        (guide / "guide.md").read_text()[citation.start : citation.end]
        == citation.quote
        == SENTENCE
    )
    assert answer.stop_reason == "answered"
    assert answer.baseline is not None


def test_the_ledger_holds_what_the_servers_received(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer, worker: LoopbackServer
) -> None:
    """Requests and tokens of both servers equal the ledger's; `egress` prints the cloud's bytes, all findings."""
    assert minions("ask", QUESTION, guide, *crew).code == 0
    rows = {row["key"]: row for row in minions("ledger", "--by", "role", "--json").json}
    for role, server in (("planner", planner), ("worker", worker)):
        assert rows[role]["calls"] == len(server.requests)
        assert rows[role]["input_tokens"] == sum(usage.input_tokens for usage in server.usages)
        assert rows[role]["output_tokens"] == sum(usage.output_tokens for usage in server.usages)
    sent = minions("egress", "last")
    bodies = [request.body for request in planner.requests]
    assert sent.out.encode() == b"".join(body + b"\n" for body in bodies)
    assert SENTENCE.encode() in bodies[-1]
    assert not any(b"Nothing here stands by the sea" in body for body in bodies)


def test_events_are_lines_with_run_number_and_time(minions: Any, guide: Path, crew: Any) -> None:
    """--events FILE holds one JSON object an event, in order, the last of them the answer that stdout shows."""
    assert minions("ask", QUESTION, guide, *crew, "--events", "events.jsonl").code == 0
    events = [
        json.loads(line) for line in (minions.folder / "events.jsonl").read_text().splitlines()
    ]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events]
    assert {"index", "start", "plan", "job", "finding", "cloud_call", "answer"} <= set(kinds)
    assert kinds[-1] == "answer"
    assert {event["run_id"] for event in events[kinds.index("start") :]} == {
        events[-1]["answer"]["run_id"]
    }
    assert all(event["time"].endswith("Z") for event in events)


def test_question_and_paths_come_from_stdin(minions: Any, guide: Path, crew: Any) -> None:
    """`-` reads the question, `-f -` the paths."""
    asked = minions("ask", "-", guide, *crew, "--quiet", stdin=QUESTION + "\n")
    listed = minions("ask", QUESTION, "-f", "-", *crew, "--quiet", stdin="docs/guide.md\n\n")
    assert asked.out.startswith("41 metres\n")
    assert listed.out.startswith("41 metres\n")


def test_an_answer_can_be_verified_until_the_document_changes(
    minions: Any, guide: Path, crew: Any
) -> None:
    """`verify` exits 0 on what ask --json printed, and 5 after the cited line was edited."""
    minions.write("result.json", minions("ask", QUESTION, "docs", *crew, "--json").out)
    stands = minions("verify", "result.json")
    assert (stands.code, stands.out[:2]) == (0, "OK")
    (guide / "guide.md").write_text((guide / "guide.md").read_text().replace("41", "14"))
    fails = minions("verify", "result.json")
    assert fails.code == 5
    assert "changed" in fails.out


def test_a_run_is_on_record(minions: Any, guide: Path, crew: Any) -> None:
    """`runs` lists it with its cost; show prints question, answer, citation and each call."""
    run_id = minions("ask", QUESTION, guide, *crew, "--json").json["run_id"]
    listed = minions("runs").out
    assert run_id in listed
    assert "answered" in listed
    shown = minions("show", run_id[:-2]).out
    for text in (QUESTION, "41 metres", SENTENCE, "planner (cloud)", "openai:reader"):
        assert text in shown


def test_a_scripted_crew_needs_no_server(minions: Any, guide: Path) -> None:
    """Offline, with scripts for models, the whole way works."""
    task = {"instruction": QUESTION, "search": ["lighthouse tall"], "documents": ["guide.md"]}
    decision = {"answer": "41 metres", "findings": ["f1"], "confidence": 1}
    rules = [
        {"contains": "You plan how", "reply": {"tasks": [task]}},
        {"contains": "Findings:", "reply": decision},
    ]
    minions.write("planner.json", json.dumps({"rules": rules}))
    look = {"contains": "Answer yes or no", "first_token": {"yes": -0.1, "no": -3}, "reply": "yes"}
    minions.write(
        "worker.json",
        json.dumps({"rules": [look], "default": {"lines": [2], "answer": "41 metres"}}),
    )
    ended = minions(
        "ask",
        QUESTION,
        guide,
        "--planner",
        "scripted:planner.json",
        "--worker",
        "scripted:worker.json",
    )
    assert (ended.code, ended.out.splitlines()[0]) == (0, "41 metres"), ended.err
    assert minions("egress", "last").out == ""


def test_an_ollama_worker_answers_too(
    minions: Any, guide: Path, planner: LoopbackServer, worker: LoopbackServer
) -> None:
    """The same question through Ollama's native API."""
    models = (
        "--planner",
        f"openai:planner@{planner.openai_url}",
        "--worker",
        f"ollama:reader@{worker.url}",
    )
    ended = minions("ask", QUESTION, guide, *models)
    assert (ended.code, ended.out.splitlines()[0]) == (0, "41 metres"), ended.err
    assert {request.path for request in worker.requests} == {"/api/chat"}


@pytest.mark.parametrize("said", [None, "The documents do not mention a cook."])
def test_no_answer_has_its_own_code(
    minions: Any, guide: Path, worker: LoopbackServer, said: str | None
) -> None:
    """When the planner finds no answer, or says so in words, the exit code is 3 and stdout is empty; why is on stderr,
    and what was read is on record.
    """
    nothing: dict[str, Any] = {"answer": said, "findings": [], "confidence": 0, "tasks": []}
    plan = {"tasks": [{"instruction": "Who cooks at Skerrow?", "search": ["cook"]}]}
    rules = [Rule(contains="You plan how", reply=plan), Rule(contains="Findings:", reply=nothing)]
    with LoopbackServer(rules=rules) as planner:
        models = (
            "--planner",
            f"openai:p@{planner.openai_url}",
            "--worker",
            f"openai:reader@{worker.openai_url}",
        )
        ended = minions("ask", "Who cooks at Skerrow?", guide, *models)
    assert (ended.code, ended.out) == (3, "")
    assert "no answer was found" in ended.err
    kept = minions("show", "last", "--json").json["answer"]
    assert (kept["answer"], kept["stop_reason"]) == (None, "no_answer")
    assert kept["warnings"] == ([f"the planner says: {said}"] if said else [])
    assert kept["coverage"]["documents"] == 2
    assert kept["coverage"]["read"] == kept["coverage"]["found"] + kept["coverage"]["abstained"] > 0


def test_a_budget_stops_the_run_with_a_partial_result(minions: Any, guide: Path, crew: Any) -> None:
    """A limit that no call fits into: nothing is sent, the partial result is printed and kept, the exit code is 4."""
    ended = minions("ask", QUESTION, guide, *crew, "--max-cost", "0.000001", "--json")
    assert (ended.code, ended.json["stop_reason"], ended.json["answer"]) == (4, "budget", None)
    assert "--max-cost" in ended.err
    assert minions("show", "last", "--json").json["status"] == "budget"
    assert minions("egress", "last").out == ""


def test_a_limit_needs_a_price(
    minions: Any, guide: Path, planner: LoopbackServer, worker: LoopbackServer
) -> None:
    """A cost limit for a model whose price nobody states is refused, with the flag that states it; nothing is sent."""
    models = (
        "--planner",
        f"openai:planner@{planner.openai_url}",
        "--worker",
        f"openai:reader@{worker.openai_url}",
    )
    ended = minions("ask", QUESTION, guide, *models, "--max-cost", "5")
    assert ended.code == 2
    assert "--price" in ended.err
    assert planner.requests == []


def test_a_time_limit_leaves_what_was_found(
    minions: Any, guide: Path, worker: LoopbackServer
) -> None:
    """--timeout ends a run whose planner hangs: exit code 4, status timeout on record."""
    with LoopbackServer(rules=[Rule(contains="You plan how", reply={"tasks": []})]) as planner:
        planner.fail_next(faults.stall(40))
        models = (
            "--planner",
            f"openai:p@{planner.openai_url}",
            "--worker",
            f"openai:reader@{worker.openai_url}",
        )
        ended = minions("ask", QUESTION, guide, *models, "--timeout", "0.5")
    assert ended.code == 4
    assert minions("show", "--json").json["status"] == "timeout"


@pytest.mark.usefixtures("interruptible")
def test_control_c_ends_the_run_and_records_it(
    minions: Any, guide: Path, worker: LoopbackServer
) -> None:
    """SIGINT: exit code 130, no traceback, the run on record as interrupted."""
    with LoopbackServer() as planner:
        planner.fail_next(faults.stall(40))
        models = (
            "--planner",
            f"openai:p@{planner.openai_url}",
            "--worker",
            f"openai:reader@{worker.openai_url}",
        )
        with minions.start("ask", QUESTION, guide, *models, "--events", "-", "--quiet") as process:
            for line in process.stdout:
                if json.loads(line)["kind"] == "start":
                    break
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert minions("show", "--json").json["status"] == "interrupted"
