"""How much memory a batch needs as it grows: what is under way, not what was done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.benchmark
BATCH: Final = Path(__file__).with_name("simulated_batch.py")
JOBS_A_QUESTION, MORE_MIB, MOST_KIB_A_JOB = 40, 30, 2.5


def _peak_mib(folder: Path, *, questions: int, tasks: int, documents: int) -> int:
    folder.mkdir()
    counts = map(str, (questions, tasks, documents))
    done = subprocess.run(
        [sys.executable, BATCH, folder, *counts], capture_output=True, text=True, check=True
    )
    mib = int(done.stdout.splitlines()[-1])
    jobs = questions * tasks * documents
    print(f"\n{questions} questions, {jobs} jobs: {mib} MiB at most")  # noqa: T201 - the report
    return mib


def test_a_batch_of_a_hundred_thousand_jobs_needs_what_one_of_ten_thousand_needs(
    tmp_path: Path,
) -> None:
    """From 1,000 jobs to 10,000 and to 100,000, forty a question, memory grows by less than 30 MiB each time."""
    small, middle, large = (
        _peak_mib(
            tmp_path / f"{questions}", questions=questions, tasks=1, documents=JOBS_A_QUESTION
        )
        for questions in (25, 250, 2500)
    )
    assert middle - small <= MORE_MIB
    assert large - middle <= MORE_MIB


def test_one_question_needs_two_kilobytes_a_job(tmp_path: Path) -> None:
    """The jobs of a round are planned before they are read: 45,000 more of them take 2.5 KiB each at most."""
    small, large = (
        _peak_mib(tmp_path / f"{documents}", questions=1, tasks=50, documents=documents)
        for documents in (100, 1000)
    )
    assert (large - small) * 1024 / (50 * 900) <= MOST_KIB_A_JOB
