"""The output of a batch: appended to, never rewritten, and whole whatever happens."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from minions.batch.output import Output, kind_of, recorded_in
from minions.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

resource = pytest.importorskip("resource", reason="limits on files are those of POSIX systems")


def record(id_: str, stop_reason: str = "answered", **more: Any) -> str:
    return json.dumps({"id": id_, "stop_reason": stop_reason, **more})


def write(path: Path, *records: str) -> None:
    with Output(path) as output:
        for each in records:
            output.append(each, id_=json.loads(each)["id"], kind=kind_of(json.loads(each)))


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond ``size``, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the output is to be; nothing is there."""
    return tmp_path / "out.jsonl"


def test_results_are_appended_and_found_again(path: Path) -> None:
    """The records of an earlier run stay, byte for byte, and is known to the next."""
    write(path, record("a"))
    before = path.read_bytes()
    write(path, record("b", "no_answer"), record("c", "error", error={"type": "X"}))
    assert path.read_bytes().startswith(before)
    with Output(path) as output:
        assert output.recorded == {"a": "done", "b": "done", "c": "failed"}
        assert (output.is_empty, output.torn) == (False, False)


def test_the_last_record_of_a_question_counts(path: Path) -> None:
    """A question that a budget stopped and that was answered later is done."""
    write(path, record("a", "budget"), record("b"), record("a"))
    assert recorded_in(path) == {"a": "done", "b": "done"}


@pytest.mark.parametrize(
    ("stop_reason", "kind"),
    [
        ("answered", "done"),
        ("no_answer", "done"),
        ("timeout", "failed"),
        ("budget", "open"),
        ("interrupted", "open"),
    ],
)
def test_what_a_limit_stopped_stays_open(stop_reason: str, kind: str) -> None:
    """Money and patience can be had again; a time limit would strike again."""
    assert kind_of({"id": "a", "stop_reason": stop_reason}) == kind


def test_a_torn_last_line_is_moved_beside(path: Path) -> None:
    """A process that died while writing left no record: what is before it stays, what comes after is whole, and
    no byte of it is lost.
    """
    write(path, record("a"))
    whole = path.read_bytes()
    torn = record("b").encode()[:-5]
    path.write_bytes(whole + torn)
    with Output(path) as output:
        assert (output.torn, output.recorded) == (True, {"a": "done"})
        output.append(record("c"), id_="c", kind="done")
    assert path.read_bytes() == whole + record("c").encode() + b"\n"
    beside = path.with_name("out.jsonl.torn")
    assert beside.read_bytes() == torn + b"\n"
    assert beside.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("is_recorded", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        b"my only notes, without a line break",
        b"first line\nsecond line without a line break",
        b"\n\n  the third line",
        b" ",
        b"[1, 2]",
        b"\x00\x01\x02",
        b'{"id": "a"}',
        b'{"schema": "table"',
        b'{"name": "a", "stop_reason',
    ],
)
def test_nothing_is_cut_from_a_file_of_something_else(
    path: Path, content: bytes, *, is_recorded: bool
) -> None:
    """Whatever a file holds, with or without a line break at its end, also where a batch once wrote: it is refused
    with what to type, and not a byte of it changes.
    """
    path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        Output(path, is_recorded=is_recorded)
    assert "name a new file" in (refused.value.hint or "")
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == ["out.jsonl"]


def test_a_first_record_that_was_torn_is_cut_only_where_a_batch_wrote(path: Path) -> None:
    """Without a whole record before it, only the store knows whose file it is."""
    torn = b'{"schema": "minions/1", "id": "a", "stop'
    path.write_bytes(torn)
    with pytest.raises(UsageError, match="not a record"):
        Output(path)
    assert path.read_bytes() == torn
    with Output(path, is_recorded=True) as output:
        assert (output.torn, output.is_empty) == (True, True)
    assert path.read_bytes() == b""
    assert path.with_name("out.jsonl.torn").read_bytes() == torn + b"\n"


def test_a_torn_line_that_cannot_be_kept_is_not_cut(path: Path) -> None:
    """Beside it lies a link to a file of somebody's: neither is touched."""
    write(path, record("a"))
    torn = path.read_bytes() + b'{"id": "b'
    path.write_bytes(torn)
    other = path.with_name("other.txt")
    other.write_text("not ours")
    path.with_name("out.jsonl.torn").symlink_to(other)
    with pytest.raises(StoreError, match="cannot be removed"):
        Output(path)
    assert (path.read_bytes(), other.read_text()) == (torn, "not ours")


