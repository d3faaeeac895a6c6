"""Records of an evaluation: read whatever ended the process that wrote them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from minions.errors import UsageError
from minions.evals.records import read_records, whole_lines

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
    recorded = read_records(written(tmp_path, FAILED, DONE | {"id": "b", "run_id": "r3"}, DONE, DONE))
    assert recorded["a"] == (DONE, ("r1", "r2"))
    assert recorded["b"].runs == ("r3",)


@pytest.mark.parametrize("torn", ['{"id": "b", "usage": {"planner": {}', '{"id": "b", "usage": {}', '{"id": "b"', "7"])
def test_a_line_that_was_never_finished_is_none(tmp_path: Path, torn: str) -> None:
    """Wherever it broke off, after a bracket, too: the questions before it are read."""
    assert list(read_records(written(tmp_path, DONE, torn=torn))) == ["a"]
    assert list(whole_lines(written(tmp_path, DONE, torn=torn))) == [DONE]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """A line in the middle that is no record: nothing is scored without it. No file at all is no record."""
    with pytest.raises(UsageError, match="line 1"):
        read_records(written(tmp_path, ["a"], DONE))
    assert read_records(tmp_path / "missing.jsonl") == {}
