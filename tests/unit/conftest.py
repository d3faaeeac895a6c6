"""Small values that unit tests build on."""

from __future__ import annotations

from typing import Any

import pytest

from minions.values.documents import Chunk
from minions.values.findings import Citation, Finding
from minions.values.jobs import Job
from minions.values.plans import Task


def make_chunk(text: str, **changes: Any) -> Chunk:
    start = changes.pop("start", 0)
    values = {
        "id": "doc:0",
        "document_id": "doc",
        "path": "report.txt",
        "index": 0,
        "tokens": len(text) // 4,
    }
    return Chunk(**{**values, **changes}, start=start, end=start + len(text), text=text)


def make_task(instruction: str = "What was net revenue in 2022?", **changes: Any) -> Task:
    return Task(**{"id": "t1", "instruction": instruction, **changes})


def make_finding(answer: str | None = "12", *, confidence: float = 0.5, **changes: Any) -> Finding:
    quote = changes.pop("quote", f"It was {answer}.")
    start = changes.pop("start", 0)
    document = changes.pop("document", "doc")
    finding_id = changes.pop("id", f"{document}-{start}")
    citation = Citation(
        id=finding_id,
        document_id=document,
        path=f"{document}.txt",
        page=changes.pop("page", None),
        start=start,
        end=start + len(quote),
        quote=quote,
        status="exact",
        score=1.0,
    )
    values = {
        "id": finding_id,
        "task_id": "t1",
        "answer": answer,
        "confidence": confidence,
        "citation": citation,
    }
    return Finding(**{**values, **changes})


class Make:
    """The makers, as one fixture."""

    chunk = staticmethod(make_chunk)
    task = staticmethod(make_task)
    finding = staticmethod(make_finding)

    @staticmethod
    def job(text: str, **changes: Any) -> Job:
        return Job(id="r1.t1.doc:0.0", task=make_task(**changes), chunk=make_chunk(text))


@pytest.fixture
def make() -> Make:
    """Makers of chunks, tasks, findings and jobs."""
    return Make()
