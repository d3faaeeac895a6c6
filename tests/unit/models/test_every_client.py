"""No client escapes the log: which modules may make one, and every one that the wiring builds."""

from __future__ import annotations

import ast
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from minions.models.metered import metered
from minions.models.ollama import OllamaModel
from minions.models.openai import OpenAIModel
from minions.models.scripted import ScriptedModel
from minions.ports import ChatModel
from minions.settings import Settings
from minions.store.store import Store
from minions.testing import LoopbackServer
from minions.values.chat import ChatRequest, Message
from minions.wiring import recruit
from minions.wiring.lineup import Lineup
from tests.books import books_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from minions.run import crew

ROOT: Final = Path(__file__).parents[3]
CONNECTING: Final = {
    *(
        "httpx",
        "httpx2",
        "httpcore",
        "openai",
        "ollama",
        "xllamacpp",
        "anyio",
        "requests",
        "urllib3",
        "aiohttp",
    ),
    *(
        "socket",
        "ssl",
        "socketserver",
        "http",
        "urllib.request",
        "ftplib",
        "smtplib",
        "imaplib",
        "poplib",
        "nntplib",
    ),
    *(
        "telnetlib",
        "xmlrpc",
        "subprocess",
        "multiprocessing",
        "ctypes",
        "asyncio.subprocess",
        "websockets",
    ),
}
OPENING: Final = {
    "open_connection",
    "create_connection",
    "create_datagram_endpoint",
    "sock_connect",
    "urlopen",
}
MAY_CONNECT: Final = {
    "minions/models/openai.py": (
        {"httpx2", "openai"},
        "an adapter: what it sends is noted before it leaves",
    ),
    "minions/models/ollama.py": ({"httpx", "ollama", "http"}, "an adapter, likewise"),
    "minions/models/llamacpp.py": ({"xllamacpp"}, "a server on 127.0.0.1, in this process"),
    "minions/weights/downloads.py": (
        {"urllib.request", "subprocess", "http"},
        "weights: it sends a file's name",
    ),
    "minions/network/timeouts.py": ({"ssl"}, "which certificates are trusted"),
    "minions/network/reach.py": ({"socket"}, "the guard"),
    "minions/models/classification.py": ({"http"}, "the names of statuses"),
    "minions/network/probes.py": (
        {"urllib.request", "http"},
        "pages of model servers: a model's name and the key, no text",
    ),
    "minions/network/endpoints.py": ({"urllib.request"}, "which proxies the environment names"),
    "minions/testing/loopback.py": ({"socket", "http"}, "a server for tests"),
}
KEY: Final = "key-of-the-test"
ASKING: Final = ChatRequest(
    messages=(Message(role="user", content="What is told of \u00fcber-secret?"),),
    max_output_tokens=9,
)
LOCAL: Final = "openai:w@http://127.0.0.1:1/v1"


def _connecting(path: Path) -> set[str]:
    """The modules of a file's imports, anywhere in it, that can open a connection, and calls that
    do.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and node.attr in OPENING:
            found.add(node.attr)
        found |= {
            module for module in CONNECTING for name in names if f"{name}.".startswith(f"{module}.")
        }
    return found


def test_few_modules_can_connect_and_each_has_its_reason() -> None:
    """A new client, socket or child process has to be added to this list first."""
    files = [
        path for part in ("minions", "planners", "workers") for path in (ROOT / part).rglob("*.py")
    ]
    found = {path.relative_to(ROOT).as_posix(): _connecting(path) for path in files}
    assert {name: modules for name, modules in found.items() if modules} == {
        name: modules for name, (modules, _) in MAY_CONNECT.items()
    }


class Proxy(LoopbackServer):
    """A proxy that is itself every endpoint elsewhere, so that no test leaves this machine."""

    def post(self, path: str, body: Any) -> Any:
        assert body
        return self.chat(
            "openai" if path.endswith("completions") else "ollama", self.other_requests[-1]
        )

    @property
    def bodies(self) -> list[bytes]:
        """The bodies that arrived."""
        return [request.body for request in self.requests]


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The only way out of here."""
    with Proxy(default="hi") as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        yield server


@pytest.fixture
async def books() -> AsyncIterator[crew.Books]:
    """The ledger and logs that calls are entered in."""
    with Store.memory() as store:
        yield books_in(store)


def _models(root: object) -> list[list[ChatModel]]:
    """Each way from an object to a model at the end of it: the wrappers from the outermost to the
    adapter.
    """
    ways: list[list[ChatModel]] = []
    seen: set[int] = set()

    def visit(thing: Any, way: list[ChatModel]) -> None:
        if isinstance(thing, list | tuple):
            for each in thing:
                visit(each, way)
        if not type(thing).__module__.startswith("minions") or (
            id(thing) in seen and not isinstance(thing, ChatModel)
        ):
            return
        seen.add(id(thing))
        here = [*way, thing] if isinstance(thing, ChatModel) else way
        if isinstance(thing, OpenAIModel | OllamaModel | ScriptedModel):
            ways.append(here)
            return
        slots = getattr(type(thing), "__slots__", ())
        for value in (
            [*vars(thing).values()]
            if hasattr(thing, "__dict__")
            else [getattr(thing, name) for name in slots]
        ):
            visit(value, here)

    visit(root, [])
    return ways


