"""Looking at what would be sent, as a user does it: ``minions ask --show-egress``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from minions.testing import LoopbackServer

QUESTION: Final = "How tall is the lighthouse at Skerrow?"


def test_bodies_go_to_stdout_and_what_they_are_to_stderr(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """A request a line, as `egress` prints it; the planner is not asked, and there is nothing to see afterwards."""
    ended = minions("ask", QUESTION, guide, *crew, "--show-egress")
    assert ended.code == 0, ended.err
    first, second = (json.loads(line) for line in ended.out.splitlines())
    assert QUESTION in first["messages"][-1]["content"]
    assert "41 metres tall" in second["messages"][-1]["content"]
    for words in (
        "nothing was sent",
        "2 requests",
        "digest",
        "may ask for other passages",
        planner.openai_url,
    ):
        assert words in ended.err
    assert (planner.requests, planner.other_requests) == ([], [])
    assert minions("runs", "--json").json == []
    assert minions("ledger", "--json").json == []
    assert minions("egress", "--summary", "--json").json["requests"] == 0


def test_json_is_one_object(minions: Any, guide: Path, worker: LoopbackServer) -> None:
    """Its requests with their bodies parsed; a cloud that is named is enough, there is no key and no connection."""
    models = (
        "--planner",
        "openai:gpt-5.4",
        "--worker",
        f"openai:reader@{worker.openai_url}",
        "--policy",
        "strict",
    )
    ended = minions(
        "ask", QUESTION, guide, *models, "--max-cost", "1", "--show-egress", "--json", "--quiet"
    )
    assert (ended.code, ended.err) == (0, "")
    shown = ended.json
    assert (shown["schema"], shown["policy"], shown["planner"]) == (
        "minions-preview/1",
        "strict",
        "openai:gpt-5.4",
    )
    assert [request["endpoint"] for request in shown["requests"]] == [
        "https://api.openai.com/v1"
    ] * 2
    assert [request["body"]["model"] for request in shown["requests"]] == ["gpt-5.4"] * 2
    assert all(sum(request["kinds"].values()) == request["bytes"] for request in shown["requests"])
    assert shown["egress"]["withheld"]["quotes"] == 1
    assert "41 metres tall" not in ended.out


def test_with_a_planner_on_this_machine_nothing_is_sent(
    minions: Any, guide: Path, worker: LoopbackServer
) -> None:
    """Which is said, and is all that is done."""
    models = ("--worker", f"openai:reader@{worker.openai_url}")
    ended = minions("ask", QUESTION, guide, *models, "--local-only", "--show-egress")
    assert (ended.code, ended.out) == (0, "")
    assert "nothing would be sent" in ended.err
    assert worker.requests == []


@pytest.mark.parametrize("other", [("--dry-run",), ("--events", "-"), ("--events", "events.jsonl")])
def test_it_is_no_estimate_and_no_run(
    minions: Any, guide: Path, crew: Any, other: tuple[str, ...]
) -> None:
    """Both at once is one too many: an estimate asks no worker, and a run that nobody answers has no events."""
    ended = minions("ask", QUESTION, guide, *crew, "--show-egress", *other)
    assert (ended.code, ended.out) == (2, "")
    assert "cannot be used together" in ended.err


def test_what_would_stay_here_is_said(minions: Any, guide: Path, crew: Any) -> None:
    """A limit that keeps the findings away is seen before anything is sent."""
    ended = minions("ask", QUESTION, guide, *crew, "--show-egress", "--max-egress", "0")
    assert "0 of at most 0 bytes of the documents' text; to be withheld" in ended.err
    assert "1 finding over --max-egress" in ended.err
    assert "41 metres" not in ended.out
