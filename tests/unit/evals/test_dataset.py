"""Data sets: a question a line, read as it is written in the wild, and refused where it cannot be scored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import UsageError
from minions.evals.dataset import Evidence, Example, read_dataset
from minions.evals.evaluate import unpacked

if TYPE_CHECKING:
    from pathlib import Path

LINE = {"id": "q1", "question": "Who built it?", "answer": "Anna Reid"}


def read(folder: Path, *lines: Any) -> list[Example]:
    """The questions of a file with these lines, objects or texts."""
    path = folder / "questions.jsonl"
    written = [
        line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines
    ]
    path.write_text("\n".join(written) + "\n", "utf-8")
    return read_dataset(path)


def test_a_line_with_little_is_a_question(tmp_path: Path) -> None:
    """An id, a question and an answer are enough; the kind is extractive, the documents are all."""
    assert read(tmp_path, LINE) == [
        Example(id="q1", question="Who built it?", answers=("Anna Reid",), kind="extractive"),
    ]


def test_a_line_with_everything_is_read_whole(tmp_path: Path) -> None:
    """Choices, documents and evidence are kept; fields that mean nothing here are ignored."""
    evidence = {"document": "a.txt", "text": "Anna Reid built it.", "page": 3, "note": "by hand"}
    line = LINE | {
        "kind": "multiple_choice",
        "choices": ["Anna Reid", "Ms Hall"],
        "documents": ["a.txt"],
    }
    (one,) = read(tmp_path, line | {"evidence": [evidence], "source": "a book"})
    assert (one.choices, one.documents, one.kind) == (
        ("Anna Reid", "Ms Hall"),
        ("a.txt",),
        "multiple_choice",
    )
    assert one.evidence == (Evidence(document="a.txt", text="Anna Reid built it.", page=3),)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": 7, "answer": 2004}, {"id": "7", "answers": ("2004",)}),
        ({"answer": [6, 6.5]}, {"answers": ("6", "6.5")}),
        ({"answer": True, "kind": "yesno"}, {"answers": ("Yes",)}),
        ({"choices": [1, 2], "answer": 2}, {"choices": ("1", "2"), "answers": ("2",)}),
        ({"documents": ["*"]}, {"documents": ()}),
        (
            {"choices": None, "evidence": None, "unanswerable": None},
            {"choices": (), "evidence": ()},
        ),
        ({"answer": None, "unanswerable": True}, {"answers": (), "unanswerable": True}),
        ({"answer": "The report does not say."}, {"unanswerable": True}),
        ({"answer": ["The report does not say.", "Anna Reid"]}, {"unanswerable": False}),
        ({"answer": "Not stated", "choices": ["Anna Reid", "Not stated"]}, {"unanswerable": False}),
        (
            {"answer": ["a", "b"], "documents": ["a.txt", "b.txt", "c.txt"]},
            {"answers": ("a", "b"), "kind": "list"},
        ),
        (
            {"answer": "a.txt", "documents": ["a.txt", "b.txt"]},
            {"answers": ("a.txt",), "kind": "extractive"},
        ),
        ({"answer": ["a"], "documents": ["a.txt", "b.txt"]}, {"answers": ("a",), "kind": "list"}),
        ({"answer": ["a", "the a"], "documents": ["a.txt"]}, {"kind": "extractive"}),
        ({"question": "Who\u2028built it?"}, {"question": "Who\u2028built it?"}),
    ],
)
def test_other_spellings_mean_the_same(
    tmp_path: Path, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Numbers, truth values and nulls are read as people mean them; documents as answers are a list."""
    (one,) = read(tmp_path, LINE | changes)
    assert {name: getattr(one, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["{"], "line 1"),
        ([LINE, "", '{"id": "q2"}'], "line 3: question"),
        ([LINE, LINE], "used twice"),
        ([LINE | {"answer": None}], "no answer"),
        ([LINE | {"answer": []}], "no answer"),
        ([LINE | {"kind": "riddle"}], "kind"),
        (["[1]"], "line 1"),
        (["[" * 100_000], "line 1"),
        ([""], "no questions"),
    ],
)
def test_a_line_that_cannot_be_scored_is_named(
    tmp_path: Path, lines: list[Any], words: str
) -> None:
    """The error says which line and why."""
    with pytest.raises(UsageError, match=words):
        read(tmp_path, *lines)


