"""Limits on connections: which are refused, for which code, and which are left alone."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import ConfigError, EgressRefusedError
from minions.network.reach import Reach, confined, is_here, lifted
from minions.wiring.confine import step_by_step

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

ELSEWHERE = ("192.0.2.1", 443)
HERE = Reach(limit="--local-only")


def connects(address: Any, family: int = socket.AF_INET) -> None:
    """Raise the audit event of a connection without making one."""
    with socket.socket(family) as sock:
        sys.audit("socket.connect", sock, address)


@pytest.fixture
def local_only() -> Iterator[None]:
    """A block that reaches no further than this machine."""
    with confined(HERE):
        yield


@pytest.mark.usefixtures("local_only")
@pytest.mark.parametrize(
    ("address", "family"),
    [
        (ELSEWHERE, socket.AF_INET),
        (("0.0.0.0", 80), socket.AF_INET),  # noqa: S104 - a server listens there, and nobody connects
        (("", 80), socket.AF_INET),
        (("<broadcast>", 80), socket.AF_INET),
        (("169.254.169.254", 80), socket.AF_INET),
        (("127.0.0.1.example.org", 80), socket.AF_INET),
        (("2001:db8::1", 443, 0, 0), socket.AF_INET6),
        (("::", 443, 0, 0), socket.AF_INET6),
        (("::ffff:192.0.2.1", 443, 0, 0), socket.AF_INET6),
        ((0, 0), socket.AF_INET),
    ],
)
def test_what_is_not_this_machine_is_refused_by_name(address: Any, family: int) -> None:
    """The error has the exit code of a policy, and says which address and which option."""
    with pytest.raises(EgressRefusedError, match="--local-only") as refused:
        connects(address, family)
    assert str(address[0]) in refused.value.message
    assert refused.value.exit_code == 7


@pytest.mark.usefixtures("local_only")
@pytest.mark.parametrize(
    ("address", "family"),
    [
        (("127.0.0.1", 80), socket.AF_INET),
        (("127.9.8.7", 80), socket.AF_INET),
        (("localhost", 80), socket.AF_INET),
        (("::1", 80, 0, 0), socket.AF_INET6),
        (("::ffff:127.0.0.1", 80, 0, 0), socket.AF_INET6),
        ("/run/some.socket", socket.AF_UNIX),
        (b"\0abstract", socket.AF_UNIX),
    ],
)
def test_this_machine_is_reached(address: Any, family: int) -> None:
    """All of 127.0.0.0/8, ::1 in both spellings, localhost, and unix sockets."""
    connects(address, family)


# Below the guard that all tests run under, which looks at the address alone.
connect = socket.SocketType.connect


class LyingSocket(socket.socket):
    """A socket of the internet that says it is a unix socket."""

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_UNIX


class LyingText(str):
    """A host that says it is this machine, however it is asked."""

    __slots__ = ()

    def __str__(self) -> str:
        return "127.0.0.1"

    def lower(self) -> str:
        return "localhost"

    def rstrip(self, chars: str | None = None) -> str:
        return "localhost"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("localhost")


class LyingBytes(bytes):
    """Likewise."""

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return "127.0.0.1"


class LyingAddress(tuple[Any, ...]):
    """An address that says it is this machine, however it is asked."""

    __slots__ = ()

    def __getitem__(self, _place: Any) -> Any:
        return "127.0.0.1"

    def __iter__(self) -> Iterator[Any]:
        return iter(("127.0.0.1", 80))


@pytest.mark.usefixtures("local_only")
@pytest.mark.parametrize(
    "address",
    [
        (LyingText("192.0.2.1"), 443),
        (LyingBytes(b"192.0.2.1"), 443),
        LyingAddress(ELSEWHERE),
        (bytearray(b"192.0.2.1"), 443),
        (bytearray(b"127.0.0.1"), 443),  # another thread may change it between check and use
    ],
    ids=["text", "bytes", "address", "bytearray", "changing"],
)
def test_an_address_cannot_lie_about_where_it_leads(address: Any) -> None:
    """What the system reads is checked, not what the object says of itself."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(EgressRefusedError):
            connect(sock, address)
        with pytest.raises(EgressRefusedError):
            sock.sendto(b"x", address)


@pytest.mark.usefixtures("local_only")
def test_a_name_cannot_lie_about_what_is_looked_up() -> None:
    """Likewise for lookups of names and of addresses."""
    names: tuple[Any, ...] = (LyingText("api.example.org"), LyingBytes(b"api.example.org"))
    for host in names:
        with pytest.raises(EgressRefusedError):
            socket.getaddrinfo(host, 443)
        with pytest.raises(EgressRefusedError):
            socket.gethostbyname(host)
    with pytest.raises(EgressRefusedError):
        socket.gethostbyname(bytearray(b"api.example.org"))  # type: ignore[arg-type]
    with pytest.raises(EgressRefusedError):
        socket.gethostbyaddr(LyingText("192.0.2.1"))
    with pytest.raises(EgressRefusedError):
        socket.getnameinfo(LyingAddress(ELSEWHERE), 0)


