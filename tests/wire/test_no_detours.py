"""A request goes to the endpoint that was named, or nowhere: no redirect, no proxy before this
machine, no foreign credentials.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from minions import Minions
from minions.errors import RequestRefusedError
from minions.models.ollama import OllamaModel
from minions.models.openai import OpenAIModel
from minions.network import probes
from minions.network.reference import ModelRef
from minions.settings import Settings
from minions.testing import Fault, LoopbackServer
from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from minions.ports import ChatModel

ASKING = ChatRequest(messages=(Message(role="user", content="a passage"),), max_output_tokens=50)
REDIRECTS: Final = (301, 302, 303, 307, 308)
PROXIES: Final = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)
KEY: Final = "key-of-the-test"


def openai(url: str) -> ChatModel:
    """The adapter of OpenAI-compatible endpoints."""
    return OpenAIModel(ModelRef.parse("openai:m"), base_url=f"{url}/v1", api_key=KEY)


def ollama(url: str) -> ChatModel:
    """The adapter of Ollama, which asks first if the model is there."""
    return OllamaModel(ModelRef.parse("ollama:m"), host=url, must_be_here=True)


BOTH: Final = pytest.mark.parametrize("connect", [openai, ollama])


class Listening:
    """A place that no connection should reach; it counts those that do."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.port = server.getsockname()[1]

    @property
    def was_reached(self) -> bool:
        try:
            connection, _ = self._server.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True


@contextmanager
def listening() -> Iterator[Listening]:
    """A port of this machine where connections are counted and get no reply."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield Listening(server)


def test_a_connection_is_noticed() -> None:
    """The counting that the other tests rely on works."""
    with listening() as place:
        assert not place.was_reached
        with socket.create_connection(("127.0.0.1", place.port)):
            assert place.was_reached


@BOTH
@pytest.mark.parametrize("status", REDIRECTS)
async def test_no_redirect_is_followed(connect: Callable[[str], ChatModel], status: int) -> None:
    """The prompt is sent to one place only, and the error says where it was to go on."""
    with LoopbackServer(default="hi") as server, listening() as other:
        place = f"http://127.0.0.1:{other.port}/v1/chat/completions"
        server.fail_next(Fault(status=status, headers=(("Location", place),), message="moved"))
        model = connect(server.url)
        with pytest.raises(RequestRefusedError) as refused:
            await model.complete(ASKING)
        await model.aclose()
        assert not other.was_reached
    assert len(server.requests) == 1
    assert place in (refused.value.hint or "")


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("post", [None, {"model": "m"}])
def test_no_probe_follows_a_redirect(status: int, post: Any) -> None:
    """Neither the key nor the model's name is sent to another place."""

    class Moving(LoopbackServer):
        def get(self, _: str) -> Any:
            return Fault(status=status, headers=(("Location", place),), message="moved")

        def post(self, path: str, body: Any) -> Any:
            assert body == post
            return self.get(path)

    with Moving() as server, listening() as other:
        place = f"http://127.0.0.1:{other.port}/"
        page = probes.fetch(f"{server.url}/props", api_key=KEY, post=post)
        assert (page.status, other.was_reached) == (status, False)


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    """An environment that wants everything to go through a proxy."""
    with listening() as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        yield proxy


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_proxy_stands_before_this_machine(
    proxied: Listening, connect: Callable[[str], ChatModel], host: str
) -> None:
    """A local model is asked directly, whatever the environment says."""
    with LoopbackServer(default="hi") as server:
        model = connect(server.url.replace("127.0.0.1", host))
        assert (await model.complete(ASKING)).text == "hi"
        await model.aclose()
    assert not proxied.was_reached


