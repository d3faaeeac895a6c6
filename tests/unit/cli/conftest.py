"""The command line inside the test's process."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.values.answers import (
    Answer,
    Baseline,
    BaselineEstimate,
    Coverage,
    RoleUsage,
    RoundSummary,
    UsageByRole,
)
from minions.values.findings import Citation
from tests.command import run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Ended

    Minions = Callable[..., Ended]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: empty, and the test's own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def minions(here: Path, monkeypatch: pytest.MonkeyPatch) -> Minions:
    """Runs a command in the test's folder."""
    monkeypatch.setenv("COLUMNS", "80")
    return run_command


def make_citation(**changes: Any) -> Citation:
    quote = changes.pop("quote", "It is 41 metres tall.")
    start = changes.pop("start", 120)
    values = {
        "id": "f1",
        "document_id": "d",
        "path": "guide.md",
        "page": None,
        "status": "exact",
        "score": 1.0,
    }
    return Citation(**{**values, **changes}, start=start, end=start + len(quote), quote=quote)


def make_answer(**changes: Any) -> Answer:
    values: dict[str, Any] = {
        "run_id": "20260101-000000-abcdef",
        "question": "How tall?",
        "answer": "41 metres",
        "confidence": 0.9,
        "stop_reason": "answered",
        "citations": (make_citation(),),
        "coverage": Coverage(documents=2, chunks=1200, read=9, found=1),
        "rounds": (RoundSummary(tasks=1, jobs=9, found=1),),
        "usage": UsageByRole(
            planner=RoleUsage(
                calls=2,
                input_tokens=1234,
                cached_input_tokens=100,
                output_tokens=56,
                cost_usd=Decimal("0.00303"),
            ),
            worker=RoleUsage(calls=10, input_tokens=9000, output_tokens=80),
        ),
        "elapsed_s": 12.34,
    }
    return Answer(**{**values, **changes})


def make_baseline(cost_usd: str | None) -> Baseline:
    """Alternatives of which the first costs so much."""
    way = BaselineEstimate(
        input_tokens=480_000,
        output_tokens=150,
        cost_usd=None if cost_usd is None else Decimal(cost_usd),
    )
    return Baseline(model="openai:gpt-5.4", remote_only=way, remote_cached=way, rag=way)


class Make:
    """The makers, as one fixture."""

    answer = staticmethod(make_answer)
    citation = staticmethod(make_citation)
    baseline = staticmethod(make_baseline)


@pytest.fixture
def make() -> Make:
    """Makers of answers, citations and baselines."""
    return Make()
