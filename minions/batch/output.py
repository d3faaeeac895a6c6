"""The output of a batch: one JSON object a line, appended and synced as each question ends.

Nothing is rewritten. A process that dies in the middle of a line leaves it incomplete; the next
process moves it to a file beside, as it never was a result. Nothing is cut from a file that is not
known to be an output of ours. Only one process writes at a time: it holds a lock
that the operating system releases when the process ends.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self

from minions.errors import StoreError, UsageError
from minions.store.private import open_private

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

Kind = Literal["done", "failed", "open"]
_OPEN: Final = frozenset({"budget", "interrupted"})
_FLAGS: Final = os.O_RDWR | os.O_APPEND
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# Records of answers begin with their schema, those of judgements with their id.
_RECORD_STARTS: Final = (b'{"schema": "minions/', b'{"schema":"minions/', b'{"id":')


class Output:
    """An output file, open for appending and locked.

    ``recorded`` is the kind of each id's last record. ``done``: answered, or found to have no
    answer; ``failed``: ended in an error or timed out; ``open``: stopped by a budget or by the
    user, to be continued. ``runs`` is the id of that record's run, or empty. ``is_new``: there was
    no file before; ``is_empty``: it held no record. ``torn``: its last line was incomplete, and
    was moved to the end of ``torn_path``.

    An incomplete line is moved only from a file that is ours: one with a record before that line
    and nothing but records, or one that ``is_recorded`` as an output in the store and whose line
    begins like a record. Any other file is refused, and stays as it is.

    All methods raise StoreError. Opening raises UsageError for a path that cannot be an output, for
    a file that holds something else, and while another process is writing.
    """

    def __init__(self, path: Path, *, is_recorded: bool = False) -> None:
        self.path = path
        self.torn_path = path.with_name(f"{path.name}.torn")
        self._is_recorded = is_recorded
        self.is_new = not path.exists()
        self.torn = False
        self.recorded: dict[str, Kind] = {}
        self.runs: dict[str, str] = {}
        try:
            # Checked before it is opened: opening a pipe would wait for its reader.
            if not self.is_new and not stat.S_ISREG(path.stat().st_mode):
                raise UsageError(
                    f"-o {path} is not a regular file",
                    hint="name a file that can be appended to: -o answers.jsonl",
                )
            self._file = open_private(path, _FLAGS)
        except OSError as error:
            raise UsageError(
                f"-o {path}: {error.strerror}", hint="name a file that can be written"
            ) from None
        try:
            _lock(self._file, path)
            _sync_folder(path)
            self._load()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, record: str, *, id_: str, kind: Kind, run_id: str = "") -> None:
        """Add a record, which is JSON in one line. When this returns, it survives a power cut.

        A record that cannot be written as a whole is removed again.
        """
        line = memoryview(record.encode() + b"\n")
        start = os.fstat(self._file).st_size
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                # Unless something else was appended meanwhile: that is not ours to remove.
                if os.fstat(self._file).st_size == start + written:
                    os.ftruncate(self._file, start)
            raise StoreError(
                f"{self.path} cannot be written to: {error.strerror}",
                hint="free some space and run the same command again: it continues",
            ) from error
        self.recorded[id_] = kind
        self.runs[id_] = run_id

    def close(self) -> None:
        """Close the file, which releases its lock. May be called twice."""
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

    def _load(self) -> None:
        """Read the records, and move an incomplete last line to the file beside."""
        with os.fdopen(os.dup(self._file), "rb") as file:
            content = _read(file, self.path)
        for id_, last in content.records.items():
            self.recorded[id_] = last.kind
            self.runs[id_] = last.run_id
        self.is_empty = content.whole_bytes == 0
        try:
            if content.torn:
                self._require_ours(content)
                self._keep(content.torn)
                self.torn = True
                os.ftruncate(self._file, content.whole_bytes)
            if not content.ends_with_newline:
                os.write(self._file, b"\n")
        except OSError as error:
            raise StoreError(
                f"{self.path} ends in an incomplete line that cannot be removed: {error.strerror}",
                hint="free some space, or make the file writable",
            ) from error

    def _require_ours(self, content: _Content) -> None:
        """Raise UsageError unless the incomplete last line may be cut off."""
        if content.records:
            return
        if self._is_recorded:
            for start in _RECORD_STARTS:
                if content.torn.startswith(start) or start.startswith(content.torn):
                    return
        raise UsageError(
            f"-o {self.path} holds something that is not a record of a batch",
            hint="name a new file, for example -o answers.jsonl; this one was left as it is",
        )

    def _keep(self, torn: bytes) -> None:
        """Append an incomplete line to the file beside. It survives a power cut. Raises OSError."""
        beside = open_private(self.torn_path, os.O_WRONLY | os.O_APPEND | _NO_LINKS)
        with os.fdopen(beside, "ab") as file:
            file.write(torn + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.torn_path)


def recorded_in(path: Path) -> dict[str, Kind]:
    """The kind of each id's last record, without opening the file for writing.

    Empty where there is no file. Raises UsageError.
    """
    try:
        with path.open("rb") as file:
            records = _read(file, path).records
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(
            f"-o {path}: {error.strerror}", hint="name a file that can be read and written"
        ) from None
    return {id_: last.kind for id_, last in records.items()}


class _LastRecord(NamedTuple):
    """The last record of an id."""

    kind: Kind
    run_id: str


class _Content(NamedTuple):
    """The last record of each id, the size of the whole lines, and the incomplete line after."""

    records: dict[str, _LastRecord]
    whole_bytes: int
    ends_with_newline: bool
    torn: bytes = b""


def _read(file: IO[bytes], path: Path) -> _Content:
    """Read an output. Raises UsageError for a line that is not a record."""
    records: dict[str, _LastRecord] = {}
    whole_bytes = 0
    ends_with_newline = True
    file.seek(0)
    for number, line in enumerate(file, 1):
        ends_with_newline = line.endswith(b"\n")
        try:
            record = json.loads(line.decode())  # decoded here: json would accept UTF-16, too
        except (ValueError, RecursionError):
            record = None
        if not ends_with_newline and not isinstance(record, dict):
            return _Content(records, whole_bytes, ends_with_newline=True, torn=line)
        whole_bytes += len(line)
        if not line.strip():
            continue
        try:
            id_ = str(record["id"])
            records[id_] = _LastRecord(kind_of(record), str(record.get("run_id") or ""))
        except (TypeError, KeyError, AttributeError):
            raise UsageError(
                f"-o {path}: line {number} is not a record of a batch",
                hint="name a new file, or the output of an earlier run of this batch",
            ) from None
    return _Content(records, whole_bytes, ends_with_newline)


def kind_of(record: dict[str, Any]) -> Kind:
    """The kind of a record, as `Output` explains them."""
    if "error" in record:
        return "failed"
    reason = record["stop_reason"]
    if reason in _OPEN:
        return "open"
    if reason == "timeout":
        return "failed"
    return "done"


def is_asked_again(kind: Kind, *, retry_errors: bool) -> bool:
    """True if the same command asks a question with such a record again."""
    return kind == "open" or (retry_errors and kind == "failed")


def _sync_folder(path: Path) -> None:
    """Make the file's name survive a power cut, where the system can sync folders."""
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
