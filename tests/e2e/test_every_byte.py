"""The log is what the cloud received: every body, byte for byte, whatever way a command takes and whatever fails on it.

The cloud is a server of this machine, under a loopback address or under a name that leads here, as a name server would
say it. Both HTTP stacks go there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from minions import Minions
from minions.testing import Fault, LoopbackServer, faults
from tests import lighthouse
from tests.lighthouse import QUESTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from minions.values.chat import ChatRequest

AT_ONCE: Final = (("Retry-After", "0"),)
WEATHER: Final = {
    0: Fault(status=500, message="oops", headers=AT_ONCE),
    2: faults.rate_limited("0"),
    5: faults.reset(),
    8: faults.garbage(),
    11: faults.cut_off(),
    14: faults.stall(60),
}
NAMED: Final = '''
"""The command line, where a name server knows cloud.example."""
import socket, sys
really = socket.getaddrinfo

def getaddrinfo(host, *others, **named):
    sys.audit("socket.getaddrinfo", host, *others, *[None] * 3)
    text = host.decode() if isinstance(host, bytes) else host
    return really("127.0.0.1" if text == "cloud.example" else host, *others, **named)

socket.getaddrinfo = getaddrinfo
from minions.cli.main import run
run(sys.argv[1:])
'''


def play(request: ChatRequest) -> Any:
    """What the lighthouse's models say, and what a judge does."""
    return (
        {"verdict": "right"}
        if "Given answer:" in request.messages[-1].content
        else lighthouse.play(request)
    )


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """Where planner and judge are: it fails now and then, in every way that comes before or after a body is read."""
    for name, value in (
        ("OPENAI_API_KEY", "k"),
        ("MINIONS_FIRST_TOKEN_TIMEOUT_S", "2"),
        ("MINIONS_WINDOW", "1"),
    ):
        monkeypatch.setenv(name, value)
    with LoopbackServer(play, faulty=WEATHER.get) as server:
        yield server


@pytest.fixture
def device() -> Iterator[LoopbackServer]:
    """Where workers are."""
    with LoopbackServer(play) as server:
        yield server


@pytest.fixture(params=["openai", "ollama"])
def named(request: pytest.FixtureRequest, cloud: LoopbackServer) -> str:
    """A model of the cloud, under its name, by either stack."""
    port = cloud.url.rpartition(":")[2]
    path = "/v1" if request.param == "openai" else ""
    return f"{request.param}:p@http://cloud.example:{port}{path}"


