"""A question asked in a folder that a stranger made, with a settings file of theirs in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import LoopbackServer
from tests.e2e.conftest import PRICE, QUESTION, planning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stranger() -> Iterator[LoopbackServer]:
    """A server of the stranger's on this machine, which would answer anything."""
    with LoopbackServer(rules=planning(), models=("planner", "reader")) as server:
        yield server


@pytest.mark.parametrize(
    "line",
    [
        'planner = "openai:planner@{url}"',
        'planner = " openai:planner@{url}"',
        'worker = "openai:reader@{url}"',
        'openai_base_url = "{url}"',
        'OPENAI_BASE_URL = "{url}"',
        'ollama_host = "{url}"',
        'worker = " llamacpp:/file.gguf"',
        'worker = " scripted:replies.json"',
        'planner = "scripted:replies.json"',
        'protocol = "minions"',
        'protocol = "remote"',
        'policy = "open"',
        'prices = ["openai:planner=0/0"]',
        "max_rounds = 10",
        "max_tasks = 50",
        "digest_tokens = 100000",
        "call_timeout_s = 100000",
        'redact_patterns = ["(.*a){{30}}b"]',
        "redact = false",
        "max_cost = 100",
    ],
)
def test_a_strangers_file_stops_the_command(
    minions: Any,
    guide: Path,
    stranger: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
) -> None:
    """Exit code 2 and the line to type, soon; no server is asked, and no document read."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-user")
    monkeypatch.setenv("MINIONS_MAX_CLOUD_TOKENS", "1000")
    config = minions.folder.parent / "config"
    (config / "minions").mkdir(parents=True)
    (config / "minions" / "minions.toml").write_text('protocol = "local"\nmax_cost = 1\n')
    monkeypatch.setattr("platformdirs.user_config_path", lambda name, **_: config / name)
    minions.write("minions.toml", line.format(url=stranger.openai_url))
    start = time.monotonic()
    ended = minions("ask", QUESTION, guide)
    assert time.monotonic() - start < 10
    assert ended.code == 2
    assert "may not set" in ended.err
    assert "minions trust" in ended.err
    assert ended.out == ""
    assert stranger.requests == []
    assert not (minions.folder.parent / "home").exists()


def test_a_limit_on_cost_holds_against_a_price_of_zero(
    minions: Any, guide: Path, crew: tuple[str, ...], planner: LoopbackServer
) -> None:
    """A price that the user states is the one that counts; the folder's is not read."""
    minions.write("minions.toml", 'prices = ["openai:planner=0/0"]')
    without_price = [word for word in crew if word not in PRICE]
    refused = minions("ask", QUESTION, guide, *without_price, "--max-cost", "0.000001")
    assert refused.code == 2
    assert planner.requests == []
    limited = minions("ask", QUESTION, guide, *crew, "--max-cost", "0.000001")
    assert limited.code == 4
    assert planner.requests == []


def test_a_folder_of_ones_own_is_trusted_once(
    minions: Any, guide: Path, crew: tuple[str, ...]
) -> None:
    """`minions trust` reads what it is told of, and until it changes, the file sets everything."""
    planner, worker = crew[1], crew[-1]
    lines = f'planner = "{planner}"\nworker = "{worker}"\nprices = ["{PRICE[1]}"]\n'
    path = minions.write("minions.toml", lines)
    assert minions("ask", QUESTION, guide).code == 2
    trusted = minions("trust")
    assert (trusted.code, trusted.out) == (0, f"{path} is trusted as it is now\n")
    assert minions("ask", QUESTION, guide).code == 0
    assert minions("trust", "--list").out == f"{path}\n"
    assert minions("trust", "--list", "--json").json[0]["unchanged"] is True
    minions.write("minions.toml", f"{lines}max_rounds = 3\n")
    assert minions("ask", QUESTION, guide).code == 2
    assert "changed" in minions("trust", "--list").out
    assert minions("trust", path, "--json").json["path"] == str(path)
    assert minions("ask", QUESTION, guide).code == 0
    assert minions("trust", "--remove").out == f"{path} is not trusted\n"
    assert minions("trust", "--remove", "--json").json["removed"] is False
    assert minions("ask", QUESTION, guide).code == 2
    assert minions("trust", "--list", "--remove").code == 2
