"""Nothing goes beyond this machine with --local-only, and nothing beyond the endpoints in use without it, whoever
tries: a dependency that phones home, a reader that a document makes connect, a model server that passes on.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from minions.testing import LoopbackServer
from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

QUESTION: Final = "How tall is the lighthouse at Skerrow?"
PHONING_HOME: Final = '''
"""The command line, with a dependency that phones home: as documents are read, and from a thread of its own."""
import json, socket, sys, threading
from minions.corpus.readers import registry

said = []

def phone():
    try:
        socket.create_connection(("192.0.2.1", 443), timeout=1).close()
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")
        raise

def quietly():
    try:
        socket.getaddrinfo("telemetry.example.org", 443)
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")

def hostile(function):
    def reading(*given, **named):
        thread = threading.Thread(target=quietly)
        thread.start()
        thread.join()
        phone()
        return function(*given, **named)
    return reading

from minions.corpus.index import Index
Index.update = hostile(Index.update)
from minions.cli.main import run
try:
    run(sys.argv[2:])
finally:
    open(sys.argv[1], "w").write(json.dumps(said))
'''


def phoning_home(minions: Any, *arguments: str | Path) -> tuple[int, str, list[str]]:
    """Run a command with such a dependency: its exit code, its stderr, and what the dependency met."""
    script, said = minions.write("phoning.py", PHONING_HOME), minions.folder / "said.json"
    command = [sys.executable, str(script), str(said), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=minions.folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr, json.loads(said.read_text())


@pytest.mark.parametrize(
    "command", [("ask", QUESTION, "docs"), ("index", "docs"), ("search", "lighthouse", "docs")]
)
def test_a_dependency_cannot_phone_home(
    minions: Any, guide: Path, crew: Any, command: tuple[str, ...]
) -> None:
    """Whatever is asked for, reading documents connects to nobody: exit code 7, and the address is named."""
    assert guide.is_dir()
    code, err, said = phoning_home(minions, *command, *(crew if command[0] == "ask" else ()))
    assert code == 7, err
    assert "a connection to 192.0.2.1, port 443, was refused" in err
    assert [each.partition(":")[0] for each in said] == ["EgressRefusedError"] * 2
    assert "a lookup of telemetry.example.org was refused" in said[0]


def test_with_local_only_the_error_names_the_option(
    minions: Any, guide: Path, worker: LoopbackServer
) -> None:
    """It holds for every thread of the process, from before the first document is read."""
    assert guide.is_dir()
    models = ("--worker", f"openai:reader@{worker.openai_url}")
    code, err, said = phoning_home(minions, "ask", QUESTION, "docs", *models, "--local-only")
    assert (code, worker.requests) == (7, [])
    assert "--local-only allows no connection to other machines" in err
    assert len(said) == 2


def test_local_only_answers_without_a_cloud(
    minions: Any, guide: Path, worker: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key and a proxy in the environment change nothing: the worker plans, and its server alone is talked to."""
    assert guide.is_dir()
    models = ("--worker", f"openai:reader@{worker.openai_url}")
    with LoopbackServer() as proxy:
        for name, value in (
            ("OPENAI_API_KEY", "k"),
            ("HTTP_PROXY", proxy.url),
            ("ALL_PROXY", proxy.url),
        ):
            monkeypatch.setenv(name, value)
        ended = minions("ask", QUESTION, guide, *models, "--local-only", "--json")
    assert ended.code in {0, 3}, ended.err
    assert worker.requests
    assert (proxy.requests, proxy.other_requests) == ([], [])
    assert minions("egress", "last").out == ""