def run(minions: Any, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command, in a process whose name server knows the cloud."""
    command = [sys.executable, str(minions.write("named.py", NAMED)), *map(str, arguments)]
    return subprocess.run(
        command, cwd=minions.folder, capture_output=True, text=True, check=False, timeout=110
    )


def logged() -> list[list[bytes]]:
    """What the log says that each run sent."""
    with Minions() as minions:
        return [minions.egress(run.run_id) for run in minions.runs(limit=1000)]


def agrees(cloud: LoopbackServer) -> bool:
    """Whether the log holds what arrived and no more, of each run in its order."""
    received, runs = [request.body for request in cloud.requests], logged()
    assert Counter(body for run in runs for body in run) == Counter(received)
    return all(_in_order(run, received) for run in runs)


def _in_order(some: Sequence[bytes], received: Sequence[bytes]) -> bool:
    left = iter(received)
    return all(body in left for body in some)


@pytest.mark.parametrize("protocol", ["minions", "local"])  # an evaluation runs the others
def test_ask(
    minions: Any,
    guide: Path,
    cloud: LoopbackServer,
    device: LoopbackServer,
    named: str,
    protocol: str,
) -> None:
    """One question, its first call failed by the server and its third turned away: asked again, and logged again."""
    models = ("--planner", named, "--worker", f"openai:w@{device.openai_url}", "--policy", "open")
    ended = run(minions, "ask", QUESTION, guide, *models, "--protocol", protocol)
    assert (ended.returncode, ended.stdout.splitlines()[:1]) == (0, ["41 metres"]), ended.stderr
    assert agrees(cloud)
    assert bool(cloud.requests) == (protocol != "local")
    (only,) = logged()
    printed = minions("egress", "last", "--quiet")
    assert printed.out.encode() == b"".join(body + b"\n" for body in only)
    assert only == [request.body for request in cloud.requests]


def test_batch(
    minions: Any, guide: Path, cloud: LoopbackServer, device: LoopbackServer, named: str
) -> None:
    """Eight questions through all that can fail: reset, garbage, a reply cut off, a server that says nothing."""
    asked = "".join(
        json.dumps({"id": f"q{number}", "question": f"{QUESTION} ({number})"}) + "\n"
        for number in range(8)
    )
    minions.write("in.jsonl", asked)
    models = ("--planner", named, "--worker", f"openai:w@{device.openai_url}")
    ended = run(minions, "batch", "in.jsonl", guide, "-o", "out.jsonl", *models)
    assert ended.returncode == 0, ended.stderr
    assert len(cloud.requests) == 8 * 2 + len(WEATHER)
    assert agrees(cloud)


def test_eval_with_a_judge(
    minions: Any, guide: Path, cloud: LoopbackServer, device: LoopbackServer, named: str
) -> None:
    """Every protocol, and the judge of their answers, whose bodies are in the log of the runs that it marks."""
    example = {
        "question": QUESTION,
        "answer": "Taller than forty of them",
        "kind": "abstractive",
        "documents": ["*"],
    }
    minions.write(
        "set.jsonl",
        "".join(json.dumps({"id": f"e{number}", **example}) + "\n" for number in range(2)),
    )
    models = (
        "--planner",
        named,
        "--worker",
        f"openai:w@{device.openai_url}",
        "--policy",
        "open",
        "--judge",
        named,
    )
    ended = run(
        minions,
        "eval",
        "set.jsonl",
        "--docs",
        guide,
        *models,
        "--protocol",
        "minions,minion,rag,remote,local",
    )
    assert ended.returncode == 0, ended.stderr
    assert len(cloud.requests) > len(WEATHER)
    assert any(b"Given answer" in request.body for request in cloud.requests)
    assert agrees(cloud)


@pytest.mark.parametrize("planner", ["openai:p@{0}/v1", "ollama:p:1b-cloud@{0}"])
@pytest.mark.parametrize(
    "worker", ["openai:w@http://cloud.example:{1}/v1", "ollama:w:1b-cloud@{0}"]
)
def test_a_worker_that_is_allowed_elsewhere(
    minions: Any, guide: Path, cloud: LoopbackServer, planner: str, worker: str
) -> None:
    """Passages go up, since the user said so, and each request with one is in the log."""
    models = [text.format(cloud.url, cloud.url.rpartition(":")[2]) for text in (planner, worker)]
    how = (
        "--planner",
        models[0],
        "--worker",
        models[1],
        "--allow-remote-workers",
        "--concurrency",
        "1",
    )
    ended = run(minions, "ask", QUESTION, guide, *how)
    assert ended.returncode == 0, ended.stderr
    assert any(b"Anna Reid" in request.body for request in cloud.requests)
    assert agrees(cloud)


def test_what_could_not_be_received_is_in_the_log_too(
    minions: Any, guide: Path, device: LoopbackServer
) -> None:
    """A cloud that is not there received nothing; what it was meant to get is on record all the same, once an attempt,
    since nobody knows how far it came.
    """
    with LoopbackServer() as gone:
        planner = f"openai:p@{gone.openai_url}"
    minions.folder.joinpath("minions.toml").write_text("attempts = 2\n")
    ended = minions(
        "ask", QUESTION, guide, "--planner", planner, "--worker", f"openai:w@{device.openai_url}"
    )
    assert ended.code == 6, ended.err
    ((first, second),) = logged()
    assert first == second
    assert QUESTION.encode() in first


@pytest.mark.parametrize(
    "lookup",
    [
        ("minions.corpus.index.Index.update", "other.example", "this machine only"),
        ("minions.corpus.index.Index.update", "cloud.example", "this machine only"),
        ("minions.run.condense.Condenser.digest", "other.example", "cloud.example only"),
        ("minions.run.condense.Condenser.digest", "cloud.example", None),
    ],
)
def test_no_other_name_is_reached(
    minions: Any,
    guide: Path,
    cloud: LoopbackServer,
    device: LoopbackServer,
    lookup: tuple[str, str, str | None],
) -> None:
    """The guard is there all the time: a planner is reached while it is asked, and nobody while documents are read."""
    method, host, allowed = lookup
    module, owner, name = method.rsplit(".", 2)
    hostile = f"""
from {module} import {owner}
really_{name} = {owner}.{name}
def {name}(*given, **named):
    socket.getaddrinfo({host!r}, 80)
    return really_{name}(*given, **named)
{owner}.{name} = {name}
run(sys.argv"""
    script = minions.write("other.py", NAMED.replace("run(sys.argv", hostile))
    planner = f"openai:p@http://cloud.example:{cloud.url.rpartition(':')[2]}/v1"
    models = ("--planner", planner, "--worker", f"openai:w@{device.openai_url}")
    command = [sys.executable, str(script), "ask", QUESTION, str(guide), *models]
    ended = subprocess.run(
        command, cwd=minions.folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == (7 if allowed else 0), ended.stderr
    if allowed:
        assert f"a lookup of {host} was refused: this command connects to {allowed}" in ended.stderr
