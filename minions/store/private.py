"""Make folders and files private: only their owner may enter or read them.

Every file that this program writes is opened here, so that a new one is closed to other users from
its first moment.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

import structlog

_FOLDER: Final = 0o700
_FILE: Final = 0o600
_OTHERS: Final = 0o077
_READABLE_BY_OTHERS: Final = 0o044
_WRITABLE_BY_OTHERS: Final = 0o022
_BINARY: Final = getattr(os, "O_BINARY", 0)
# The database itself, and the files that SQLite creates beside it with the same permissions.
_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_log = structlog.get_logger()


def private_folder(path: Path) -> None:
    """Create the folder, and close it to other users. Raises OSError.

    If it was open to others before, it is closed and a warning is logged. Some folders are left
    alone: folders of another owner, shared folders (sticky), the user's home folder, and the
    working directory with the folders above it.
    """
    create_folder(path)
    if path.is_dir() and _is_open_to_others(path) and not _is_shared(path):
        _close(path)


def create_folder(path: Path) -> None:
    """Create the folder and those above it that are missing, each 0700. Raises OSError.

    They are private from their first moment, and usable by their owner, whatever the umask. A
    folder that exists keeps its mode.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    # One by one: parents=True would leave the upper folders open to others.
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=_FOLDER)
        except FileExistsError:  # another process was faster
            continue
        if stat.S_IMODE(folder.stat().st_mode) != _FOLDER:  # the umask took the owner's rights
            folder.chmod(_FOLDER)


def is_private(path: Path) -> bool:
    """Return whether a path is this user's own, no link, and writable by nobody else.

    Raises OSError.
    """
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    return facts.st_uid == os.getuid() and not facts.st_mode & _WRITABLE_BY_OTHERS


def open_private(path: Path, flags: int, *, is_noted: bool = False) -> int:
    """Open a file, and create it if it is missing: a new one is 0600. Raises OSError.

    A file that exists keeps its mode. If other users can read it, a warning is logged, unless
    ``is_noted``: it was logged before.
    """
    file = os.open(path, flags | os.O_CREAT | _BINARY, _FILE)
    if not is_noted:
        _note_if_readable(path, os.fstat(file))
    return file


def append_private(path: Path, content: bytes, *, is_noted: bool = False) -> None:
    """Append to a file, opened as `open_private` does. Raises OSError."""
    file = open_private(path, os.O_WRONLY | os.O_APPEND, is_noted=is_noted)
    with os.fdopen(file, "ab") as stream:
        stream.write(content)


def write_private(path: Path, content: bytes) -> None:
    """Write a file in place of what was in it, opened as `open_private` does. Raises OSError."""
    file = open_private(path, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)


def replace_private(path: Path, content: bytes) -> None:
    """Write a file atomically: it is replaced whole, or not at all. Raises OSError.

    A new file is 0600. One that is replaced keeps its mode, and a warning is logged if other users
    can read it.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        if path.exists():
            facts = path.stat()
            _note_if_readable(path, facts)
            draft.chmod(stat.S_IMODE(facts.st_mode))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def private_file(path: Path) -> None:
    """Create the file if it does not exist, and close it and SQLite's files beside it to others.

    Raises OSError.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE))
    for suffix in _COMPANIONS:
        companion = path.with_name(path.name + suffix)
        if _is_open_to_others(companion):
            _close(companion)


def _note_if_readable(path: Path, facts: os.stat_result) -> None:
    """Log a warning if a regular file can be read by other users."""
    if not hasattr(os, "getuid") or not stat.S_ISREG(facts.st_mode):
        return
    if facts.st_mode & _READABLE_BY_OTHERS:
        mode = stat.S_IMODE(facts.st_mode)
        _log.warning("readable_by_others", path=str(path), mode=f"{mode:04o}")


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
