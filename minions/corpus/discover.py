"""Which files a run reads: paths to a sorted list of files, with what could not be listed and why."""

from __future__ import annotations

import difflib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from minions.errors import CorpusError
from minions.values.documents import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

# Folders that tools fill and nobody asks about. Those with a dot are hidden anyway.
NOISE: Final = frozenset({"node_modules", "__pycache__", "__MACOSX", "site-packages"})

_KINDS: Final = (
    (stat.S_ISFIFO, "a pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file: ``size`` in bytes, ``mtime_ns`` its time of change in nanoseconds.

    The path is plain text: a Path for each of 100,000 files takes 40 MB.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Discovery:
    """What the paths hold. ``skipped_hidden`` counts the hidden and noise entries passed by (a folder is one)."""

    files: tuple[FoundFile, ...]
    unreadable: tuple[Unreadable, ...] = ()
    skipped_hidden: int = 0


def discover(paths: Sequence[Path | str]) -> Discovery:
    """List every file under ``paths``, in the order of the paths and sorted by name within each, each real file once.

    Folders are walked all the way down, each real folder once. A symbolic link found on the way is followed where it
    leads to something inside one of ``paths``; one that leads elsewhere is unreadable, since whoever made the folder
    chose its target, not the user. Names with a leading dot and folders of tools (`NOISE`) are passed by, unless
    ``paths`` names them. What cannot be listed (no permission, a dead link, a pipe) goes to ``unreadable`` too; whether
    a file can be opened is known when it is read. Raises CorpusError for a path that does not exist.
    """
    walk = _Walk([os.path.realpath(path) for path in paths if path and os.path.lexists(path)])
    for path in paths:
        walk.add(os.fspath(path))
    return Discovery(tuple(walk.files), tuple(walk.unreadable), walk.skipped_hidden)


@dataclass(slots=True)
class _Walk:
    roots: list[str]
    files: list[FoundFile] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped_hidden: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)

    def add(self, path: str) -> None:
        """Take a path that the user named: anything there is, is wanted."""
        if not path or not os.path.lexists(path):
            raise _no_such_path(path)
        stack = [path]
        while stack:
            if (found := self._visit(stack.pop())) is not None:
                stack.extend(reversed(self._wanted(found)))

    def _visit(self, path: str) -> str | None:
        """Record what is at ``path``; return it when it is a folder to open."""
        try:
            path.encode()
            status = os.stat(path)  # noqa: PTH116 - a Path for each of 100,000 entries costs more than the call
        except UnicodeEncodeError:
            self._refuse(path, "the file name is not valid UTF-8: rename it")
            return None
        except OSError as error:
            self._refuse(path, _why(path, error))
            return None
        identity = (status.st_dev, status.st_ino)
        if identity in self.seen:
            return None
        self.seen.add(identity)
        if stat.S_ISDIR(status.st_mode):
            return path
        if stat.S_ISREG(status.st_mode):
            self.files.append(FoundFile(path, status.st_size, status.st_mtime_ns))
            return None
        kind = next(
            (name for is_kind, name in _KINDS if is_kind(status.st_mode)), "not a regular file"
        )
        self._refuse(path, kind)
        return None

    def _wanted(self, folder: str) -> list[str]:
        try:
            with os.scandir(folder) as entries:
                links = {entry.name: entry.is_symlink() for entry in entries}
        except OSError as error:
            self._refuse(folder, _why(folder, error))
            return []
        wanted = [name for name in sorted(links) if not name.startswith(".") and name not in NOISE]
        self.skipped_hidden += len(links) - len(wanted)
        paths = {os.path.join(folder, name): links[name] for name in wanted}  # noqa: PTH118 - see _visit
        return [
            path
            for path, is_link in paths.items()
            if not is_link or self._leads_inside(folder, path)
        ]

    def _leads_inside(self, folder: str, link: str) -> bool:
        target = os.path.realpath(link)
        if any(
            target == root or target.startswith(root.rstrip(os.sep) + os.sep) for root in self.roots
        ):
            return True
        self._refuse(link, f"a link that leads out of {folder}: name its target to read it")
        return False

    def _refuse(self, path: str, reason: str) -> None:
        shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
        self.unreadable.append(Unreadable(path=shown, reason=reason))


def _why(path: str, error: OSError) -> str:
    """The reason in words, for a path that is there and cannot be looked at."""
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        broken = os.path.islink(path)  # noqa: PTH114 - see _visit
        return "broken symbolic link" if broken else "the file vanished while it was being listed"
    if error.errno is not None and os.strerror(error.errno).startswith("Too many levels"):
        return "symbolic link that leads to itself"
    return (error.strerror or str(error)).lower()


def _no_such_path(path: str) -> CorpusError:
    if not path:
        return CorpusError(
            "no such path: '' (empty)", hint="name a file or a folder; for this folder type ."
        )
    return CorpusError(f"no such path: {path}", hint=_nearby(Path(path)))


def _nearby(path: Path) -> str:
    """Names in the nearest existing folder that look like the missing one."""
    missing, parent = path, path.parent
    while not parent.is_dir() and parent != parent.parent:
        missing, parent = parent, parent.parent
    try:
        names = sorted(os.listdir(parent))  # noqa: PTH208 - names are what is compared
    except OSError:
        names = []
    near = difflib.get_close_matches(missing.name, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(str(parent / name) for name in near) + "?"
    return f"check the spelling; the folder {parent.absolute()} has no such name"
