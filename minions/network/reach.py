"""Limit the connections of this process, at Python's socket calls below every HTTP client.

An audit hook (PEP 578) sees every connection and every lookup that Python code makes. No code can
avoid or remove it; it is installed when first needed. It does not see sockets opened by C++ in this
process, by child processes, or by event loops written in C. And when a name is passed to
``connect`` itself, the system has looked it up already.
"""

from __future__ import annotations

import ipaddress
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from minions.errors import ConfigError, EgressRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOKUPS: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_SENDING: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
# A reverse lookup sends the address to a name server.
_REVERSE_LOOKUPS: Final = frozenset({"socket.gethostbyaddr", "socket.getnameinfo"})
_HOST_AND_PORT: Final = 2
_UNKNOWN: Final = "?"  # no name and no address: never allowed
_WATCHED: Final = _LOOKUPS | _SENDING | _REVERSE_LOOKUPS


class Reach:
    """The hosts that may be connected to: this machine, and ``hosts``, given as names or addresses.

    ``limit`` is the option that forbids all other machines, if one was given.
    """

    def __init__(self, *hosts: str, limit: str | None = None) -> None:
        others = {_plain(host) for host in hosts if not is_here(host)}
        self.hosts = tuple(sorted(others))
        self.limit = limit
        self._learned = others.copy()

    def resolves(self, host: str) -> bool:
        """Return whether a name may be looked up.

        An address may always be: no name server is asked for it.
        """
        if not host or is_here(host) or _plain(host) in self.hosts:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    def includes(self, host: str) -> bool:
        """Return whether a connection may go to an address."""
        return is_here(host) or _plain(host) in self._learned

    def learn(self, host: str, addresses: set[str]) -> None:
        """Note the addresses that a lookup found for a name; they are allowed if the name is."""
        if _plain(host) in self.hosts:
            self._learned |= {_plain(address) for address in addresses}

    def refusal(self, target: str) -> EgressRefusedError:
        """Return the error for a connection or lookup that is not allowed."""
        if self.limit is not None:
            return EgressRefusedError(
                f"{target} was refused: {self.limit} allows no connection to other machines",
                hint=f"to allow it, leave out {self.limit}",
            )
        allowed = " and ".join(self.hosts) or "this machine"
        return EgressRefusedError(
            f"{target} was refused: this command connects to {allowed} only",
            hint="minions itself does not make this connection: -v shows the code that does",
        )


class _Anywhere(Reach):
    def resolves(self, host: str) -> bool:  # noqa: ARG002 - the base's signature
        return True

    def includes(self, host: str) -> bool:  # noqa: ARG002 - likewise
        return True


@dataclass
class _Guard:
    """The state of the audit hook."""

    installed: bool = False
    whole_process: bool = False
    """True if the limits apply to all threads: the process belongs to a command of this program."""
    holding: list[Reach] = field(default_factory=list)
    """Every Reach in force, in a command's process.

    A thread outside any block, such as an event loop's thread for lookups, must satisfy one of
    them.
    """


_guard = _Guard()
_own: ContextVar[Reach | None] = ContextVar("minions_reach", default=None)


def confine_process() -> None:
    """Make ``confined`` apply to all threads, since this process runs nothing but a command."""
    _guard.whole_process = True


def is_whole_process() -> bool:
    """Return whether ``confine_process`` was called."""
    return _guard.whole_process


@contextmanager
def confined(reach: Reach) -> Iterator[None]:
    """Limit the connections of a block to ``reach``, its tasks and ``asyncio.to_thread`` included.

    Any other connection raises EgressRefusedError, which a library may wrap. Other code in this
    process is not affected, unless ``confine_process`` was called. Raises ConfigError on an event
    loop whose connections Python does not see.
    """
    _refuse_foreign_loop()
    if not _guard.installed:
        _guard.installed = True
        sys.addaudithook(_audit)
        if _guard.whole_process:
            import socket

            socket.getaddrinfo = _learning(socket.getaddrinfo)
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
    """Allow all connections in a block, for a download that is announced to the user.

    A Reach with a ``limit`` stays in force.
    """
    reaches = list(_guard.holding)
    own = _own.get()
    if own is not None:
        reaches.append(own)
    if any(reach.limit is not None for reach in reaches):
        yield
        return
    with _set(_Anywhere()):
        yield


