"""The worker that reads a chunk at a time: the task decides if it extracts or judges."""

from __future__ import annotations

from typing import Any

from minions.testing import ScriptedModel
from minions.values.chat import Completion, Usage
from minions_workers.chunk_worker import ChunkWorker
from minions_workers.extractor import Extractor

TEXT = "Overview\nNet revenue was 12.4 million in 2022."
JUDGED = {"output": "yes_no", "unit": "document"}


def token(word: str, first_token: dict[str, float] | None) -> Completion:
    return Completion(
        text=word, finish_reason="length", usage=Usage(output_tokens=1), first_token=first_token
    )


async def test_a_task_that_judges_documents_is_judged_and_any_other_extracted(make: Any) -> None:
    """A judgement is one token; an extraction is a look and a reply that points."""
    yes = token("Yes", {"Yes": -0.1, "No": -2.5})
    model = ScriptedModel([yes, yes, '{"lines": [2], "answer": "12.4"}'])
    worker = ChunkWorker(model)
    judged = await worker.run(make.job(TEXT, **JUDGED))
    extracted = await worker.run(make.job(TEXT))
    assert (judged.findings[0].answer, extracted.findings[0].answer) == ("yes", "12.4")
    assert [request.max_output_tokens for request in model.requests] == [1, 1, 100]


async def test_a_server_without_probabilities_is_known_to_both_and_warned_of_once(
    make: Any,
) -> None:
    """After a look without probabilities no judgement pays for a ballot: it is written at once."""
    events: list[Any] = []
    found = '{"lines": [2], "answer": "12.4"}'
    model = ScriptedModel([token("Yes", None), found, '{"answer": "yes"}', found])
    worker = ChunkWorker(model, observe=events.append)
    jobs = [make.job(TEXT), make.job(TEXT, **JUDGED), make.job(TEXT)]
    results = [await worker.run(job) for job in jobs]
    assert [result.status for result in results] == ["found"] * 3
    assert len(model.requests) == 4
    (event,) = events
    assert "no token probabilities" in event.message


def test_what_changes_a_result_changes_the_fingerprint() -> None:
    """A result that was read with other settings is not found; a judgement is never taken for an
    extraction.
    """
    model = ScriptedModel([])
    options: list[dict[str, Any]] = [
        {},
        {"reasoning": "draft"},
        {"reasoning": "cot"},
        {"second_look": True},
        {"evidence": "quote"},
        {"min_relevance": 0.5},
    ]
    workers = [ChunkWorker(model, **chosen) for chosen in options]
    prints = {worker.fingerprint for worker in workers} | {
        worker.judging_fingerprint for worker in workers
    }
    assert len(prints) == 2 * len(options)


def test_what_it_extracts_has_the_extractors_fingerprint() -> None:
    """Results that the extractor alone has cached are found by the worker of a run, and the other
    way round.
    """
    model = ScriptedModel([])
    settings: dict[str, Any] = {"reasoning": "draft", "second_look": True, "min_relevance": 0.5}
    assert ChunkWorker(model, **settings).fingerprint == Extractor(model, **settings).fingerprint
