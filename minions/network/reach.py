"""How far the sockets of this process reach: a guard below every HTTP client, at Python's own socket calls.

An audit hook (PEP 578) sees whatever Python code connects to or looks up, and no code can go around it or take it out;
it is installed when first needed. It does not see sockets that are opened elsewhere: by C++ in this process, by child
processes, by event loops in C. A name that is given to ``connect`` itself was looked up by the system already.
"""

from __future__ import annotations

import ipaddress
import sys
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from minions.errors import ConfigError, EgressRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOKUPS: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_SENDING: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_REVERSED: Final = frozenset(
    {"socket.gethostbyaddr", "socket.getnameinfo"}
)  # who has an address: it is told on
_WATCHED: Final = _LOOKUPS | _SENDING | _REVERSED


class Reach:
    """Where connections may go: within this machine, and to ``hosts``, names or addresses.

    ``limit`` is the option that allows no more, where one does.
    """

    def __init__(self, *hosts: str, limit: str | None = None) -> None:
        self.hosts = tuple(sorted({_plain(host) for host in hosts if not is_here(host)}))
        self.limit = limit
        self._learned: set[str] = set(self.hosts)

    def resolves(self, host: str) -> bool:
        """Whether a name may be looked up. An address is no name: nobody is asked for it."""
        return not host or _is_address(host) or is_here(host) or _plain(host) in self.hosts

    def includes(self, host: str) -> bool:
        """Whether a connection may go to an address."""
        return is_here(host) or _plain(host) in self._learned

    def learn(self, host: str, addresses: set[str]) -> None:
        """A name was found to have these addresses."""
        if _plain(host) in self.hosts:
            self._learned |= {_plain(address) for address in addresses}

    def refusal(self, target: str) -> EgressRefusedError:
        """What is raised for a connection beyond."""
        if self.limit is not None:
            return EgressRefusedError(
                f"{target} was refused: {self.limit} lets nothing go beyond this machine",
                hint=f"leave {self.limit} out, if that is what you want",
            )
        return EgressRefusedError(
            f"{target} was refused: what was asked for needs {' and '.join(self.hosts) or 'this machine'} only",
            hint="nothing of minions asks for it: find out what does (-v), and report it",
        )


class _Anywhere(Reach):
    def resolves(self, host: str) -> bool:  # noqa: ARG002 - the base's signature
        return True

    def includes(self, host: str) -> bool:  # noqa: ARG002 - likewise
        return True


@dataclass
class _Guard:
    """What the hook goes by. ``holding``: in a command's process each ``Reach`` that holds now; for threads that know
    of no block, an event loop's own for lookups among them, one of these is enough.
    """

    installed: bool = False
    whole_process: bool = False
    holding: list[Reach] = field(default_factory=list)


_guard = _Guard()
_own: ContextVar[Reach | None] = ContextVar("minions_reach", default=None)


def confine_process() -> None:
    """From now on ``confined`` holds for all threads of this process: it is a command, and nobody else's program."""
    _guard.whole_process = True


def is_whole_process() -> bool:
    """Whether ``confine_process`` was called."""
    return _guard.whole_process


@contextmanager
def confined(reach: Reach) -> Iterator[None]:
    """Let the block connect no further than ``reach``, with all tasks and ``asyncio.to_thread`` calls that it begins;
    what does raises EgressRefusedError, maybe wrapped. Of this process, other code goes on as before.

    Raises ConfigError on an event loop whose connections Python does not see.
    """
    _refuse_foreign_loop()
    _install()
    if _guard.whole_process:
        _guard.holding.append(reach)
    try:
        with _set(reach):
            yield
    finally:
        if reach in _guard.holding:
            _guard.holding.remove(reach)


@contextmanager
def lifted() -> Iterator[None]:
    """Let the block connect to wherever it has to, for a download that the user is told of; a ``limit`` stays."""
    own = _own.get()
    limited = any(
        reach.limit is not None for reach in (*_guard.holding, *(() if own is None else (own,)))
    )
    with nullcontext() if limited else _set(_Anywhere()):
        yield


@contextmanager
def _set(reach: Reach) -> Iterator[None]:
    token = _own.set(reach)
    try:
        yield
    finally:
        _own.reset(token)


def is_here(host: str) -> bool:
    """Whether a host is this machine: localhost, 127.0.0.0/8 or ::1. Resolves no name."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _install() -> None:
    if _guard.installed:
        return
    _guard.installed = True
    sys.addaudithook(_audit)
    if _guard.whole_process:
        import socket

        socket.getaddrinfo = _telling(socket.getaddrinfo)


def _telling(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    """A lookup that tells which addresses an allowed name has: the hook hears of a lookup, not of what it finds."""

    @wraps(getaddrinfo)
    def lookup(host: Any, *others: Any, **named: Any) -> Any:
        found = getaddrinfo(host, *others, **named)
        for reach in tuple(_guard.holding):
            reach.learn(_text(host), {str(entry[4][0]) for entry in found})
        return found

    return lookup


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Called for all that is audited, some thousand times a run."""
    if event in _WATCHED and (_guard.holding or _own.get() is not None):
        _check(event, args)


def _check(event: str, args: tuple[Any, ...]) -> None:
    own = _own.get()
    reaches = tuple(_guard.holding) if own is None else (own,)
    if not reaches:  # it ended in another thread just now
        return
    if event in _LOOKUPS:
        host = _text(args[0])
        if not any(reach.resolves(host) for reach in reaches):
            raise reaches[-1].refusal(f"a lookup of {host}")
    elif event in _REVERSED:
        host = _text(args[0] if event == "socket.gethostbyaddr" else args[0][0])
        if not any(reach.includes(host) for reach in reaches):
            raise reaches[-1].refusal(f"a lookup of {host}")
    elif args[1] is not None and not _is_unix(args[0]):  # None: the socket was connected before
        host, shown = _destination(args[1])
        if not any(reach.includes(host) for reach in reaches):
            raise reaches[-1].refusal(f"a connection to {shown}")


def _destination(address: Any) -> tuple[str, str]:
    """The host of an address, empty where it is none of the internet's, and how it is shown."""
    match address:
        case (str() | bytes() | bytearray() as host, port, *_):
            return _text(host), f"{_text(host)}, port {port},"
        case _:
            return "", repr(address)


def _is_unix(sock: Any) -> bool:
    import socket

    return bool(sock.family == getattr(socket, "AF_UNIX", None))


def _refuse_foreign_loop() -> None:
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    if not isinstance(loop, asyncio.SelectorEventLoop):
        raise ConfigError(
            f"connections of {type(loop).__module__} cannot be watched, so that local_only cannot be promised",
            hint="use asyncio's SelectorEventLoop (uvicorn: --loop asyncio), or ask(), which brings its own",
        )


def _text(host: Any) -> str:
    if isinstance(host, bytes | bytearray):
        return host.decode("ascii", "replace")
    return "localhost" if host is None else str(host)  # None is how this machine is looked up


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _plain(host: str) -> str:
    """A host in one spelling: names in lower case and ASCII, addresses without their zone."""
    name = host.rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        pass
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
