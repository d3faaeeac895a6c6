"""Whole runs over a small folder, planner and worker played by servers on this machine: answer, events, bodies."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from tests.golden import given, parts
from tests.golden.messages import token

if TYPE_CHECKING:
    from pathlib import Path

    from tests.golden.parts import ChatRequest

PROTOCOLS: Final = ("minions", "minion", "local", "rag", "remote")
_HEIGHT: Final = {
    "instruction": given.QUESTION,
    "search": ["lighthouse tall metres", "Skerrow height"],
}
_COUNT: Final = {
    "instruction": "Does the document name a light?",
    "output": "yes_no",
    "unit": "document",
    "reduce": "count",
    "search": [],
}
_AGAIN: Final = {
    "instruction": "When was the light at Skerrow built?",
    "documents": ["guide.md"],
    "search": ["built"],
}
_ANSWER: Final = "41 metres, {{41 - 17}} metres more than Hollin"


def play_planner(request: ChatRequest) -> Any:
    """Plans two tasks, asks once more where it may, and answers from the first two findings with a calculation."""
    text = request.messages[-1].content
    if "Findings:" not in text:
        return {
            "tasks": [_HEIGHT, _COUNT],
            "message": given.QUESTION,
            "search": ["lighthouse tall metres"],
        }
    if "Rounds left: 0" not in text and "Earlier:" not in text:
        ask = {"tasks": [_AGAIN], "message": "When was it built?"}
        return {"answer": None, "findings": [], "confidence": 0.2, **ask}
    found = list(dict.fromkeys(re.findall(r"\bf\d+\b", text.partition("Findings:")[2])))
    return {
        "answer": _ANSWER,
        "findings": found[:2],
        "confidence": 0.9,
        "tasks": [],
        "message": None,
    }


def play_worker(request: ChatRequest) -> Any:
    """Points at lines with digits, judges by the name Skerrow, and plans and decides where there is no cloud."""
    text = request.messages[-1].content
    if text.startswith("Question:"):
        return {
            "search": ["lighthouse tall metres"],
            "findings": ["f2", "f1"],
            "answer": "41 metres",
        }
    if request.first_token_candidates:
        likely = "Skerrow" in text
        return token({"Yes": -0.25, "No": -1.5} if likely else {"No": -0.125, "Yes": -2.25})
    lines = [int(number) for number in re.findall(r"^(\d+): .*(?:41|39|1871)", text, re.MULTILINE)]
    return {"lines": lines[:2], "answer": "41 metres" if lines else None}


def run(protocol: str, home: Path, **settings: Any) -> dict[str, Any]:
    """A question asked in the current folder: what comes back, what happened, what the cloud was sent."""
    observed: list[Any] = []
    policy = "open" if protocol in {"rag", "remote"} else "findings"
    chosen = {"protocol": protocol, "policy": policy, **settings}
    with parts.LoopbackServer(play_planner) as cloud, parts.LoopbackServer(play_worker) as device:
        here = {cloud.url: "http://cloud", device.url: "http://device"}
        with _minions(cloud, device, home, **chosen) as minions:
            answer = minions.ask(given.QUESTION, "folder", observe=observed.append)
            departures = minions.departures()
            usage = minions.ledger("role")
        assert [one.body for one in departures] == [one.body for one in cloud.requests]
        read = [json.loads(one.body) for one in device.requests]
    fixed = {answer.run_id: "the run", **here}
    events = [_event(one) for one in observed if one.kind not in {"index", "answer"}]
    told = {
        "answer": {**json.loads(answer.model_dump_json()), "elapsed_s": 0},
        "kinds of events": _runs_of([one.kind for one in observed]),
        "events": events,
        "bodies": [_body(one) for one in departures],
        "worker": [f"{len(json.dumps(one))} bytes: {_last_line(one)}" for one in read],
        "ledger": [one.model_dump(mode="json") for one in usage],
        "results": _results(home / parts.STORE_FILE),
    }
    return json.loads(_replaced(json.dumps(told), fixed))  # type: ignore[no-any-return]


def batch(home: Path, folder: Path) -> dict[str, Any]:
    """Questions of a file, one after the other: the lines of the output, and the counts as they grow."""
    observed: list[Any] = []
    asked, output = folder / "questions.jsonl", folder / "answers.jsonl"
    schema = {
        "type": "object",
        "properties": {"metres": {"type": "string"}},
        "required": ["metres"],
    }
    lines = [
        {"id": "tall", "question": given.QUESTION},
        {"question": "When was it built?", "documents": ["guide.md"], "max_rounds": 1},
        {"id": "schema", "question": given.QUESTION, "output_schema": schema},
        {"id": "tall", "question": "The same id again?"},
        {"id": "nowhere", "question": "Where?", "documents": ["no such file.md"]},
    ]
    asked.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    with parts.LoopbackServer(play_planner) as cloud, parts.LoopbackServer(play_worker) as device:
        here = {cloud.url: "http://cloud", device.url: "http://device"}
        with _minions(cloud, device, home, window=1) as minions:
            summary = minions.batch(
                "questions.jsonl", "folder", output=output, observe=observed.append
            )
            again = minions.batch("questions.jsonl", "folder", output=output)
    written = output.read_text("utf-8").splitlines()
    told = {
        "lines": [{**json.loads(line), "elapsed_s": 0} for line in written],
        "events": [one.model_dump(mode="json") for one in observed if one.kind == "batch"],
        "summary": summary.model_dump(mode="json", exclude={"output", "elapsed_s"}),
        "summary of the same command again": again.model_dump(
            mode="json", exclude={"output", "elapsed_s"}
        ),
    }
    runs = [json.loads(line).get("run_id") for line in written]
    fixed = {run: f"run {number}" for number, run in enumerate(runs, 1) if run}
    return json.loads(_replaced(json.dumps(told), {**here, **fixed}))  # type: ignore[no-any-return]


def _minions(cloud: Any, device: Any, home: Path, **settings: Any) -> Any:
    chosen = {
        "concurrency": 1,
        "prices": ("openai:planner=2/10/0.5", "openai:gpt-5.4=2/10/0.5"),
        "openai_api_key": "none",
        "home": home,
        "chunk_tokens": 60,
        **settings,
    }
    return parts.Minions(
        f"openai:planner@{cloud.openai_url}", f"openai:worker@{device.openai_url}", **chosen
    )


def _event(event: Any) -> dict[str, Any]:
    return json.loads(event.model_dump_json())  # type: ignore[no-any-return]


def _runs_of(kinds: list[str]) -> list[str]:
    """Kinds in their order, those that come several times in a row with their count."""
    told: list[tuple[str, int]] = []
    for kind in kinds:
        if told and told[-1][0] == kind:
            told[-1] = (kind, told[-1][1] + 1)
        else:
            told.append((kind, 1))
    return [f"{kind} x{count}" if count > 1 else kind for kind, count in told]


def _body(departure: Any) -> dict[str, Any]:
    body = json.loads(departure.body)
    for message in body["messages"]:
        message["content"] = message["content"].split("\n")
    return {
        "role": departure.role,
        "round": departure.round,
        "bytes": departure.bytes,
        "kinds": departure.kinds,
        "sha256": hashlib.sha256(departure.body).hexdigest(),
        "body": body,
    }


def _last_line(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"].rstrip().rpartition("\n")[2])


def _results(store: Path) -> dict[str, Any]:
    """The worker's results as they are kept, by their keys."""
    connection = sqlite3.connect(store)
    try:
        rows = connection.execute("SELECT key, result FROM results").fetchall()
    finally:
        connection.close()
    return {key.hex(): json.loads(result) for key, result in rows}


def _replaced(text: str, fixed: dict[str, str]) -> str:
    for value, name in fixed.items():
        text = text.replace(value, name)
    return text
