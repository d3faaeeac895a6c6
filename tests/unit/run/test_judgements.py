"""Judging whole documents and voting over samples, from the question to what the planner sees."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.testing import LoopbackServer
from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

JUDGE = {
    "instruction": "Is this review positive overall?",
    "output": "yes_no",
    "unit": "document",
    "reduce": "count",
}
PRAISE = {"kind.txt": "2", "harsh.txt": "0", "fair.txt": "2", "cold.txt": "0"}
ASKING = "How many reviews are positive?"


def token(**odds: float) -> Completion:
    """A reply of one token."""
    reply = max(odds, key=odds.__getitem__)
    logs = {word: math.log(share) for word, share in odds.items()}
    return Completion(
        text=reply,
        finish_reason="stop",
        usage=Usage(input_tokens=90, output_tokens=1),
        first_token=logs,
    )


def reviews(folder: Path) -> Path:
    """Four reviews that praise at their beginning; two of them take it back at their end."""
    folder.mkdir()
    for name, stars in PRAISE.items():
        middle = "".join(
            f"Scene {number} goes on for a while, as scenes do in such films.\n"
            for number in range(30)
        )
        (folder / name).write_text(
            f"Of {name}: a wonderful start.\n{middle}In the end, {stars} stars.\n"
        )
    return folder


class Planner:
    """Plans ``task``, and answers with what the digest says of the task."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        self.digests: list[str] = []

    def __call__(self, request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if "Findings:" not in text:
            return {"tasks": [self.task]}
        self.digests.append(text)
        return {"answer": "told", "findings": [], "confidence": 0.9, "tasks": []}


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Callable[..., tuple[Any, str, list[Any]]]]:
    """Ask with a planner's task and a worker's replies: the answer, the digest, and the worker's requests; ``holds`` is
    its server's context.
    """
    opened: list[Any] = []

    def asking(
        task: dict[str, Any],
        worker: Any,
        documents: Path,
        *,
        holds: int | None = None,
        **settings: Any,
    ) -> tuple[Any, str, list[Any]]:
        planner = Planner(task)
        cloud, device = LoopbackServer(planner), LoopbackServer(worker, context_tokens=holds)
        for server in (cloud, device):
            server.__enter__()
            opened.append(server)
        models: dict[str, Any] = {
            "planner": f"openai:gpt-5.4@{cloud.openai_url}",
            "worker": f"openai:reader@{device.openai_url}",
        }
        with Minions(
            **models, home=tmp_path / "home", openai_api_key="key", attempts=1, chunk_tokens=50
        ) as minions:
            answer = minions.ask(ASKING, documents, **settings)
        return (
            answer,
            planner.digests[-1],
            [received.json for received in device.requests if received.body],
        )

    yield asking
    for server in opened:
        server.__exit__(None, None, None)


def judging(request: ChatRequest) -> Any:
    """Positive is what ends with two stars; who sees no end is sure that praise is meant."""
    text = request.messages[-1].content
    if "stars" not in text:
        return token(yes=0.9, no=0.1)
    return token(yes=0.8, no=0.2) if "2 stars" in text else token(no=0.7, yes=0.3)


def test_a_count_judges_each_document_once_and_whole(ask: Any, tmp_path: Path) -> None:
    """One call and one token a document; the count is the device's, and all passages count as read."""
    answer, digest, requests = ask(JUDGE, judging, reviews(tmp_path / "reviews"))
    assert len(requests) == len(PRAISE)
    assert (
        "counted over 4 documents: no 2, yes 2" in digest
        or "counted over 4 documents: yes 2, no 2" in digest
    )
    chunks = answer.coverage.chunks
    assert chunks > 3 * len(PRAISE)
    assert (answer.coverage.read, answer.coverage.found) == (chunks, len(PRAISE))
    assert f"read {chunks} of {chunks} passages, judged 4 of 4 documents" in digest


def test_a_document_too_long_for_the_context_is_judged_in_pieces(ask: Any, tmp_path: Path) -> None:
    """A context that holds no document whole reads all passages, each for itself."""
    answer, digest, requests = ask(
        JUDGE, judging, reviews(tmp_path / "reviews"), context_tokens=512
    )
    assert len(requests) == answer.coverage.chunks == answer.coverage.read
    assert "judged 4 of 4 documents" in digest


def test_a_servers_own_context_bounds_what_is_read_whole(ask: Any, tmp_path: Path) -> None:
    """A server with less room than the settings say reads in pieces, and is asked nothing that it must refuse."""
    answer, digest, requests = ask(JUDGE, judging, reviews(tmp_path / "reviews"), holds=512)
    assert len(requests) == answer.coverage.chunks == answer.coverage.read
    assert "judged 4 of 4 documents" in digest


def test_samples_are_votes(ask: Any, tmp_path: Path) -> None:
    """Each passage is extracted from three times, warm after the first; what most samples say is what goes up."""
    (tmp_path / "report.txt").write_text("Costs were 3 million.\nRevenue was 12 million.\n")

    def reading(request: ChatRequest) -> Any:
        if request.first_token_candidates:
            return token(yes=0.9, no=0.1)
        if request.temperature == 0:
            return {"lines": [1], "answer": "3 million"}
        return {"lines": [2], "answer": "12 million"}

    task = {"instruction": "State revenue.", "search": ["revenue"], "reduce": "vote"}
    answer, digest, requests = ask(task, reading, tmp_path / "report.txt", samples=3)
    written = [request for request in requests if "response_format" in request]
    assert [request.get("temperature", 0) for request in written] == [0, 0.7, 0.7]
    assert "votes: 12 million 1" in digest
    assert answer.coverage.read == 1
    assert json.dumps(digest).count("State revenue") == 1
