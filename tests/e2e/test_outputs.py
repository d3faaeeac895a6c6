"""What commands write: for its owner only, and nothing of anybody else's is lost."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import QUESTION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTES = "nobody has a copy of these notes"
ITEM = f'{{"id": "a", "question": "{QUESTION}"}}\n'
DATA = (
    f'{{"id": "height", "question": "{QUESTION}", "answer": "41 metres", "kind": "extractive"}}\n'
)


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """A umask that keeps nothing from anybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """The permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_batch_leaves_a_file_of_something_else_alone(
    minions: Any, guide: Path, crew: Any
) -> None:
    """Before a batch wrote there and after, with and without a line break: exit 2, what to type, not a byte gone."""
    minions.write("in.jsonl", ITEM)
    output = minions.folder / "out.jsonl"
    command = ("batch", "in.jsonl", guide, "-o", "out.jsonl", *crew)
    for _ in range(2):
        for content in (NOTES, NOTES + "\n", f"{NOTES}\n{NOTES}"):
            output.write_text(content)
            ended = minions(*command)
            assert (ended.code, "name a new file" in ended.err) == (2, True), ended.err
            assert output.read_text() == content
        output.unlink()
        assert minions(*command).code == 0


def test_a_report_leaves_a_file_of_something_else_alone(
    minions: Any, guide: Path, crew: Any
) -> None:
    """A page of ours is written again, anything else is refused before a question is paid for."""
    minions.write("lights.jsonl", DATA)
    page = minions.write("page.html", NOTES)
    command = ("eval", "lights.jsonl", "--docs", guide, *crew, "--html", "page.html")
    ended = minions(*command)
    assert (ended.code, "name a new file" in ended.err) == (2, True), ended.err
    assert page.read_text() == NOTES
    page.unlink()
    assert minions(*command).code == 0
    assert minions(*command).code == 0
    assert page.read_text().startswith("<!doctype html>")


def test_documents_of_an_evaluation_replace_nothing(minions: Any, guide: Path, crew: Any) -> None:
    """Documents from a file of lines are unpacked beside the answers: not over a file that was there before."""
    assert guide.is_dir()
    minions.write("lights.jsonl", DATA)
    minions.write("docs.jsonl", '{"name": "a.txt", "text": "The lighthouse is 41 metres tall."}\n')
    mine = minions.folder / "answers" / "documents" / "a.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text(NOTES)
    command = ("eval", "lights.jsonl", "--docs", "docs.jsonl", "-o", "answers", *crew)
    ended = minions(*command)
    assert (ended.code, "name another folder" in ended.err) == (2, True), ended.err
    assert mine.read_text() == NOTES
    mine.unlink()
    assert minions(*command).code == 0


def test_everything_written_is_its_owners(minions: Any, guide: Path, crew: Any) -> None:
    """Outputs, events, answers, traces, settings, pages and the home, whatever the umask."""
    minions.write("in.jsonl", ITEM)
    minions.write("lights.jsonl", DATA)
    minions.write("docs.jsonl", '{"name": "a.txt", "text": "The lighthouse is 41 metres tall."}\n')
    before = set(minions.folder.rglob("*"))
    runs = (
        ("doctor", "--home", "other/home"),
        ("ask", QUESTION, guide, *crew, "--events", "events.jsonl"),
        ("batch", "in.jsonl", guide, "-o", "out.jsonl", "--events", "batch.jsonl", *crew),
        ("eval", "lights.jsonl", "--docs", "docs.jsonl", *crew, "--html", "page.html"),
    )
    for command in runs:
        minions(*command)
    made = sorted(set(minions.folder.rglob("*")) - before)
    names = {path.name for path in made}
    assert {"home", "events.jsonl", "out.jsonl", "batch.jsonl", "page.html"} <= names
    assert {"lights.eval", "minions.jsonl", "minions.traces.jsonl", "a.txt"} <= names
    for path in made:
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_a_file_that_exists_keeps_its_mode_and_the_user_is_told(
    minions: Any, guide: Path, crew: Any
) -> None:
    """It may be open on purpose."""
    events = minions.write("events.jsonl", "")
    events.chmod(0o644)
    ended = minions("ask", QUESTION, guide, *crew, "--events", "events.jsonl")
    assert (ended.code, mode(events)) == (0, 0o644)
    assert "other users of this machine can read this file" in ended.err
