"""Hostile files: each is read or refused with a reason, within time and memory; nothing is fetched, nothing written."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minions.corpus.readers import read_document
from minions.errors import UnreadableError
from tests.hostile import pages, zipped
from tests.hostile.corpus import hostile_files
from tests.hostile.reading import MEMORY_BYTES

ROOT = Path(__file__).parents[2]
AT_LEAST = 200
SECONDS = 30.0  # of processor time for one file; the slowest takes 3


class Outcome:
    """What a process said of each file, and what it left behind."""

    def __init__(self, lines: list[dict[str, Any]], left: set[str], *, asked: bool) -> None:
        self.lines, self.left, self.asked = lines, left, asked


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All files, read by one process that has 3 GiB, a home of its own and a server beside it that nobody may ask."""
    home = tmp_path_factory.mktemp("hostile")
    (home / "files").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        command = [sys.executable, "-m", "tests.hostile.reading", str(home / "files"), str(port)]
        environment = {
            **os.environ,
            "HOME": str(home),
            "TMPDIR": str(home),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        environment["PYTHONPATH"] = str(ROOT)
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=-1, stderr=-1, text=True
        ) as process:
            out, err = process.communicate(timeout=600)
        try:
            server.accept()
            asked = True
        except BlockingIOError:
            asked = False
    assert process.returncode == 0, err
    left = {str(path.relative_to(home)) for path in home.rglob("*")}
    return Outcome([json.loads(line) for line in out.splitlines()], left, asked=asked)


def test_each_file_is_read_or_refused(outcome: Outcome) -> None:
    """Not one of them ends the process: it reads them all, in seconds each, with less memory than a laptop has."""
    assert len(outcome.lines) == sum(1 for _ in hostile_files(1)) >= AT_LEAST
    slow = {line["name"]: line["seconds"] for line in outcome.lines if line["seconds"] > SECONDS}
    assert not slow
    assert all(line.get("whole") or line["reason"] for line in outcome.lines)


def test_no_file_fills_the_memory(outcome: Outcome) -> None:
    """Limits stop what expands without end, before the machine does: none of them ran into the limit of the process."""
    assert MEMORY_BYTES <= 4 * 2**30
    filled = [line["name"] for line in outcome.lines if "memory" in line.get("reason", "")]
    assert filled == []


def test_nothing_is_fetched(outcome: Outcome) -> None:
    """Neither entities nor document types, links, pictures, forms or scripts reach the server that they name."""
    assert not outcome.asked


def test_no_other_file_is_read_or_written(outcome: Outcome) -> None:
    """No text holds the lines of /etc/passwd, and nothing has appeared beside the files, whatever they are called."""
    assert not [line["name"] for line in outcome.lines if line.get("leaks")]
    assert outcome.left == {"files"}
    assert not list(Path("/tmp").glob("escaped-*"))  # noqa: S108 - where a name wants to write


def test_titles_and_headings_are_plain_lines(outcome: Outcome) -> None:
    """What documents call themselves has no control character and no line break, and is bounded."""
    assert not [(line["name"], line["odd"]) for line in outcome.lines if line.get("odd")]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (
            "a.docx",
            zipped.docx("x", head='<!DOCTYPE x [<!ENTITY e "e">]>'),
            "DOCX defines XML entities",
        ),
        (
            "a.xlsx",
            zipped.xlsx('<row r="9999999"><c><v>1</v></c></row>'),
            "more than 20,000,000 cells, or 1,048,576",
        ),
        ("a.epub", zipped.epub("a" * 2**26), "EPUB expands to more than 200 times its size"),
        ("a.html", b"<div>" * 50_000 + b"x", "HTML nests its elements beyond measure"),
        ("a.html", b"<b/>x" * 6_000_001, "HTML holds more than 6,000,000 elements"),
        (
            "a.pdf",
            pages.page(b"(x) Tj " * 2**20, packed=True),
            "PDF holds a page that is packed beyond measure",
        ),
    ],
)
def test_the_reason_tells_an_attack(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    """Who finds a file unreadable learns what is odd about it."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableError, match=reason) as caught:
        read_document(tmp_path / name)
    assert caught.value.path == str(tmp_path / name)
