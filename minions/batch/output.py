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
from typing import TYPE_CHECKING, Any, Literal, Self

from minions.errors import StoreError, UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

Kind = Literal["done", "failed", "open"]
_OPEN = {"budget", "interrupted"}
_PRIVATE_FILE = 0o600  # quotes of the documents are in it


class Output:
    """An open output file; ``recorded`` says of each id that stands in it what its last record is.

    ``done``: answered, or found to have no answer; ``failed``: ended in an error, or its time was up; ``open``: stopped
    by a budget. All methods raise StoreError; opening raises UsageError for a path that cannot be an output.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_new = not path.exists()
        self.torn = False
        self.recorded: dict[str, Kind] = {}
        try:
            if not self.is_new and not stat.S_ISREG(path.stat().st_mode):
                raise UsageError(
                    f"-o {path} is not a file", hint="name a file that can be appended to: -o answers.jsonl"
                )
            self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0), _PRIVATE_FILE)
        except OSError as error:
            raise UsageError(f"-o {path}: {error.strerror}", hint="name a file that can be written") from None
        try:
            _lock(self._file, path)
            self._read()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, record: str, *, id_: str, kind: Kind) -> None:
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
        self.recorded[id_] = kind

    def close(self) -> None:
        """Let the file go, and its lock. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        """Note what is recorded, and cut off a line that was never finished."""
        whole = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n") and not _is_whole(line):
                    break
                whole += len(line)
                if line.strip():
                    self._note(line, number)
                if not line.endswith(b"\n"):
                    os.write(self._file, b"\n")
                    whole += 1
        if whole < os.fstat(self._file).st_size:
            self.torn = True
            os.ftruncate(self._file, whole)

    def _note(self, line: bytes, number: int) -> None:
        try:
            record = json.loads(line)
            id_, kind = record["id"], kind_of(record)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UsageError(
                f"-o {self.path}: line {number} is no record of a batch",
                hint="name a new file, or the output of an earlier run of this batch",
            ) from None
        self.recorded[str(id_)] = kind


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def kind_of(record: dict[str, Any]) -> Kind:
    """What a record says about its question."""
    if "error" in record:
        return "failed"
    reason = record["stop_reason"]
    return "open" if reason in _OPEN else "failed" if reason == "timeout" else "done"


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
            f"another process is writing to {path}", hint="wait for it to end, or name another file with -o"
        ) from None
