"""What goes wrong at a user's hands: a message that says what to do next, and its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import LoopbackServer, faults

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = "How tall is the lighthouse at Skerrow?"


def refused(ended: Any, code: int, *words: str) -> None:
    """A one-line error and a next step on stderr, nothing on stdout."""
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert "Traceback" not in ended.err
    error = next(line for line in ended.err.splitlines() if line.startswith("error: "))
    following = next(line for line in ended.err.splitlines() if line.startswith("next: "))
    for word in words:
        assert word in error + following


def test_no_such_path_names_what_is_near(minions: Any, guide: Path) -> None:
    """A misspelt folder is told apart from an empty one."""
    refused(minions("ask", QUESTION, "dcos"), 2, "no such path: dcos", "docs")


def test_an_empty_folder_holds_nothing_to_ask(minions: Any) -> None:
    """There is nothing to read: say so before any model is called."""
    (minions.folder / "empty").mkdir()
    refused(minions("ask", QUESTION, "empty"), 2, "no files in empty")


def test_unreadable_files_among_good_ones_are_listed(minions: Any, guide: Path, crew: Any) -> None:
    """An empty file, a binary and a broken PDF do not stop the run: coverage names each with its reason."""
    minions.write("docs/empty.txt", "")
    minions.write("docs/blob.bin", bytes(range(256)) * 20)
    minions.write("docs/broken.pdf", b"%PDF-1.7\nthis is no PDF")
    ended = minions("ask", QUESTION, "docs", *crew, "--json")
    assert (ended.code, ended.json["answer"]) == (0, "41 metres"), ended.err
    reasons = {item["path"]: item["reason"] for item in ended.json["coverage"]["unreadable"]}
    assert reasons.keys() == {"docs/empty.txt", "docs/blob.bin", "docs/broken.pdf"}
    assert all(reasons.values())


def test_a_wrong_key_is_told_without_showing_it(
    minions: Any, guide: Path, crew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 ends the run with exit code 6 and the variable to set; no part of the key is printed."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-and-wrong")
    ended = minions("ask", QUESTION, guide, *crew, "-vv")
    assert "secret" not in ended.err
    refused(ended, 6, "OPENAI_API_KEY")


def test_an_unreachable_worker_is_told(
    minions: Any, guide: Path, planner: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens: exit code 6, and how to mend it."""
    monkeypatch.setenv("MINIONS_ATTEMPTS", "1")
    models = (
        "--planner",
        f"openai:planner@{planner.openai_url}",
        "--worker",
        "openai:w@http://127.0.0.1:9/v1",
    )
    ended = minions("ask", QUESTION, guide, *models)
    refused(ended, 6, "127.0.0.1:9", "start the server")
    assert ended.err.count("nothing answers") == 1


def test_an_unknown_model_is_told(
    minions: Any, guide: Path, planner: LoopbackServer, worker: LoopbackServer
) -> None:
    """404 for the model: exit code 6, and the name that was asked for."""
    models = (
        "--planner",
        f"openai:nobody@{planner.openai_url}",
        "--worker",
        f"openai:reader@{worker.openai_url}",
    )
    refused(minions("ask", QUESTION, guide, *models), 6, "nobody")


def test_a_server_that_talks_nonsense_is_told(
    minions: Any, guide: Path, worker: LoopbackServer
) -> None:
    """A planner that never makes sense ends the run, with exit code 1 or 6, after a few tries."""
    with LoopbackServer(default="I would rather talk about the weather.") as planner:
        models = (
            "--planner",
            f"openai:p@{planner.openai_url}",
            "--worker",
            f"openai:reader@{worker.openai_url}",
        )
        ended = minions("ask", QUESTION, guide, *models)
        assert 2 <= len(planner.requests) <= 8
    refused(ended, 1, "JSON")


def test_garbage_on_the_wire_is_told(
    minions: Any,
    guide: Path,
    planner: LoopbackServer,
    worker: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server whose replies are no JSON is a backend that is not available: exit code 6."""
    monkeypatch.setenv("MINIONS_ATTEMPTS", "1")
    planner.fail_next(*[faults.garbage()] * 20)
    models = (
        "--planner",
        f"openai:planner@{planner.openai_url}",
        "--worker",
        f"openai:reader@{worker.openai_url}",
    )
    refused(minions("ask", QUESTION, guide, *models), 6)


@pytest.mark.parametrize("worker", ["openai:w@http://192.0.2.1/v1", "ollama:big:120b-cloud"])
def test_a_worker_elsewhere_is_refused(
    minions: Any, guide: Path, planner: LoopbackServer, worker: str
) -> None:
    """Documents stay on this machine unless the user says otherwise: exit code 7, and the flag that allows it."""
    models = ("--planner", f"openai:planner@{planner.openai_url}", "--worker", worker)
    refused(minions("ask", QUESTION, guide, *models), 7, "--allow-remote-workers")
    assert planner.requests == []
