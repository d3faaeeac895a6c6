"""Keys are used and never shown: not in output, logs, events, errors, results, nor anywhere in the home."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from minions.testing import LoopbackServer, faults

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTION: Final = "How tall is the lighthouse at Skerrow?"
KEY: Final = "canary-5Fz81qLw9TtR"  # not one that looks like a key
PASSWORD: Final = "p4ss-canary-Xy77Qm2b"
ALL: Final = ("-vv", "--json", "--events", "events.jsonl")


@pytest.fixture
def planner(planner: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> LoopbackServer:
    """A planner behind a key that must not be seen."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    planner.api_key = KEY
    return planner


def with_password(url: str) -> str:
    """The URL with a user and a password in it."""
    return url.replace("://", f"://someone:{PASSWORD}@")


def assert_nowhere(minions: Any, ended: Sequence[Any], secret: str) -> None:
    """The secret stands in nothing that commands printed, in no file that they wrote, and not in the home."""
    for one in ended:
        assert secret not in one.out, one.out
        assert secret not in one.err, one.err
    folders = (Path(os.environ["MINIONS_HOME"]), minions.folder)
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert any(file.name == "minions.sqlite3" for file in files)
    assert [file for file in files if secret.encode() in file.read_bytes()] == []


def test_a_key_that_works_is_not_shown(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """Everything that can be told is: -vv, events, JSON, and every record afterwards."""
    ended = [minions("ask", QUESTION, guide, *crew, *ALL)]
    assert (ended[0].code, ended[0].json["answer"]) == (0, "41 metres"), ended[0].err
    assert {request.headers["authorization"] for request in planner.requests} == {f"Bearer {KEY}"}
    ended += [minions(command, "last", "--json") for command in ("show", "egress")]
    ended += [minions("doctor", *crew, "--json", "-vv")]
    assert_nowhere(minions, ended, KEY)


@pytest.mark.parametrize(
    "fault", [faults.wrong_key(f"{KEY} {PASSWORD}"), faults.moved(f"http://x:{KEY}@127.0.0.1:9")]
)
def test_a_server_that_gives_the_key_away_is_not_believed(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer, fault: Any
) -> None:
    """Its refusal is told without the key, in a question and in the lines of a batch."""
    minions.write("in.jsonl", json.dumps({"id": "q1", "question": QUESTION}) + "\n")
    planner.fail_next(fault, fault)
    ended = [minions("ask", QUESTION, guide, *crew, *ALL)]
    ended += [minions("batch", "in.jsonl", guide, "-o", "out.jsonl", *crew, *ALL)]
    assert ended[0].code == 6, ended[0].err
    assert ended[1].code != 0
    assert KEY in str([request.headers for request in planner.requests])
    assert_nowhere(minions, ended, KEY)


@pytest.mark.parametrize("fault", [None, faults.wrong_key(PASSWORD), faults.reset()])
def test_a_password_in_a_url_is_not_shown(
    minions: Any,
    guide: Path,
    planner: LoopbackServer,
    worker: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
    fault: Any,
) -> None:
    """Nor by the worker's server; it is used."""
    planner.api_key = None
    planner.fail_next(*[fault] * 4 * bool(fault))
    models = (
        *(
            "--planner",
            f"openai:planner@{with_password(planner.openai_url)}",
            "--price",
            "openai:planner=1/1",
        ),
        *("--worker", f"openai:reader@{with_password(worker.openai_url)}"),
    )
    ended = [minions("ask", QUESTION, guide, *models, *ALL)]
    assert ended[0].code == (6 if fault else 0), ended[0].err
    assert planner.requests[0].headers["authorization"].startswith("Basic ")
    ended += [
        minions("doctor", *models, "-vv"),
        minions("estimate", QUESTION, guide, *models, "-vv"),
    ]
    ended += [minions("show", "last"), minions("egress", "last"), minions("ledger", "--json")]
    monkeypatch.setenv("MINIONS_PLANNER", models[1])
    ended += [
        minions("models", "-vv"),
        minions("ask", QUESTION, guide, "--local-only", "--protocol", "rag"),
    ]
    assert_nowhere(minions, ended, PASSWORD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_BASE_URL", f"http://someone:{PASSWORD}@127.0.0.1:9/v1"),
        ("OPENAI_BASE_URL", f"someone:{PASSWORD}@127.0.0.1:9/v1"),
        ("OPENAI_BASE_URL", f"http://someone:{PASSWORD}@127.0.0.1:port/v1"),
        ("OPENAI_BASE_URL", f"http://someone:{PASSWORD}@127.0.0.1:9 9/v1"),
        ("OPENAI_BASE_URL", f"http://someone:{PASSWORD}@[::1/v1"),
        ("OLLAMA_HOST", f"http://someone:{PASSWORD}@127.0.0.1:port"),
        ("OLLAMA_HOST", f"someone:{PASSWORD}@127.0.0.1:9"),
        ("MINIONS_PLANNER", f"openai:p@ftp://someone:{PASSWORD}@127.0.0.1:9"),
    ],
)
def test_a_setting_that_cannot_work_is_told_without_its_password(
    minions: Any,
    guide: Path,
    worker: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    """Unreachable, without a scheme, with a port that is none: in an error that is no bug."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("MINIONS_ATTEMPTS", "1")
    monkeypatch.setenv(name, value)
    planner = ("--planner", "openai:p") if name == "OPENAI_BASE_URL" else ()
    planner = ("--planner", "ollama:p") if name == "OLLAMA_HOST" else planner
    ended = minions(
        "ask", QUESTION, guide, *planner, "--worker", f"openai:reader@{worker.openai_url}", "-vv"
    )
    assert ended.code not in {0, 1}, ended.err
    assert PASSWORD not in ended.out + ended.err
    assert KEY not in ended.out + ended.err