def test_a_file_that_cannot_be_read_says_what_a_line_looks_like(tmp_path: Path) -> None:
    """A missing file is an error with an example to follow, and so is one that is no text."""
    with pytest.raises(UsageError) as missing:
        read_dataset(tmp_path / "missing.jsonl")
    assert '"question"' in (missing.value.hint or "")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError):
        read_dataset(tmp_path / "binary.jsonl")


def test_a_mark_at_the_beginning_of_a_file_does_not_count(tmp_path: Path) -> None:
    """Files that Windows wrote begin with a byte order mark and end lines otherwise."""
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(LINE).encode() + b"\r\n")
    assert [one.id for one in read_dataset(path)] == ["q1"]


def test_documents_of_one_file_become_files(tmp_path: Path) -> None:
    """Each line is a file of its own, text to the character, and none stands outside the folder."""
    texts = {"a.txt": "first\r\nsecond\u2028third", "../b.txt": "fourth"}
    source = tmp_path / "documents.jsonl"
    lines = [
        json.dumps({"name": name, "text": text}, ensure_ascii=False) for name, text in texts.items()
    ]
    source.write_text("\n".join(lines) + "\n\n", "utf-8")
    folder = unpacked(source, tmp_path / "documents")
    assert {path.name: path.read_bytes().decode() for path in folder.iterdir()} == {
        "a.txt": texts["a.txt"],
        "b.txt": "fourth",
    }
    assert not (tmp_path / "b.txt").exists()


def test_documents_are_written_when_they_change_and_only_then(tmp_path: Path) -> None:
    """A second evaluation over the same file indexes nothing anew, one over a changed file what changed."""
    source = tmp_path / "documents.jsonl"
    source.write_text('{"name": "a.txt", "text": "one"}', "utf-8")
    file = unpacked(source, tmp_path / "documents") / "a.txt"
    before = file.stat().st_mtime_ns
    unpacked(source, tmp_path / "documents")
    assert file.stat().st_mtime_ns == before
    source.write_text('{"name": "a.txt", "text": "two"}', "utf-8")
    unpacked(source, tmp_path / "documents")
    assert file.read_text("utf-8") == "two"


def test_documents_that_the_file_has_no_more_are_gone(tmp_path: Path) -> None:
    """A shortened file leaves none of its lines behind to be read; what somebody else put there stays."""
    source, folder = tmp_path / "documents.jsonl", tmp_path / "documents"
    source.write_text('{"name": "a.txt", "text": "one"}\n{"name": "b.txt", "text": "two"}', "utf-8")
    unpacked(source, folder)
    (folder / "notes.txt").write_text("mine")
    source.write_text('{"name": "b.txt", "text": "two"}', "utf-8")
    assert sorted(path.name for path in unpacked(source, folder).iterdir()) == [
        "b.txt",
        "notes.txt",
    ]
    (tmp_path / "documents.json").write_text('["../documents.jsonl", 7, "..", "b.txt"]')
    source.write_text('{"name": "a.txt", "text": "one"}', "utf-8")
    assert sorted(path.name for path in unpacked(source, folder).iterdir()) == [
        "a.txt",
        "notes.txt",
    ]
    assert source.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "line 1"),
        ('{"name": "a.txt"}', "line 1"),
        ('{"name": "..", "text": ""}', "line 1"),
        ('{"name": "a.txt", "text": ""}\n{"name": "x/a.txt", "text": ""}', "line 2.*twice"),
    ],
)
def test_a_line_that_is_no_document_is_named(tmp_path: Path, content: str, words: str) -> None:
    """No document is dropped in silence."""
    source = tmp_path / "documents.jsonl"
    source.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=words):
        unpacked(source, tmp_path / "documents")


def test_a_file_of_documents_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """The option is named."""
    with pytest.raises(UsageError, match="--docs"):
        unpacked(tmp_path / "missing.jsonl", tmp_path / "documents")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """Half a surrogate pair could neither be stored nor sent to a judge: it is told of before anything is asked."""
    with pytest.raises(UsageError, match="line 1"):
        read(tmp_path, json.dumps(LINE | {"answer": "half \ud800 a pair"}))