@contextmanager
def _set(reach: Reach) -> Iterator[None]:
    token = _own.set(reach)
    try:
        yield
    finally:
        _own.reset(token)


def is_here(host: str) -> bool:
    """Return whether a host is this machine: localhost, 127.0.0.0/8 or ::1.

    No name is looked up.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _learning(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a lookup, so that the addresses of an allowed name become allowed, too.

    The audit hook sees a lookup, but not its result.
    """

    @wraps(getaddrinfo)
    def lookup(host: Any, *others: Any, **named: Any) -> Any:
        found = getaddrinfo(host, *others, **named)
        for reach in tuple(_guard.holding):
            reach.learn(_text(host), {str(entry[4][0]) for entry in found})
        return found

    return lookup


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Check the events of sockets. Python calls it for all events, thousands of times in a run."""
    if event in _WATCHED and (_guard.holding or _own.get() is not None):
        _check(event, args)


def _check(event: str, args: tuple[Any, ...]) -> None:
    own = _own.get()
    reaches = tuple(_guard.holding) if own is None else (own,)
    if not reaches:  # another thread has just left its block
        return
    if event in _LOOKUPS:
        host = _text(args[0])
        allowed = any(reach.resolves(host) for reach in reaches)
        target = f"a lookup of {host}"
    elif event in _REVERSE_LOOKUPS:
        host = _text(args[0]) if event == "socket.gethostbyaddr" else _host_of(args[0])
        allowed = any(reach.includes(host) for reach in reaches)
        target = f"a lookup of {host}"
    else:
        sock = args[0]
        address = args[1]
        if address is None:  # the socket was connected before
            return
        if _is_unix(sock):
            return
        host = _host_of(address)
        allowed = any(reach.includes(host) for reach in reaches)
        target = f"a connection to {_shown(address)}"
    if not allowed:
        raise reaches[-1].refusal(target)


def _refuse_foreign_loop() -> None:
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    if not isinstance(loop, asyncio.SelectorEventLoop):
        raise ConfigError(
            f"the event loop of {type(loop).__module__} cannot be watched, so local_only and other"
            " limits on connections cannot be enforced",
            hint="use asyncio's SelectorEventLoop (uvicorn: --loop asyncio), or call ask(), which"
            " starts its own",
        )


def _is_unix(sock: Any) -> bool:
    """Return whether a socket is a unix socket: asked below its class, which may lie."""
    import socket

    base = socket.SocketType
    family = getattr(socket, "AF_UNIX", None)
    if family is None or not issubclass(type(sock), base):
        return False
    if vars(base)["family"].__get__(sock) != family:
        return False
    domain = getattr(socket, "SO_DOMAIN", None)
    if domain is None:
        return True
    try:  # a family that was given with a file descriptor is not checked by Python
        return bool(base.getsockopt(sock, socket.SOL_SOCKET, domain) == family)
    except OSError:  # it is closed
        return False


def _host_of(address: Any) -> str:
    """Return the host of an address as the system reads it."""
    if not issubclass(type(address), tuple) or tuple.__len__(address) < _HOST_AND_PORT:
        return _UNKNOWN
    return _text(tuple.__getitem__(address, 0))


def _shown(address: Any) -> str:
    host = _host_of(address)
    if host == _UNKNOWN:
        return repr(address)
    return f"{host}, port {tuple.__getitem__(address, 1)},"


def _text(host: Any) -> str:
    """Return a host's text as the system reads it, whatever the methods of its class say.

    Unknown for what is no text, and for text that may change before it is used.
    """
    if host is None:  # a lookup of None finds this machine
        return "localhost"
    if issubclass(type(host), str):
        return str.__str__(host)
    if issubclass(type(host), bytes):
        return bytes.decode(host, "ascii", "replace")
    return _UNKNOWN


def _plain(host: str) -> str:
    """Return a host in a form to compare: names in lower-case ASCII, addresses without a zone."""
    name = host.rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        pass
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
