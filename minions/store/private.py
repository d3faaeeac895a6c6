"""The home is its owner's: a folder that only they may enter, and files that only they may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDER, _FILE = 0o700, 0o600
_OTHERS: Final = 0o077
_COMPANIONS: Final = (
    "",
    "-wal",
    "-shm",
    "-journal",
)  # SQLite makes them as open as the database is
_log = structlog.get_logger()


def private_folder(path: Path) -> None:
    """Make the folder, and close it to others. Raises OSError.

    One that was open before is closed, and the log says so, unless it is not a home alone: somebody else's, shared
    (sticky), where the program works, or the user's own home folder.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(
        missing
    ):  # not parents=True, which leaves those above as open as the umask does
        each.mkdir(mode=_FOLDER, exist_ok=True)
    if path.is_dir() and _is_open_to_others(path) and not _is_shared(path):
        _close(path)


def private_file(path: Path) -> None:
    """Make the file, empty, where it is not there, and close it and what SQLite keeps beside it. Raises OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE))
    for each in _with_companions(path):
        if _is_open_to_others(each):
            _close(each)


def _with_companions(path: Path) -> Iterable[Path]:
    return (path.with_name(path.name + suffix) for suffix in _COMPANIONS)


def _is_open_to_others(path: Path) -> bool:
    """Whether it is there, belongs to this user, and others may do anything with it."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return False
    return bool(facts.st_mode & _OTHERS) and _is_own(facts)


def _is_own(facts: os.stat_result) -> bool:
    return hasattr(os, "getuid") and facts.st_uid == os.getuid()


def _is_shared(path: Path) -> bool:
    try:
        working, home = Path.cwd(), Path.home()
    except (OSError, RuntimeError):  # the folder is gone, or the user has none: nobody can tell
        return True
    return bool(path.stat().st_mode & stat.S_ISVTX) or path.resolve() in {
        working,
        *working.parents,
        home,
    }


def _close(path: Path) -> None:
    """Take from others what they may do; what its owner may do stays."""
    was = stat.S_IMODE(path.stat().st_mode)
    mode = was & ~_OTHERS
    try:
        path.chmod(mode)
    except FileNotFoundError:  # a companion that SQLite removed meanwhile
        return
    _log.warning("closed_to_others", path=str(path), was=f"{was:04o}", now=f"{mode:04o}")
