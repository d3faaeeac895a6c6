"""Model files on disk: written whole or not at all, and verified by sha256.

A file is verified while it is written, and again if it has changed since. Parts in installed
packages are found by path: no code of those packages is imported or run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from minions.errors import ModelError, ModelNotFoundError
from minions.store.private import is_private, private_folder, replace_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minions.weights.catalogue import ModelEntry

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all, after each block."""

BLOCK_BYTES = 4 * 1024 * 1024
_SPARE_BYTES = 64 * 1024 * 1024
_log = structlog.get_logger()


def installed_parts(entry: ModelEntry) -> list[Path] | None:
    """Return the entry's parts in installed packages, in order.

    None unless all parts are installed, with the right size in all.
    """
    parts: list[Path] = []
    for carrier in entry.carriers:
        spec = find_spec(carrier.package)  # finds a top-level package without running it
        folders = spec.submodule_search_locations if spec else None
        if not folders:
            return None
        path = Path(folders[0]).parent / carrier.part
        if not path.is_file():
            return None
        parts.append(path)
    size = sum(part.stat().st_size for part in parts)
    if not parts or size != entry.size_bytes:
        return None
    return parts


def assemble(
    parts: Sequence[Path], target: Path, entry: ModelEntry, progress: Progress | None = None
) -> Path:
    """Join the parts into ``target``, and verify it. Raises as ``write_verified`` does."""
    return write_verified(_blocks_of(parts), target, entry, progress)


def write_verified(
    blocks: Iterable[bytes], target: Path, entry: ModelEntry, progress: Progress | None
) -> Path:
    """Write the blocks to a temporary file, check its sha256, and rename it to ``target``.

    Nothing is at ``target`` before the rename, so several processes may do this at once. Raises
    ModelError where the disk is too small, and ModelNotFoundError on a wrong sha256.
    """
    require_space(target.parent, entry.size_bytes)
    digest = hashlib.sha256()
    done = 0
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for block in blocks:
                file.write(block)
                digest.update(block)
                done += len(block)
                if progress:
                    progress(done, entry.size_bytes)
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, target, entry, digest.hexdigest())
    finally:
        temporary.unlink(missing_ok=True)
    return target


def publish(temporary: Path, target: Path, entry: ModelEntry, sha256: str) -> None:
    """Move a finished file to ``target`` if its sha256 is right.

    Otherwise the file is removed, and ModelNotFoundError raised.
    """
    if sha256 != entry.sha256:
        temporary.unlink(missing_ok=True)
        raise _wrong(target, entry, sha256)
    temporary.replace(target)
    _write_mark(target, _mark_of(target, entry))
    _log.info("weights_verified", model=entry.name, file=str(target))


def verify(path: Path, entry: ModelEntry, progress: Progress | None = None) -> None:
    """Check that ``path`` is the entry's file.

    It is read only if it has changed since the last check. Raises ModelNotFoundError, which names
    both hashes, if it is another file.
    """
    mark = _mark_of(path, entry)  # taken first: a file that changes meanwhile is read again
    if _read_mark(path) == mark:
        return
    sha256 = hash_file(path, progress)
    if sha256 != entry.sha256:
        raise _wrong(path, entry, sha256)
    _write_mark(path, mark)


def hash_file(path: Path, progress: Progress | None = None) -> str:
    """Return the file's sha256 in hexadecimal."""
    digest = hashlib.sha256()
    done = 0
    total = path.stat().st_size
    for block in _blocks_of([path]):
        digest.update(block)
        done += len(block)
        if progress:
            progress(done, total)
    return digest.hexdigest()


def discard(path: Path) -> None:
    """Remove a file and the note of its verification."""
    path.unlink(missing_ok=True)
    _mark_path(path).unlink(missing_ok=True)


def require_space(folder: Path, size_bytes: int) -> None:
    """Create ``folder``. Raises ModelError unless ``size_bytes`` and a little more fit into it."""
    try:
        private_folder(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ModelError(
            f"cannot write to {folder}: {error.strerror}",
            hint="choose another folder with --home DIR",
        ) from error
    if free < size_bytes + _SPARE_BYTES:
        raise ModelError(
            f"{size_bytes / 1e9:.2f} GB are needed in {folder}, {free / 1e9:.2f} GB are free",
            hint="free some space, or choose a folder on another disk with --home DIR",
        )


def _blocks_of(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block


def _mark_path(path: Path) -> Path:
    """Return the path of the note that says in which state a file was verified."""
    return path.with_name(path.name + ".verified.json")


def _mark_of(path: Path, entry: ModelEntry) -> dict[str, object]:
    """Return what is noted of a verified file.

    Nobody can give another file, or other content, the same inode and time of change: the system
    sets them.
    """
    facts = path.stat()
    return {
        "bytes": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
        "ctime_ns": facts.st_ctime_ns,
        "device": facts.st_dev,
        "inode": facts.st_ino,
        "sha256": entry.sha256,
    }


def _read_mark(path: Path) -> object:
    """Return the note beside a file; None without one, or where others could have written it."""
    note = _mark_path(path)
    try:
        if not is_private(note.parent) or not is_private(note):
            return None
        content: object = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content


def _write_mark(path: Path, mark: dict[str, object]) -> None:
    try:
        replace_private(_mark_path(path), json.dumps(mark).encode())
    except OSError as error:  # a read-only cache works, but is hashed at every start
        _log.warning("weights_mark_not_written", file=str(path), reason=str(error))


def _wrong(path: Path, entry: ModelEntry, sha256: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"{path} is not {entry.name}: its sha256 is {sha256}, expected {entry.sha256};"
        " it was not loaded",
        hint=f"minions models pull {entry.name}   replaces it",
    )