def test_what_others_append_meanwhile_is_not_removed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that could not be written whole stays, if taking it back would take somebody's line with it."""
    write(path, record("a"))
    with Output(path) as output:

        def fails(_file: int) -> None:
            with path.open("a") as foreign:
                foreign.write("somebody's line\n")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(StoreError):
            output.append(record("b"), id_="b", kind="done")
    assert path.read_text().endswith("somebody's line\n")


def test_an_output_that_exists_keeps_its_mode_and_the_log_says_so(path: Path) -> None:
    """The user may have opened it on purpose."""
    write(path, record("a"))
    path.chmod(0o644)
    with capture_logs() as logs:
        write(path, record("b"))
    assert path.stat().st_mode & 0o777 == 0o644
    assert logs == [
        {
            "event": "readable_by_others",
            "log_level": "warning",
            "path": str(path),
            "mode": "0644",
        }
    ]


def test_a_torn_last_line_may_be_nested_without_end(path: Path) -> None:
    """It is cut off as any other, and no error of the parser's."""
    path.write_text(f"{record('a')}\n{DEEP}")
    assert recorded_in(path) == {"a": "done"}


def test_a_whole_last_line_without_its_newline_is_kept(path: Path) -> None:
    """Editors leave it out; the record is no less whole."""
    path.write_text(record("a"))
    write(path, record("b"))
    assert path.read_text() == f"{record('a')}\n{record('b')}\n"


def test_reading_an_output_changes_nothing(path: Path) -> None:
    """An estimate looks at an output, torn or not there, and leaves it as it is."""
    assert recorded_in(path) == {}
    path.write_text(record("a") + '\n{"id": "b')
    before = path.read_bytes()
    assert recorded_in(path) == {"a": "done"}
    assert path.read_bytes() == before


DEEP = "[" * 200_000  # deeper than JSON is read


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "[1]",
        '{"id": "a"}',
        '{"stop_reason": "answered"}',
        "7",
        '"x"',
        pytest.param(DEEP, id="deep"),
    ],
)
def test_a_file_of_something_else_is_refused(path: Path, line: str) -> None:
    """Nobody's notes are appended to: the line that is no record is named, the file stays as it was."""
    path.write_text(f"{record('a')}\n\n{line}\n{record('b')}\n")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="line 3 is not a record of a batch"):
        Output(path)
    assert path.read_bytes() == before


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe and a place that is not there; at once, without waiting for the pipe's reader."""
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", tmp_path / "nowhere" / "out.jsonl"):
        with pytest.raises(UsageError, match="-o "):
            Output(place)


def test_one_writes_at_a_time(path: Path) -> None:
    """A second one on the same file is refused, and may write once the first has ended."""
    first = Output(path)
    with pytest.raises(UsageError, match="another process is writing"):
        Output(path)
    first.append(record("a"), id_="a", kind="done")
    first.close()
    first.close()
    write(path, record("b"))
    assert recorded_in(path) == {"a": "done", "b": "done"}


def test_a_full_disk_leaves_no_half_line(path: Path) -> None:
    """A record that does not fit is removed and reported; with space again the batch goes on."""
    write(path, record("a"))
    whole = path.read_bytes()
    with Output(path) as output:
        with (
            disk_full_after(len(whole) + 10),
            pytest.raises(StoreError, match="cannot be written to") as caught,
        ):
            output.append(record("b"), id_="b", kind="done")
        assert "free some space" in (caught.value.hint or "")
        assert path.read_bytes() == whole
        assert output.recorded == {"a": "done"}
        output.append(record("b"), id_="b", kind="done")
    assert recorded_in(path) == {"a": "done", "b": "done"}


def test_only_the_user_reads_it(path: Path) -> None:
    """Quotes of the documents stand in it."""
    write(path, record("a"))
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "line", ['{"id": "a", "stop_reason": "answered"}'.encode("utf-16"), b'{"id": "\xed\xa0\x80"}']
)
def test_a_record_is_utf_8(tmp_path: Path, line: bytes) -> None:
    """A file that is not UTF-8 is refused when it is opened, not by a later reader."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(line + b"\n" + record("b").encode() + b"\n")
    with pytest.raises(UsageError, match="line 1"):
        recorded_in(path)


def test_an_output_is_its_owners(tmp_path: Path) -> None:
    """Quotes of the documents stand in it: nobody else of the machine can read it."""
    path = tmp_path / "out.jsonl"
    write(path, record("a"))
    assert path.stat().st_mode & 0o777 == 0o600
