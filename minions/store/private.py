"""Make folders and files private: only their owner may enter or read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import structlog

_FOLDER: Final = 0o700
_FILE: Final = 0o600
_OTHERS: Final = 0o077
# The database itself, and the files that SQLite creates beside it with the same permissions.
_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_log = structlog.get_logger()


def private_folder(path: Path) -> None:
    """Create the folder, and close it to other users. Raises OSError.

    If it was open to others before, it is closed and a warning is logged. Some folders are left
    alone: folders of another owner, shared folders (sticky), the user's home folder, and the
    working directory with the folders above it.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    # One by one: parents=True would leave the upper folders open to others.
    for folder in reversed(missing):
        folder.mkdir(mode=_FOLDER, exist_ok=True)
    if path.is_dir() and _is_open_to_others(path) and not _is_shared(path):
        _close(path)


def private_file(path: Path) -> None:
    """Create the file if it does not exist, and close it and SQLite's files beside it to others.

    Raises OSError.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE))
    for suffix in _COMPANIONS:
        companion = path.with_name(path.name + suffix)
        if _is_open_to_others(companion):
            _close(companion)


def _is_open_to_others(path: Path) -> bool:
    """Return whether a path exists, belongs to this user, and gives others any permission."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return False
    is_own = hasattr(os, "getuid") and facts.st_uid == os.getuid()
    return is_own and bool(facts.st_mode & _OTHERS)


def _is_shared(path: Path) -> bool:
    """Return whether a folder is used by more than this program."""
    try:
        working = Path.cwd()
        home = Path.home()
    except (OSError, RuntimeError):  # the folder is gone, or the user has no home: assume the worst
        return True
    if path.stat().st_mode & stat.S_ISVTX:
        return True
    return path.resolve() in {working, *working.parents, home}


def _close(path: Path) -> None:
    """Take all permissions from others; the owner's stay."""
    was = stat.S_IMODE(path.stat().st_mode)
    mode = was & ~_OTHERS
    try:
        path.chmod(mode)
    except FileNotFoundError:  # SQLite has just removed the file
        return
    _log.warning("closed_to_others", path=str(path), was=f"{was:04o}", now=f"{mode:04o}")
