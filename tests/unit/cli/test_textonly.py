"""Output of commands is text, whatever documents, planners and file names hold."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.cli.eventlog import write_events
from minions.cli.main import execute
from minions.cli.render.answers import answer_lines, citation_line, hit_lines, index_lines, table
from minions.cli.render.progress import Bars, Lines
from minions.corpus.fts.query import SearchHit
from minions.corpus.index import IndexReport
from minions.values.documents import Chunk, Unreadable
from minions.values.events import IndexEvent, WarningEvent
from minions.values.findings import Citation
from tests.hostile import texts

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = "\x1b\x9b\x07\x08\x7f\r\u202e\u2028"


def obeys(shown: str) -> list[str]:
    """Characters of a text that a terminal would obey, or that mislead a reader."""
    return [sign for sign in ORDERS if sign in shown]


@pytest.mark.parametrize("text", [*texts.ALL, *texts.NAMES])
def test_answers_citations_and_lists_are_lines_of_text(text: str, make: Any) -> None:
    """Answers, paths, quotes, snippets, reasons and cells give a terminal no orders, and stay on their line."""
    citation = Citation(
        id="f1",
        document_id="d",
        path=text,
        page=1,
        start=0,
        end=9,
        quote=text,
        status="exact",
        score=1.0,
    )
    chunk = Chunk(id="d:0", document_id="d", path=text, index=0, start=0, end=1, text="x", tokens=1)
    report = IndexReport(
        files=1, documents=1, chunks=1, tokens=1, added=1, updated=0, unchanged=0, removed=0,
        unreadable=(Unreadable(path=text, reason=text),),
    )  # fmt: skip
    lines = [
        citation_line(1, citation),
        *index_lines(report),
        *hit_lines([SearchHit(chunk=chunk, score=1.0, snippet=text)]),
        *table(["a"], [[text]]),
    ]
    assert not [line for line in lines if obeys(line) or "\n" in line]
    assert not obeys("".join(answer_lines(make.answer(answer=text, citations=(citation,)))))


def test_progress_and_warnings_are_lines_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings that quote a planner, and paths of files being read, on a pipe and on a terminal."""
    stream = io.StringIO()
    with Bars() as bars, Lines(stream, every_s=0) as lines:
        for text in (*texts.ALL, *texts.NAMES):
            for event in (WarningEvent(message=text), IndexEvent(done=1, total=2, path=text)):
                lines(event)
                bars(event)
    assert not obeys(stream.getvalue())
    assert stream.getvalue().count("\n") == 2 * len([*texts.ALL, *texts.NAMES])
    drawn = capsys.readouterr().err
    assert not [
        sign
        for sign in ("\x9b", "\x07", "\x08", "\u202e", "\x1b]", "\x1bc", "\x1b[2J\x1b[31m")
        if sign in drawn
    ]


def test_events_on_stdout_are_json_and_text() -> None:
    """`--events -` gives a terminal no orders; parsed as JSON, the warning is unchanged."""
    stream = io.StringIO()
    observe = write_events(stream)
    observe(WarningEvent(message="a\x9b31m\u202e\x1b[0m\x7f"))
    assert not obeys(stream.getvalue())
    assert json.loads(stream.getvalue())["message"] == "a\x9b31m\u202e\x1b[0m\x7f"


def test_commands_show_the_text_of_hostile_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`index` and `search`, as text and as JSON, over files with hostile names and texts."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, text in enumerate(texts.ALL):
        (folder / f"{number}.md").write_bytes(f"# {text}\n\n{text}\n".encode())
    for name in texts.NAMES:
        (folder / name).write_text("zqx5150 here\n")
    (folder / "empty\x1b[31m\n.txt").write_text("")
    for arguments in (["index"], ["search", "zqx5150", "-n", "99"]):
        for as_json in ([], ["--json"]):
            assert execute([*arguments, str(folder), *as_json]) == 0
            ended = capsys.readouterr()
            assert not obeys(ended.out)
            assert not obeys(ended.err)
    assert execute(["index", str(tmp_path / "no\x1b[31m\u202e\nsuch")]) == 2
    assert not obeys(capsys.readouterr().err)