@pytest.mark.usefixtures("local_only")
def test_a_socket_cannot_lie_about_its_family() -> None:
    """Neither a class that says it is a unix socket, nor one that was told so with its file descriptor."""
    with LyingSocket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert sock.family == socket.AF_UNIX
        with pytest.raises(EgressRefusedError):
            connect(sock, ELSEWHERE)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inner,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, fileno=os.dup(inner.fileno())) as told,
        pytest.raises(EgressRefusedError),
    ):
        connect(told, "/run/some.socket")

    class Pretends:
        """No socket at all."""

        family = socket.AF_UNIX

    with pytest.raises(EgressRefusedError):
        sys.audit("socket.connect", Pretends(), ELSEWHERE)


@pytest.mark.parametrize("event", ["socket.sendto", "socket.sendmsg"])
@pytest.mark.usefixtures("local_only")
def test_datagrams_are_refused_too(event: str) -> None:
    """A name server, say, is asked without a connection; a socket that was connected was looked at then."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(EgressRefusedError, match=r"192\.0\.2\.1"):
            sys.audit(event, sock, ELSEWHERE)
        sys.audit(event, sock, ("127.0.0.1", 53))
        sys.audit(event, sock, None)


@pytest.mark.usefixtures("local_only")
def test_names_of_others_are_not_looked_up() -> None:
    """A lookup tells the name to whoever runs the name server."""
    for name in ("api.example.org", b"api.example.org", "localhost.example.org"):
        with pytest.raises(EgressRefusedError, match=r"lookup of .*example\.org"):
            socket.getaddrinfo(name, 443)
    with pytest.raises(EgressRefusedError, match="lookup of"):
        socket.gethostbyname("api.example.org")
    assert socket.getaddrinfo("localhost", 80)
    assert socket.getaddrinfo("127.0.0.1", 80)
    assert socket.getaddrinfo(None, 80)


def test_nothing_is_refused_outside_of_the_block() -> None:
    """The program around keeps its connections: before, after, and in its own threads meanwhile."""
    refused: list[EgressRefusedError] = []

    def other() -> None:
        try:
            connects(ELSEWHERE)
        except EgressRefusedError as error:
            refused.append(error)

    connects(ELSEWHERE)
    with confined(HERE):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    connects(ELSEWHERE)
    assert refused == []


async def test_tasks_and_threads_of_the_block_are_held_and_others_are_not() -> None:
    """Tasks that the block begins are limited, in any thread; a task that ran before is not."""
    began, done = asyncio.Event(), asyncio.Event()

    async def program() -> None:
        await began.wait()
        connects(ELSEWHERE)
        done.set()

    async def own() -> None:
        connects(ELSEWHERE)

    other = asyncio.create_task(program())
    with confined(HERE):
        for begun in (asyncio.create_task(own()), asyncio.to_thread(connects, ELSEWHERE)):
            with pytest.raises(EgressRefusedError):
                await begun
        began.set()
        await done.wait()
    await other


async def test_between_two_steps_the_caller_is_free() -> None:
    """A loop over answers may do what it likes with each of them, whatever the answers may not do."""

    async def steps() -> AsyncGenerator[str]:
        for name in ("first", "second"):
            with pytest.raises(EgressRefusedError):
                connects(ELSEWHERE)
            yield name

    taken = []
    async for step in step_by_step(steps(), lambda: confined(HERE)):
        connects(ELSEWHERE)
        taken.append(step)
    assert taken == ["first", "second"]


def test_a_download_is_let_through_unless_the_user_set_a_limit() -> None:
    """Weights come from hosts that nobody knows beforehand; with --local-only they do not come."""
    with confined(Reach("cloud.example")), lifted():
        connects(ELSEWHERE)
    with confined(HERE), lifted(), pytest.raises(EgressRefusedError):
        connects(ELSEWHERE)


def test_hosts_that_are_in_use_are_reached_and_no_other() -> None:
    """By their names, in any spelling, and by the addresses that these have; the error names them."""
    reach = Reach("Cloud.Example.", "bücher.example", "192.0.2.9", "127.0.0.1")
    assert reach.hosts == ("192.0.2.9", "cloud.example", "xn--bcher-kva.example")
    assert all(map(reach.resolves, ("cloud.example", "CLOUD.example.", "xn--bcher-kva.example")))
    assert not any(
        map(reach.resolves, ("example", "a.cloud.example", "cloud.example.evil.example"))
    )
    assert reach.includes("192.0.2.9")
    assert not reach.includes("192.0.2.10")
    reach.learn("cloud.example", {"192.0.2.10", "2001:db8::5%eth0"})
    reach.learn("evil.example", {"192.0.2.11"})
    assert [reach.includes(address) for address in ("192.0.2.10", "2001:db8::5", "192.0.2.11")] == [
        True,
        True,
        False,
    ]
    assert "192.0.2.9 and cloud.example" in reach.refusal("a connection to x").message


async def test_an_event_loop_that_cannot_be_watched_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No promise is made about connections that Python does not see."""

    class Foreign(asyncio.AbstractEventLoop):
        """As uvloop's."""

    monkeypatch.setattr(asyncio, "get_running_loop", Foreign)
    with pytest.raises(ConfigError, match="cannot be watched"), confined(HERE):
        raise AssertionError("not reached")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"]
)
def test_this_machine_has_many_names(host: str) -> None:
    """None of them needs a name server."""
    assert is_here(host)


