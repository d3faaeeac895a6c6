"""Opening of files that are read: once, and checked on the handle rather than by name.

Whoever may write to a folder can put a link in the place of a file at any moment. What is asked by
name may hold no longer when the name is used next; what is asked of an open handle stays true.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from minions.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHANGED: Final = "replaced by something else while it was being read: run the command again"

_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)
# Neither wait for the writer of a pipe, nor let a terminal take over.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_NO_FILE: Final = "not a regular file: name a file"
_ERRNO_REASONS: Final = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "the file is gone",
    errno.ENOTDIR: "the file is gone",
    errno.ELOOP: "symbolic link that leads to itself",
    errno.ENAMETOOLONG: "the path is too long",
    errno.ENXIO: _NO_FILE,
    errno.ENODEV: _NO_FILE,
}


class Identity(NamedTuple):
    """A file or folder as the system knows it, whatever its names are."""

    device: int
    inode: int


def identity_of(status: os.stat_result) -> Identity:
    """The identity in a status."""
    return Identity(status.st_dev, status.st_ino)


def open_named(path: Path) -> BinaryIO:
    """Open a file that the user named; links are followed. Raises UnreadableError."""
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        # Some systems open no folder. Of a path that is too long, `is_dir` raises.
        if error.errno in {errno.EISDIR, errno.EACCES} and path.is_dir():
            raise UnreadableError(str(path), "a folder: name a file") from error
        raise UnreadableError(str(path), os_reason(error)) from error
    except ValueError as error:
        raise UnreadableError("?", "the path holds a zero byte") from error
    kind = os.fstat(handle).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(handle, "rb")
    os.close(handle)
    reason = "a folder: name a file" if stat.S_ISDIR(kind) else _NO_FILE
    raise UnreadableError(str(path), reason)


def open_listed(path: str, identity: Identity, *, is_link: bool, roots: Iterable[str]) -> BinaryIO:
    """Open a file that was listed, if it is still the one that was listed.

    The handle has the same identity, is a regular file, and lies in one of ``roots``, which are
    real paths that end in a separator. Unless it was listed as a link, no link is followed to it.
    Raises UnreadableError.
    """
    flags = _FLAGS if is_link else _FLAGS | _NO_LINKS
    try:
        handle = os.open(path, flags)
    except OSError as error:
        is_swapped = error.errno == errno.ELOOP and not is_link
        reason = CHANGED if is_swapped else os_reason(error)
        raise UnreadableError(path, reason) from error
    try:
        _require_same(handle, path, identity, roots)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


@contextmanager
def listed_folder(
    path: str, identity: Identity, *, is_link: bool, roots: Iterable[str]
) -> Iterator[int | str]:
    """A folder to give to ``os.scandir``, if it is still the one that was listed.

    It is an open handle, where the system can list one. Raises OSError, and UnreadableError for a
    folder that was replaced.
    """
    if os.scandir not in os.supports_fd:
        yield path
        return
    flags = _FLAGS | os.O_DIRECTORY
    if not is_link:
        flags |= _NO_LINKS
    handle = os.open(path, flags)
    try:
        _require_same(handle, path, identity, roots)
        yield handle
    finally:
        os.close(handle)


def _require_same(handle: int, path: str, identity: Identity, roots: Iterable[str]) -> None:
    """Raise UnreadableError unless a handle has this identity and lies in one of ``roots``."""
    status = os.fstat(handle)
    is_readable = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    is_same = is_readable and identity_of(status) == identity
    if not is_same or not _is_inside(handle, path, roots):
        raise UnreadableError(path, CHANGED)


def _is_inside(handle: int, path: str, roots: Iterable[str]) -> bool:
    """True if an open handle, which was opened by ``path``, lies in one of ``roots``.

    Linux says where a handle is. Elsewhere the path is resolved again, and must lead to the same.
    """
    try:
        place = str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        place = os.path.realpath(path)
        if not os.path.samestat(os.stat(place), os.fstat(handle)):  # noqa: PTH116 - as in discover
            return False
    return (place.rstrip(os.sep) + os.sep).startswith(tuple(roots))


def os_reason(error: OSError) -> str:
    """The reason, in words, why a file cannot be opened or read."""
    known = _ERRNO_REASONS.get(error.errno or 0)
    if known:
        return known
    return (error.strerror or str(error)).lower()
