"""The folders' settings files that the user called their own: by path and sha256, in the home."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Final

from minions.errors import ConfigError, StoreError
from minions.store.private import private_folder
from minions.values.base import Value

_RECORD: Final = "trusted.json"


class TrustedFile(Value):
    """A settings file of a folder that the user called their own."""

    path: Path
    """The absolute path of the file."""
    sha256: str
    """The digest of its content when it was trusted."""
    unchanged: bool
    """True if the file still has this content; otherwise it is no longer trusted."""


class TrustedFiles:
    """The record in a home folder.

    A home whose path is relative, or that lies in the file's own folder, may have come with that
    folder: what it says of the file counts for nothing.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._record = home / _RECORD

    def holds(self, path: Path, sha256: str) -> bool:
        """Return whether the file at an absolute path was trusted with this very content."""
        return self._is_apart_from(path) and self._read().get(str(path)) == sha256

    def add(self, path: Path) -> TrustedFile:
        """Trust a file as it is now. Raises ConfigError, StoreError."""
        if not path.is_file():
            raise ConfigError(f"there is no {path}", hint="minions trust FOLDER")
        if not self._is_apart_from(path):
            raise ConfigError(
                f"the home {self._home} may belong to the folder of {path}, so it cannot say whom"
                " to trust",
                hint="choose a home elsewhere by its absolute path: --home DIR, or MINIONS_HOME",
            )
        sha256 = _digest(path)
        self._write({**self._read(), str(path): sha256})
        return TrustedFile(path=path, sha256=sha256, unchanged=True)

    def remove(self, path: Path) -> bool:
        """Trust a file no more; return whether it was trusted. Raises StoreError."""
        record = self._read()
        was_there = record.pop(str(path), None) is not None
        if was_there:
            self._write(record)
        return was_there

    def all(self) -> list[TrustedFile]:
        """Return the record, by path."""
        files: list[TrustedFile] = []
        for name, sha256 in sorted(self._read().items()):
            path = Path(name)
            unchanged = path.is_file() and _digest(path) == sha256
            files.append(TrustedFile(path=path, sha256=sha256, unchanged=unchanged))
        return files

    def _is_apart_from(self, path: Path) -> bool:
        return self._home.is_absolute() and not self._home.resolve().is_relative_to(path.parent)

    def _read(self) -> dict[str, str]:
        """Return the record; empty if it cannot be read, so that nothing is trusted by mistake."""
        try:
            record = json.loads(self._record.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(record, dict):
            return {}
        return {path: digest for path, digest in record.items() if isinstance(digest, str)}

    def _write(self, record: dict[str, str]) -> None:
        """Replace the record in one step: a file of 0600 in a folder of 0700."""
        try:
            private_folder(self._home)
            handle, written = tempfile.mkstemp(dir=self._home, prefix=_RECORD)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(record, stream, indent=1, sort_keys=True)
            Path(written).replace(self._record)
        except OSError as error:
            raise StoreError(
                f"cannot write {self._record}: {error}", hint="check the folder, or choose --home"
            ) from None


def _digest(path: Path) -> str:
    """Return the sha256 of a file. Raises StoreError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error}", hint="check its permissions") from None
