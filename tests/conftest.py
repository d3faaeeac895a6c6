"""What every test may rely on: no network beyond loopback, no keys, a home of its own."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRIPPED = ("API_KEY", "BASE_URL", "_PROXY", "_proxy", "OLLAMA_", "MINIONS_")
_LONG = ("tests/hostile/", "tests/faults/", "tests/e2e/", "tests/canaries/")
DATA = Path(__file__).parents[2] / "shared" / "data"

# Examples of each law. `.ci/run` sets HYPOTHESIS_PROFILE=full.
hypothesis.settings.register_profile("small", max_examples=25)
hypothesis.settings.register_profile("full", max_examples=100)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "small"))


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a unix socket
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, in any order among themselves, so that no process waits long for another's last one."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


@pytest.fixture(autouse=True)
def sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Forbid sockets to anywhere but this machine, strip the environment, and point the home at a temporary folder."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(self: socket.socket, address: Any) -> None:
        if not _is_loopback(address):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        if not _is_loopback(address):
            raise AssertionError(f"a test tried to reach {address}")
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
    for name in list(os.environ):
        if any(part in name for part in _STRIPPED):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MINIONS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINIONS_FETCH_WEIGHTS", "false")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts this process and those that it starts, even where the suite was started with SIGINT ignored
    (``make test &`` in a script).
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def dev_set(request: pytest.FixtureRequest) -> Path:
    """The folder of development documents; the test is skipped where it is not there."""
    if not DATA.is_dir():
        pytest.skip(f"development data not found at {DATA}")
    return DATA