def test_no_part_of_a_run_goes_through_a_proxy(proxied: Listening, tmp_path: Path) -> None:
    """This holds for the planner, workers of both kinds, the probe of their slots, and doctor."""
    (tmp_path / "a.txt").write_text("The lighthouse is 41 metres tall.")
    plan = {
        "tasks": [{"instruction": "How tall?"}],
        "answer": "41",
        "findings": [],
        "confidence": 1,
    }
    with (
        LoopbackServer(default=plan) as cloud,
        LoopbackServer(default={"lines": [1], "answer": "41"}) as device,
    ):
        for worker in (f"openai:w@{device.openai_url}", f"ollama:w@{device.url}"):
            settings: Any = {
                "planner": f"openai:p@{cloud.openai_url}",
                "worker": worker,
                "openai_api_key": KEY,
            }
            with Minions(**settings, attempts=1) as minions:
                assert minions.ask("How tall is it?", tmp_path / "a.txt").stop_reason == "answered"
                minions.doctor()
    assert {request.path for request in cloud.other_requests} == {"/v1/models"}
    assert {request.path for request in device.other_requests} >= {
        "/props",
        "/v1/models",
        "/api/show",
        "/api/tags",
    }
    assert not proxied.was_reached


@BOTH
async def test_no_credentials_come_from_a_netrc(
    connect: Callable[[str], ChatModel], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A password in a file for another program is not sent."""
    (tmp_path / ".netrc").write_text(
        "default login me password hunter2\nmachine 127.0.0.1 login me password hunter2\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with LoopbackServer(default="hi") as server:
        model = connect(server.url)
        await model.complete(ASKING)
        await model.aclose()
        probes.fetch(f"{server.url}/props")
    sent = {
        request.headers.get("authorization")
        for request in (*server.requests, *server.other_requests)
    }
    assert sent == ({f"Bearer {KEY}", None} if connect is openai else {None})


class Proxy(LoopbackServer):
    """A proxy that is itself the cloud: it answers whatever address it is asked for."""

    def post(self, path: str, body: Any) -> Any:
        chat = self.chat(
            "openai" if path.endswith("completions") else "ollama", self.other_requests[-1]
        )
        assert body
        return chat


@pytest.mark.parametrize(
    ("planner", "path"),
    [
        ("openai:m@http://cloud.example/v1", "http://cloud.example/v1/chat/completions"),
        ("ollama:m@http://cloud.example:11434", "http://cloud.example:11434/api/chat"),
    ],
)
async def test_an_endpoint_elsewhere_may_need_a_proxy_and_gets_no_more_through_it(
    planner: str, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment's proxy is used for it, with the endpoint's own key and nothing of a netrc."""
    from minions.wiring.adapters import Adapters

    (tmp_path / ".netrc").write_text("machine cloud.example login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Proxy(default="hi") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        settings = Settings.load({"openai_api_key": KEY})
        model = await Adapters.of(settings, settings.endpoints()).open(
            ModelRef.parse(planner), slots=1
        )
        assert (await model.complete(ASKING)).text == "hi"
        await model.aclose()
    (sent,) = proxy.other_requests
    assert sent.path == path
    assert sent.headers.get("authorization") == (
        f"Bearer {KEY}" if planner.startswith("openai") else None
    )
    assert not any(name.startswith("proxy-auth") for name in sent.headers)


def test_a_proxy_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Ollama's client reads the environment's proxies as it loads, even for a server on this
    machine: the error names them, without a traceback.
    """
    (tmp_path / "a.txt").write_text("The lighthouse is 41 metres tall.")
    with LoopbackServer(default="hi") as server:
        command = [
            sys.executable,
            "-m",
            "minions.cli.main",
            "ask",
            "How tall?",
            str(tmp_path),
            "--local-only",
        ]
        done = subprocess.run(
            [*command, "--worker", f"ollama:w@{server.url}"],
            env={**os.environ, "ALL_PROXY": "socks5://127.0.0.1:9"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, server.requests) == (2, [])
    assert "ALL_PROXY" in done.stderr
    assert "Traceback" not in done.stderr
