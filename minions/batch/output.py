"""The output of a batch: one JSON object a line, appended and synced as each question ends, never rewritten.

A process that dies in the middle of a line leaves a torn one, which the next cuts off: it was never a result. Only one
process writes at a time; the lock ends with it, however it ends.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Literal, Self

from minions.errors import StoreError, UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

Kind = Literal["done", "failed", "open"]
_OPEN = {"budget", "interrupted"}
_PRIVATE_FILE = 0o600  # quotes of the documents are in it


class Output:
    """An open output file; ``recorded`` says of each id that stands in it what its last record is, ``runs`` whose.

    ``done``: answered, or found to have no answer; ``failed``: ended in an error, or its time was up; ``open``: stopped
    by a budget. ``is_empty``: it held no record when it was opened. All methods raise StoreError; opening raises
    UsageError for a path that cannot be an output.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_new = not path.exists()
        self.torn = False
        self.recorded: dict[str, Kind] = {}
        self.runs: dict[str, str] = {}
        try:
            if not self.is_new and not stat.S_ISREG(path.stat().st_mode):
                raise UsageError(
                    f"-o {path} is not a file",
                    hint="name a file that can be appended to: -o answers.jsonl",
                )
            self._file = os.open(
                path,
                os.O_CREAT | os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0),
                _PRIVATE_FILE,
            )
        except OSError as error:
            raise UsageError(
                f"-o {path}: {error.strerror}", hint="name a file that can be written"
            ) from None
        try:
            _lock(self._file, path)
            _sync_folder(path)
            self._read()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, record: str, *, id_: str, kind: Kind, run_id: str = "") -> None:
        """Add a record (JSON in one line); it survives a power cut. What cannot be written whole is taken back."""
        line = memoryview(record.encode() + b"\n")
        start = os.fstat(self._file).st_size
        try:
            while line:
                line = line[os.write(self._file, line) :]
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, start)
            raise StoreError(
                f"{self.path} cannot be written to: {error.strerror}",
                hint="free some space and run the same command again: it goes on where it was",
            ) from error
        self.recorded[id_], self.runs[id_] = kind, run_id

    def close(self) -> None:
        """Let the file go, and its lock. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> None:
        """Note what is recorded, and cut off a line that was never finished."""
        with os.fdopen(os.dup(self._file), "rb") as file:
            found, whole, is_ended = _read(file, self.path)
        self.recorded = {id_: kind for id_, (kind, _) in found.items()}
        self.runs = {id_: run_id for id_, (_, run_id) in found.items()}
        self.is_empty = not whole
        try:
            if whole < os.fstat(self._file).st_size:
                self.torn = True
                os.ftruncate(self._file, whole)
            if not is_ended:
                os.write(self._file, b"\n")
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be mended: {error.strerror}",
                hint="free some space, or make it writable",
            ) from error


def recorded_in(path: Path) -> dict[str, Kind]:
    """What stands in an output, without opening it for writing; nothing where there is none. Raises UsageError."""
    try:
        with path.open("rb") as file:
            return {id_: kind for id_, (kind, _) in _read(file, path)[0].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(
            f"-o {path}: {error.strerror}", hint="name a file that can be read and written"
        ) from None


def _read(file: IO[bytes], path: Path) -> tuple[dict[str, tuple[Kind, str]], int, bool]:
    """Kind and run of each id's last record, the bytes of whole lines, and whether the last of them ends as a line."""
    recorded: dict[str, tuple[Kind, str]] = {}
    whole, is_ended = 0, True
    file.seek(0)
    for number, line in enumerate(file, 1):
        is_ended = line.endswith(b"\n")
        if not is_ended and not _is_whole(line):
            return recorded, whole, True
        whole += len(line)
        if line.strip():
            recorded.update([_record(line, number, path)])
    return recorded, whole, is_ended


def _record(line: bytes, number: int, path: Path) -> tuple[str, tuple[Kind, str]]:
    try:
        record = json.loads(line.decode())  # by name: JSON's own guess takes UTF-16, too
        return str(record["id"]), (kind_of(record), str(record.get("run_id") or ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UsageError(
            f"-o {path}: line {number} is no record of a batch",
            hint="name a new file, or the output of an earlier run of this batch",
        ) from None


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode()), dict)
    except (ValueError, RecursionError):
        return False


def kind_of(record: dict[str, Any]) -> Kind:
    """What a record says about its question."""
    if "error" in record:
        return "failed"
    reason = record["stop_reason"]
    return "open" if reason in _OPEN else "failed" if reason == "timeout" else "done"


def is_asked_again(kind: Kind, *, retry_errors: bool) -> bool:
    """Whether the same command asks a question again that has such a record."""
    return kind == "open" or (retry_errors and kind == "failed")


def _sync_folder(path: Path) -> None:
    """Let the file's name survive a power cut, where folders can be synced."""
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lock(file: int, path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError(
            f"another process is writing to {path}",
            hint="wait for it to end, or name another file with -o",
        ) from None