_WAYS = """
import asyncio, json, socket, sys, urllib.request
import httpx, httpx2
from minions.values.chat import ChatRequest, Message
from minions.errors import EgressRefusedError
from minions.network import reach
from minions.models.ollama import OllamaModel
from minions.models.openai import OpenAIModel
from minions.network.reference import ModelRef

ASKING = ChatRequest(messages=(Message(role="user", content="q"),), max_output_tokens=5)
AT = ("192.0.2.1", 9)
URL = "http://192.0.2.1:9/"

def datagram(*to):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", to[0]) if len(to) == 1 else sock.sendmsg([b"x"], [], 0, to[1])

def low():
    import _socket
    with socket.socket() as sock:
        _socket.socket.connect(sock, AT)

def nowait():
    with socket.socket() as sock:
        sock.connect_ex(AT)

async def get(client, url=URL):
    async with client(trust_env=False) as opened:
        await opened.get(url)

async def ask(model):
    await model.complete(ASKING)

openai = lambda host: OpenAIModel(ModelRef.parse("openai:m"), base_url=f"http://{host}/v1", api_key="k")
ollama = lambda host: OllamaModel(ModelRef.parse("ollama:m"), host=f"http://{host}")
WAYS = {
    "create_connection": lambda: socket.create_connection(AT),
    "connect_ex": nowait,
    "_socket": low,
    "sendto": lambda: datagram(AT),
    "sendmsg": lambda: datagram(None, AT),
    "getaddrinfo": lambda: socket.getaddrinfo("api.example.org", 443),
    "gethostbyname": lambda: socket.gethostbyname("api.example.org"),
    "gethostbyaddr": lambda: socket.gethostbyaddr("192.0.2.1"),
    "getnameinfo": lambda: socket.getnameinfo(AT, 0),
    "asyncio": lambda: asyncio.run(asyncio.open_connection(*AT)),
    "asyncio by name": lambda: asyncio.run(asyncio.open_connection("api.example.org", 9)),
    "urllib": lambda: urllib.request.urlopen(URL),
    "httpx": lambda: asyncio.run(get(httpx.AsyncClient)),
    "httpx2": lambda: asyncio.run(get(httpx2.AsyncClient)),
    "httpx by name": lambda: asyncio.run(get(httpx.AsyncClient, "http://api.example.org/")),
    "openai": lambda: asyncio.run(ask(openai("192.0.2.1:9"))),
    "openai by name": lambda: asyncio.run(ask(openai("api.example.org"))),
    "ollama": lambda: asyncio.run(ask(ollama("192.0.2.1:9"))),
    "ollama by name": lambda: asyncio.run(ask(ollama("api.example.org"))),
}

def outcome(way):
    try:
        way()
    except BaseException as error:
        from minions.network.wire import refusal_within
        plain = "plain " if isinstance(error, EgressRefusedError) else ""
        return plain + ("refused" if refusal_within(error) else repr(error))
    return "done"

if sys.argv[1] == "process":
    reach.confine_process()
with reach.confined(reach.Reach(limit="--local-only")):
    print(json.dumps({name: outcome(way) for name, way in WAYS.items()}))
"""
# Their threads for lookups know of no block: within a program of others, the connection is refused, not the lookup.
_IN_OTHER_THREADS = {"asyncio by name", "httpx by name", "openai by name", "ollama by name"}
_OURS = {"openai", "ollama"}  # they take the refusal out of what SDKs and task groups wrap it in


def test_no_way_of_python_to_connect_goes_around() -> None:
    """Sockets at their lowest, lookups, event loops, every HTTP client and both adapters, in a command's process."""
    done = subprocess.run(
        [sys.executable, "-c", _WAYS, "process"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    outcomes: dict[str, str] = json.loads(done.stdout)
    assert len(outcomes) == 19
    for name, outcome in outcomes.items():
        assert outcome in (
            {"plain refused"} if name.split()[0] in _OURS else {"refused", "plain refused"}
        ), name


def test_none_goes_around_within_another_program() -> None:
    """The same from Python, for what the call connects to."""
    done = subprocess.run(
        [sys.executable, "-c", _WAYS, "call"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    outcomes: dict[str, str] = json.loads(done.stdout)
    for name in outcomes.keys() - _IN_OTHER_THREADS:
        assert outcomes[name].endswith("refused"), name
