"""A batch with a real worker: chunks are read once for several questions, and what is answered is not asked again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from minions import Minions

if TYPE_CHECKING:
    from minions.models.llamacpp import LlamaCppModel

pytestmark = [pytest.mark.real_model, pytest.mark.asyncio(loop_scope="module")]

REPORT = Path(__file__).parents[2] / "examples" / "documents" / "skerrow-annual-report-2023.md"
QUESTIONS = {
    "north": "How many container moves per hour did the north quay reach in 2023?",
    "again": "How many container moves per hour of berth time did the north quay reach in 2023?",
}


async def test_a_batch_reads_chunks_once_and_goes_on_where_it_was(
    embedded: LlamaCppModel, tmp_path: Path, model_home: Path
) -> None:
    """Two questions on the same passages are answered from the document; the second run makes no call at all."""
    home, asked, answered = tmp_path / "home", tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    home.mkdir()
    (home / "models").symlink_to(model_home / "models", target_is_directory=True)
    asked.write_text("".join(json.dumps({"id": id_, "question": text}) + "\n" for id_, text in QUESTIONS.items()))
    with Minions("local", embedded.reference, home=home, context_tokens=2048, chunks_per_task=2) as minions:
        summary = await minions.abatch(asked, REPORT, output=answered)
        assert (summary.stop_reason, summary.answered, summary.failed) == ("finished", 2, 0)
        records = [json.loads(line) for line in answered.read_text().splitlines()]
        assert {record["id"] for record in records} == set(QUESTIONS)
        assert all("31.6" in record["answer"] for record in records)
        (worker,) = [row for row in minions.ledger("role") if row.key == "worker"]
        assert worker.cached_input_tokens > worker.input_tokens / 2
        before = minions.ledger("role")
        again = await minions.abatch(asked, REPORT, output=answered)
        assert (again.done, again.answered) == (2, 0)
        assert minions.ledger("role") == before
