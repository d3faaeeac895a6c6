"""The main job with a real worker: on the document that ships with the project, with and without a cloud."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from minions import Minions
from minions.testing import LoopbackServer
from minions.verify import verify_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from minions.models.llamacpp import LlamaCppModel
    from minions.values.answers import Answer
    from minions.values.chat import ChatRequest

pytestmark = [pytest.mark.real_model, pytest.mark.asyncio(loop_scope="module")]

REPORT = Path(__file__).parents[2] / "examples" / "documents" / "skerrow-annual-report-2023.md"
RATE = "How many container moves per hour did the north quay reach in 2023?"
TERNS = "How many breeding pairs of terns were counted?"
CHUNKS = 2  # the real worker reads a chunk in ten seconds
_PROXY_STARTS_S = 30


@pytest.fixture
def home(tmp_path: Path, model_home: Path) -> Path:
    """A home of its own, with the weights of the real one."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "models").symlink_to(model_home / "models", target_is_directory=True)
    return folder


def _assert_citations_stand(answer: Answer) -> None:
    assert answer.citations
    assert {check.status for check in verify_answer(answer)} == {"ok"}


async def test_without_a_cloud_the_demo_is_answered(embedded: LlamaCppModel, home: Path) -> None:
    """The 1.5B plans, reads and decides: the right number, cited, for nothing."""
    with Minions(
        "local", embedded.reference, home=home, context_tokens=2048, chunks_per_task=CHUNKS
    ) as minions:
        answer = await minions.aask(RATE, REPORT)
    assert answer.answer is not None
    assert "31.6" in answer.answer
    assert any("31.6" in citation.quote for citation in answer.citations)
    _assert_citations_stand(answer)
    assert answer.usage.planner.cost_usd == 0


def _planner(request: ChatRequest) -> Any:
    """A strong planner's part: a good plan, and the finding whose lines hold the number."""
    text = request.messages[-1].content
    if "Findings:" not in text:
        return {
            "tasks": [
                {
                    "instruction": TERNS,
                    "output": "number",
                    "search": ["breeding pairs terns", "tern colony"],
                }
            ]
        }
    row = re.search(r"^(f\d+) .*\b214\b", text, re.MULTILINE)
    return {
        "answer": "214" if row else None,
        "findings": [row[1]] if row else [],
        "confidence": 0.9,
        "tasks": [],
    }


async def test_a_planner_behind_a_url_gets_the_right_lines(
    embedded: LlamaCppModel, home: Path
) -> None:
    """The real worker brings up the line with the answer; the ledger equals what the endpoint counted."""
    with LoopbackServer(_planner) as server:
        planner = f"openai:gpt-5.4@{server.openai_url}"
        with Minions(
            planner, embedded.reference, home=home, context_tokens=2048, chunks_per_task=CHUNKS
        ) as minions:
            answer = await minions.aask(TERNS, REPORT)
    assert answer.answer == "214"
    _assert_citations_stand(answer)
    assert answer.usage.planner.calls == len(server.requests) == 2
    assert (
        answer.usage.planner.input_tokens
        == sum(usage.input_tokens for usage in server.usages)
        < 1200
    )


@pytest.fixture
async def ollama_url(embedded: LlamaCppModel) -> AsyncIterator[str]:
    """Ollama's API in front of the real model."""
    await embedded.warm()
    engine = embedded._engine
    assert engine is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for proxy in _proxied(f"{engine.start()}/v1", engine.api_key, port):
        yield proxy


def _proxied(base_url: str, key: str, port: int) -> Iterator[str]:
    command = Path(sys.executable).with_name("ollama-proxy")
    environment = {
        **os.environ,
        "PROVIDERS_LLAMA_API_KEY": key,
        "PROVIDERS_LLAMA_BASE_URL": base_url,
    }
    process = subprocess.Popen(
        [str(command), "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PROXY_STARTS_S
    while time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/api/version", timeout=1):  # noqa: S310 - loopback
                return
        except URLError:
            assert process.poll() is None, "the proxy ended"
            time.sleep(0.1)  # another process starts: there is nothing to await
    pytest.fail("the proxy did not answer")


async def test_the_real_ollama_client_reads_too(
    embedded: LlamaCppModel, ollama_url: str, home: Path
) -> None:
    """Through Ollama's API, which gives no probabilities there, the same line comes up."""
    worker = f"ollama:llama/{embedded.settings.name}@{ollama_url}"
    with LoopbackServer(_planner) as server:
        planner = f"openai:gpt-5.4@{server.openai_url}"
        with Minions(planner, worker, home=home, context_tokens=2048, chunks_per_task=2) as minions:
            answer = await minions.aask(TERNS, REPORT)
    assert answer.answer == "214"
    assert answer.coverage.failed == 0
    _assert_citations_stand(answer)
