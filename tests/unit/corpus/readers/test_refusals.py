"""Files that cannot be read: a short reason that says what to do, and nothing else raised."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minions.corpus.readers import read_document, registry
from minions.errors import UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = [
    "txt",
    "md",
    "html",
    "pdf",
    "docx",
    "csv",
    "json",
    "eml",
    "mbox",
    "py",
    "pptx",
    "xlsx",
    "epub",
    "bin",
]


def reason(path: Path) -> str:
    """Why this file cannot be read."""
    with pytest.raises(UnreadableError) as caught:
        read_document(path)
    assert caught.value.path == str(path)
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"", "empty file"),
        ("a.pdf", b"", "empty file"),
        ("a.txt", b" \n\n", "no text in it"),
        ("a.html", b"<script>x</script>", "no text in it"),
        ("a.bin", b"\0\1\2\3" * 100, "binary file, no reader for it"),
        ("a.txt", b"\x7fELF\0\0\1", "binary file, no reader for it"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", "picture: run OCR first (for example ocrmypdf)"),
        ("a.gz", gzip.compress(b"text", mtime=0), "archive: unpack it first"),
        ("a.rtf", b"{\\rtf1 hello}", "RTF has no reader: save it as DOCX"),
    ],
)
def test_the_reason_says_what_to_do(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    """Each kind of file that holds no text for us has its own sentence."""
    (tmp_path / name).write_bytes(data)
    assert reason(tmp_path / name) == expected


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe is not waited on, a folder not opened; a file that vanished is gone; a link to itself ends."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "self").symlink_to("self")
    assert reason(tmp_path / "pipe") == "not a regular file: name a file"
    assert reason(tmp_path) == "a folder: name a file"
    assert reason(tmp_path / "gone.txt") == "the file is gone"
    assert reason(tmp_path / "self") == "symbolic link that leads to itself"


def test_a_file_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed file is named as such."""
    path = tmp_path / "a.txt"
    path.write_text("secret")
    path.chmod(0)
    if os.geteuid() == 0:  # root may open anything

        def refused(path: Path, _flags: int) -> int:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "open", refused)
    assert reason(path) == "permission denied"


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Sizes that no memory holds are refused by the number, with the limit of the format."""
    for name, size, limit in (("a.txt", 3 * 2**30, "2,048"), ("a.html", 2**29, "256")):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)  # a hole: takes no space
        assert (
            reason(tmp_path / name)
            == f"too large ({size // 2**20:,} MiB; at most {limit} MiB for this format): split it"
        )


def test_whatever_a_parser_raises_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file that breaks a parser does not stop a run over thousands."""

    def broken(source: object) -> object:
        raise RecursionError(source)

    monkeypatch.setitem(registry._BY_SUFFIX, ".md", broken)
    (tmp_path / "a.md").write_text("x")
    assert reason(tmp_path / "a.md") == "cannot be parsed (RecursionError): it may be broken"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.sampled_from(
            [
                b"%PDF-1.7\n",
                b"PK\x03\x04",
                b"PK\x05\x06" + bytes(18),
                b"From x\n\n",
                b"<html>",
                b"{",
            ]
        ).flatmap(lambda head: st.binary(max_size=200).map(lambda tail: head + tail)),
    ),
    suffix=st.sampled_from(SUFFIXES),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, suffix: str) -> None:
    """For every suffix and any content there is a document or a reason, the same each time."""
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    try:
        document = read_document(path)
    except UnreadableError:
        return
    document.text.encode()
    assert document.text.strip()
    assert read_document(path) == document
