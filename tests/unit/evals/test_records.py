"""Records of an evaluation: read whatever ended the process that wrote them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from minions.errors import UsageError
from minions.evals.outcomes import answer_of
from minions.evals.records import read_records, whole_lines
from minions.evals.verdicts import JUDGEMENTS, Verdicts

if TYPE_CHECKING:
    from pathlib import Path

DONE = {"id": "a", "run_id": "r2", "stop_reason": "answered"}
FAILED = {"id": "a", "run_id": "r1", "stop_reason": "error", "error": {"message": "gone"}}


def written(folder: Path, *lines: object, torn: str = "") -> Path:
    """A file with these records, and what a process wrote last."""
    path = folder / "minions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + torn)
    return path


def test_the_last_record_counts_and_all_runs_are_kept(tmp_path: Path) -> None:
    """A question that failed and was asked again has two runs; both were paid for."""
    recorded = read_records(
        written(tmp_path, FAILED, DONE | {"id": "b", "run_id": "r3"}, DONE, DONE)
    )
    assert recorded["a"] == (DONE, ("r1", "r2"))
    assert recorded["b"].runs == ("r3",)


@pytest.mark.parametrize(
    "torn", ['{"id": "b", "usage": {"planner": {}', '{"id": "b", "usage": {}', '{"id": "b"', "7"]
)
def test_a_line_that_was_never_finished_is_none(tmp_path: Path, torn: str) -> None:
    """Wherever it broke off, after a bracket, too: the questions before it are read."""
    assert list(read_records(written(tmp_path, DONE, torn=torn))) == ["a"]
    assert list(whole_lines(written(tmp_path, DONE, torn=torn))) == [DONE]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """A line in the middle that is no record: nothing is scored without it. No file at all is no record."""
    with pytest.raises(UsageError, match="line 1"):
        read_records(written(tmp_path, ["a"], DONE))
    assert read_records(tmp_path / "missing.jsonl") == {}


def test_a_return_within_a_record_does_not_divide_it(tmp_path: Path) -> None:
    """Lines end with a line feed: a carriage return is white space of JSON."""
    path = tmp_path / "minions.jsonl"
    path.write_bytes(b'{"id": "a", "stop_reason": "answered", "x": [\r{"b": 1}\r]}\n')
    assert list(read_records(path)) == ["a"]


def test_a_run_that_is_no_text_is_asked_for_as_text(tmp_path: Path) -> None:
    """The store is asked for runs by name: half a surrogate pair becomes a question mark before."""
    assert read_records(written(tmp_path, DONE | {"run_id": "r\ud800"}))["a"].runs == ("r?",)


def test_an_error_in_words_is_told(tmp_path: Path) -> None:
    """A record that another program wrote, with an error that is no object."""
    recorded = read_records(
        written(tmp_path, DONE | {"question": "?", "answer": None, "confidence": 0, "error": "x"})
    )
    assert answer_of(recorded["a"])[1] == "x"


def test_a_line_that_is_no_judgement_is_refused(tmp_path: Path) -> None:
    """A file of another program under the judgements' name is told of, with what to do."""
    (tmp_path / JUDGEMENTS).write_text(json.dumps(DONE) + "\n")
    with pytest.raises(UsageError, match="not a judgement"):
        Verdicts("local", tmp_path)
