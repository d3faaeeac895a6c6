"""Discovery of the files that a run reads, in a fixed order, and of entries that cannot be read."""

from __future__ import annotations

import difflib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from minions.corpus.opening import CHANGED, Identity, identity_of, listed_folder, open_listed
from minions.errors import CorpusError, UnreadableError
from minions.values.documents import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

# Folders that tools fill and nobody asks about. Folders with a leading dot are hidden anyway.
NOISE: Final = frozenset({"node_modules", "__pycache__", "__MACOSX", "site-packages"})

_KINDS: Final = {
    stat.S_IFLNK: CHANGED,
    stat.S_IFIFO: "a pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file: ``size`` in bytes, ``mtime_ns`` its time of change in nanoseconds.

    ``device`` and ``inode`` say which file it is, so that another is not read in its place.
    ``is_link``: links may be followed to it. The path is plain text, because a Path for each of
    100,000 files takes 40 MB.
    """

    path: str
    size: int
    mtime_ns: int
    device: int
    inode: int
    is_link: bool


@dataclass(frozen=True, slots=True)
class Discovery:
    """The files found under the given paths, and the entries that could not be listed.

    ``skipped_hidden`` counts the hidden entries and the folders of tools that were left out; a
    folder counts as one. ``roots`` are the real paths that were searched, each with a separator.
    """

    files: tuple[FoundFile, ...]
    unreadable: tuple[Unreadable, ...] = ()
    skipped_hidden: int = 0
    roots: tuple[str, ...] = field(default=(), compare=False)


def open_found(file: FoundFile, roots: Sequence[str]) -> BinaryIO:
    """Open a file that was listed, if it is still there and the same. Raises UnreadableError.

    ``roots`` are those of its Discovery: what lies elsewhere by now is not opened.
    """
    identity = Identity(file.device, file.inode)
    return open_listed(file.path, identity, is_link=file.is_link, roots=roots)


def discover(paths: Sequence[Path | str]) -> Discovery:
    """List every file under ``paths``, in the order of the paths and sorted by name within each.

    Each real file is listed once, and each real folder is walked once, all the way down. A symbolic
    link found on the way is followed if it leads to something inside one of ``paths``. A link that
    leads elsewhere is unreadable: its target was chosen by the author of the folder, not by the
    user. Names with a leading dot and folders of tools (`NOISE`) are left out, unless ``paths``
    names them. Entries that cannot be listed (no permission, a dead link, a pipe) are
    ``unreadable`` too. A file is not opened here, so one without read permission is noticed only
    when it is read. Raises CorpusError for a path that does not exist.
    """
    named = [os.path.realpath(path) for path in paths if path and os.path.lexists(path)]
    walk = _Walk(roots=tuple(path.rstrip(os.sep) + os.sep for path in named))
    for path in paths:
        walk.add(os.fspath(path))
    return Discovery(
        tuple(walk.files), tuple(walk.unreadable), walk.skipped_hidden, roots=walk.roots
    )


@dataclass(slots=True)
class _Walk:
    """One walk over the paths of a run; ``roots`` are their real paths, each with a separator."""

    roots: tuple[str, ...]
    files: list[FoundFile] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped_hidden: int = 0
    seen: set[Identity] = field(default_factory=set)

    def add(self, path: str) -> None:
        """Take a path that the user named, with everything below it."""
        if not path:
            hint = "name a file or a folder; for this folder type ."
            raise CorpusError("no such path: '' (empty)", hint=hint)
        if not os.path.lexists(path):
            raise CorpusError(f"no such path: {path}", hint=_nearby(Path(path)))
        pending = [(path, True)]  # the user's own choice: links are followed
        while pending:
            path, is_link = pending.pop()
            status = self._status(path, is_link=is_link)
            if status is None:
                continue
            if stat.S_ISDIR(status.st_mode):
                pending.extend(reversed(self._entries(path, status, is_link=is_link)))
            elif stat.S_ISREG(status.st_mode):
                file = FoundFile(
                    path=path,
                    size=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                    device=status.st_dev,
                    inode=status.st_ino,
                    is_link=is_link,
                )
                self.files.append(file)
            else:
                self._refuse(path, _KINDS.get(stat.S_IFMT(status.st_mode), "not a regular file"))

    def _status(self, path: str, *, is_link: bool) -> os.stat_result | None:
        """The status of what is at ``path``; None where it was seen before or cannot be read."""
        try:
            path.encode()
            status = os.stat(path, follow_symlinks=is_link)  # noqa: PTH116 - a Path for each of 100,000 entries costs more than the call
        except UnicodeEncodeError:
            self._refuse(path, "the file name is not valid UTF-8: rename it")
            return None
        except OSError as error:
            self._refuse(path, _why(path, error))
            return None
        identity = identity_of(status)
        if identity in self.seen:
            return None
        self.seen.add(identity)
        return status

    def _entries(
        self, folder: str, status: os.stat_result, *, is_link: bool
    ) -> list[tuple[str, bool]]:
        """The paths in a folder that are to be visited, sorted by name; and which are links."""
        try:
            with (
                listed_folder(
                    folder, identity_of(status), is_link=is_link, roots=self.roots
                ) as handle,
                os.scandir(handle) as entries,
            ):
                links = {entry.name: entry.is_symlink() for entry in entries}
        except UnreadableError as error:
            self._refuse(folder, error.reason)
            return []
        except OSError as error:
            self._refuse(folder, _why(folder, error))
            return []
        paths: list[tuple[str, bool]] = []
        for name in sorted(links):
            if name.startswith(".") or name in NOISE:
                self.skipped_hidden += 1
                continue
            path = os.path.join(folder, name)  # noqa: PTH118 - see _status
            if links[name]:
                target = os.path.realpath(path) + os.sep
                if not target.startswith(self.roots):
                    reason = f"a link that leads out of {folder}: name its target to read it"
                    self._refuse(path, reason)
                    continue
            paths.append((path, links[name]))
        return paths

    def _refuse(self, path: str, reason: str) -> None:
        shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
        self.unreadable.append(Unreadable(path=shown, reason=reason))


def _why(path: str, error: OSError) -> str:
    """The reason, in words, why a path that exists cannot be read."""
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        if os.path.islink(path):  # noqa: PTH114 - see _status
            return "broken symbolic link"
        return "the file vanished while it was being listed"
    if error.errno is not None and os.strerror(error.errno).startswith("Too many levels"):
        return "symbolic link that leads to itself"
    return (error.strerror or str(error)).lower()


def _nearby(path: Path) -> str:
    """A hint with names in the nearest existing folder that resemble the missing name."""
    missing = path
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        missing = parent
        parent = parent.parent
    try:
        names = sorted(os.listdir(parent))  # noqa: PTH208 - names are what is compared
    except OSError:
        names = []
    near = difflib.get_close_matches(missing.name, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(str(parent / name) for name in near) + "?"
    return f"check the spelling; the folder {parent.absolute()} has no such name"