@pytest.mark.parametrize(
    "flags", [("--planner", "openai:gpt-5.4"), ("--worker", "ollama:x:120b-cloud")]
)
def test_local_only_wins_over_what_is_allowed(
    minions: Any, guide: Path, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cloud planner and a remote worker are refused, even where another option allows them."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    ended = minions("ask", QUESTION, guide, *flags, "--local-only", "--allow-remote-workers")
    assert ended.code == 7, ended.err


class Ollama(LoopbackServer):
    """An Ollama that does not run the model itself: it says so when asked about it, or in its replies alone."""

    says_so = True

    def post(self, path: str, body: Any) -> Any:
        page = super().post(path, body)
        if path == "/api/show" and self.says_so and isinstance(page, dict):
            page |= {"remote_host": "https://ollama.com:443", "remote_model": "gpt-oss:120b"}
        return page

    def chat(self, protocol: Any, received: Any) -> Any:
        reply = super().chat(protocol, received)
        return (
            {**reply, "remote_host": "https://ollama.com:443"} if isinstance(reply, dict) else reply
        )


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    """Such a server."""

    def reply(_: ChatRequest) -> Completion:
        return Completion(text="{}", finish_reason="stop", usage=Usage())

    with Ollama(reply) as server:
        yield server


@pytest.mark.parametrize(
    "role", [("--worker",), ("--planner",), ("--allow-remote-workers", "--worker")], ids=" ".join
)
def test_a_model_that_ollama_passes_on_gets_nothing(
    minions: Any,
    guide: Path,
    crew: Any,
    planner: LoopbackServer,
    ollama: Ollama,
    role: tuple[str, ...],
) -> None:
    """Its name looks local and its server is, yet it runs elsewhere: no question and no passage goes to it, since none
    of it would be limited or logged. The error says where it would have gone, and what to type instead.
    """
    ended = minions("ask", QUESTION, guide, *crew, *role, f"ollama:mine@{ollama.url}")
    assert ended.code == 7, ended.err
    assert "https://ollama.com:443" in ended.err
    assert "-cloud" in ended.err
    assert (ollama.requests, planner.requests) == ([], [])


def test_a_model_that_begins_to_be_passed_on_ends_the_run(
    minions: Any, guide: Path, crew: Any, ollama: Ollama
) -> None:
    """Its first reply tells: there is no second request."""
    ollama.says_so = False
    ended = minions(
        "ask", QUESTION, guide, *crew, "--worker", f"ollama:mine@{ollama.url}", "--concurrency", "1"
    )
    assert ended.code == 7, ended.err
    assert len(ollama.requests) == 1


def test_a_cloud_tag_is_metered_and_not_refused(
    minions: Any, guide: Path, crew: Any, ollama: Ollama
) -> None:
    """A user who names the cloud model itself, and allows it, gets it: with each request in the log."""
    worker = f"ollama:gpt-oss:120b-cloud@{ollama.url}"
    assert minions("ask", QUESTION, guide, *crew, "--worker", worker).code == 7
    minions("ask", QUESTION, guide, *crew, "--worker", worker, "--allow-remote-workers")
    sent = minions("egress", "last").out.encode().splitlines()
    assert ollama.requests
    assert [body for body in sent if b"gpt-oss" in body] == [one.body for one in ollama.requests]


IN_A_PROGRAM: Final = """
import asyncio, json, socket, sys, threading
from minions import Minions

def connects():
    with socket.socket() as sock:
        try:
            sys.audit("socket.connect", sock, ("192.0.2.1", 443))
        except Exception as error:
            return type(error).__name__
    return "free"

async def main(url, paths):
    said = {}
    minions = Minions(worker=f"openai:reader@{url}", local_only=True, attempts=1)
    async def own_task():
        ends = []
        while not finished.is_set():
            ends.append(connects())
            await asyncio.sleep(0.001)
        return sorted(set(ends))
    finished = asyncio.Event()
    other = asyncio.create_task(own_task())
    said["observer"] = set()
    answer = await minions.aask("How tall?", paths, observe=lambda event: said["observer"].add(connects()))
    finished.set()
    said["other task"] = await other
    said["observer"] = sorted(said["observer"])
    said["between answers"] = [connects() async for _ in minions.map(["How tall?", "How old?"], paths)]
    said["afterwards"] = connects()
    said["thread"] = await asyncio.get_running_loop().run_in_executor(None, connects)
    minions.close()
    print(json.dumps(said))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def test_within_another_program_the_promise_is_for_the_call_alone(
    minions: Any, guide: Path, worker: LoopbackServer
) -> None:
    """``Minions(local_only=True)`` holds what it does itself; the program's other tasks and threads connect as ever,
    and so does its code between two answers.
    """
    script = minions.write("program.py", IN_A_PROGRAM)
    command = [sys.executable, str(script), worker.openai_url, str(guide)]
    done = subprocess.run(
        command, cwd=minions.folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {
        "observer": ["EgressRefusedError"],
        "other task": ["free"],
        "between answers": ["free", "free"],
        "afterwards": "free",
        "thread": "free",
    }
