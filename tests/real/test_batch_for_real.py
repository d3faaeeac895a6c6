"""A batch with a real worker: chunks are read once for several questions, and what is answered is not asked again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.testing import LoopbackServer

if TYPE_CHECKING:
    from minions.models.llamacpp import LlamaCppModel
    from minions.values.chat import ChatRequest

pytestmark = [pytest.mark.real_model, pytest.mark.asyncio(loop_scope="module")]

REPORT = Path(__file__).parents[2] / "examples" / "documents" / "skerrow-annual-report-2023.md"
CHUNKS = 2  # the real worker reads a chunk in ten seconds
QUESTIONS = {
    "north": "How many container moves per hour did the north quay reach in 2023?",
    "again": "What was the productivity of the north quay in container moves per hour of berth time?",
}


def _planner(request: ChatRequest) -> Any:
    """A strong planner's part: the question as a task over the same passages, and the finding that holds the number."""
    text = request.messages[-1].content
    if "Findings:" not in text:
        asked = text.rpartition("Question: ")[2]
        return {
            "tasks": [
                {
                    "instruction": asked,
                    "output": "number",
                    "search": ["north quay container moves per hour"],
                }
            ]
        }
    found = re.search(r"^(f\d+) .*\b31\.6\b", text, re.MULTILINE)
    return {
        "answer": "31.6" if found else None,
        "findings": [found[1]] if found else [],
        "confidence": 0.9,
        "tasks": [],
    }


async def test_a_batch_reads_chunks_once_and_goes_on_where_it_was(
    embedded: LlamaCppModel, tmp_path: Path, model_home: Path
) -> None:
    """Two questions on the same passages are answered from the document, most of their prompts from the cache; the
    second run makes no call at all.
    """
    home, asked, answered = tmp_path / "home", tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    home.mkdir()
    (home / "models").symlink_to(model_home / "models", target_is_directory=True)
    asked.write_text(
        "".join(json.dumps({"id": id_, "question": text}) + "\n" for id_, text in QUESTIONS.items())
    )
    with (
        LoopbackServer(_planner) as server,
        Minions(
            f"openai:gpt-5.4@{server.openai_url}",
            embedded.reference,
            home=home,
            context_tokens=2048,
            chunks_per_task=CHUNKS,
            max_rounds=1,
        ) as minions,
    ):
        summary = await minions.abatch(asked, REPORT, output=answered)
        assert (summary.stop_reason, summary.done, summary.failed) == ("finished", 2, 0)
        records = [json.loads(line) for line in answered.read_text().splitlines()]
        assert {record["id"]: record["answer"] for record in records} == dict.fromkeys(
            QUESTIONS, "31.6"
        )
        (worker,) = [row for row in minions.ledger("role") if row.key == "worker"]
        assert worker.cached_input_tokens > worker.input_tokens / 2
        calls = len(server.requests)
        again = await minions.abatch(asked, REPORT, output=answered)
        assert (again.done, again.answered) == (2, 0)
        assert [row for row in minions.ledger("role") if row.key == "worker"] == [worker]
        assert len(server.requests) == calls == 4