_METERED: Final = type(metered(ScriptedModel(), meter=None))  # type: ignore[arg-type]  # only its type is wanted
CREWS: Final = [
    ({"planner": "openai:p@http://cloud.example/v1", "worker": LOCAL}, {"openai:p"}),
    (
        {"planner": "openai:p@http://cloud.example/v1", "worker": LOCAL, "protocol": "minion"},
        {"openai:p"},
    ),
    ({"planner": "ollama:p@http://cloud.example", "worker": LOCAL}, {"ollama:p"}),
    (
        {"planner": "openai:p@http://127.0.0.1:1/v1", "worker": LOCAL},
        {"openai:p"},
    ),  # it may be a gateway
    ({"planner": "ollama:p:1b-cloud", "worker": LOCAL}, {"ollama:p:1b-cloud"}),
    ({"planner": "local", "worker": "openai:w@http://far.example/v1"}, {"openai:w"}),
    (
        {"planner": "local", "worker": "openai:w@http://far.example/v1", "protocol": "minion"},
        {"openai:w"},
    ),
    ({"planner": "local", "worker": "ollama:w@http://far.example"}, {"ollama:w"}),
    ({"planner": "local", "worker": "ollama:w:1b-cloud"}, {"ollama:w:1b-cloud"}),
    (
        {"planner": "openai:p@http://cloud.example/v1", "worker": "ollama:w@http://far.example"},
        {"openai:p", "ollama:w"},
    ),
    ({"planner": "local", "worker": LOCAL}, set()),
    ({"planner": "ollama:p", "worker": "ollama:w"}, set()),
]


def _settings(**values: Any) -> Settings:
    return Settings.load(
        {"openai_api_key": KEY, "allow_remote_workers": True, "attempts": 1, **values}
    )


@pytest.mark.parametrize(
    ("chosen", "logged"),
    CREWS,
    ids=lambda value: " ".join(map(str, getattr(value, "values", list)())),
)
@pytest.mark.usefixtures("proxy")
async def test_the_meter_is_innermost_and_has_the_log(
    chosen: dict[str, Any], logged: set[str], books: crew.Books
) -> None:
    """Every model of planner and workers has the meter directly around its adapter, with the egress
    log if the model is elsewhere, or may be.
    """
    settings = _settings(**chosen)
    crew = await recruit.recruit(Lineup.of(settings), settings, books)
    ways = _models(crew)
    await crew.aclose()
    used = [
        way for way in ways if len(way) > 1
    ]  # the others are the crew's own list of what it closes
    assert {way[-1].reference for way in used} == {
        name.partition("@")[0]
        for role, name in chosen.items()
        if role != "protocol" and name != "local"
    }
    for *wrappers, adapter in used:
        meter: Any = vars(wrappers[-1]).get("_meter")
        assert isinstance(wrappers[-1], _METERED), wrappers
        assert (meter.egress is books.egress, meter.cloud) == (adapter.reference in logged,) * 2, (
            adapter
        )


async def _sends(books: crew.Books, **chosen: Any) -> None:
    """Ask every model that the wiring builds, once."""
    settings = _settings(**chosen)
    lineup = Lineup.of(settings)
    crew = await recruit.recruit(lineup, settings, books)
    outermost = {id(way[0]): way[0] for way in _models(crew) if len(way) > 1}
    marks = Lineup.of(
        _settings(
            **{**chosen, "planner": "openai:j@http://judge.example/v1", "protocol": "minions"}
        )
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(crew.aclose)
        judge = await stack.enter_async_context(recruit.open_judge(marks, settings, books))
        for model in (*outermost.values(), judge):
            await model.complete(ASKING)


@pytest.mark.parametrize("protocol", ["minions", "minion"])
@pytest.mark.parametrize(
    "planner", ["openai:p@http://cloud.example/v1", "ollama:p@http://cloud.example"]
)
@pytest.mark.parametrize(
    "worker", ["openai:w@http://far.example/v1", "ollama:w@http://far.example"]
)
async def test_what_planner_worker_and_judge_send_is_in_the_log(
    planner: str, worker: str, protocol: str, proxy: Proxy, books: crew.Books
) -> None:
    """Byte for byte and in order, through both HTTP stacks; nothing else arrives anywhere."""
    await _sends(books, planner=planner, worker=worker, protocol=protocol)
    assert len(proxy.requests) == 3
    assert len(proxy.other_requests) == 3
    assert books.egress.bodies("none") == proxy.bodies


@pytest.mark.parametrize("adapter", ["openai", "ollama"])
async def test_an_adapter_that_does_not_tell_is_found_out(
    adapter: str, proxy: Proxy, books: crew.Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an adapter's note of the request, the log and the bytes that arrived differ."""

    async def tells_nothing(_: Any) -> None:
        pass

    monkeypatch.setattr(f"minions.models.{adapter}._note_request", tells_nothing)
    chosen = {
        "planner": "openai:p@http://cloud.example/v1",
        "worker": "ollama:w@http://far.example",
    }
    await _sends(books, **chosen)
    assert books.egress.bodies("none") != proxy.bodies


async def test_workers_elsewhere_are_asked_for_nothing_that_is_not_logged(
    proxy: Proxy, books: crew.Books
) -> None:
    """Servers on this machine are asked for their slots; to ask one elsewhere would be a request beside the log."""
    settings = _settings(planner="local", worker="openai:w@http://far.example/v1")
    crew = await recruit.recruit(Lineup.of(settings), settings, books)
    await crew.aclose()
    assert (proxy.requests, proxy.other_requests) == ([], [])
