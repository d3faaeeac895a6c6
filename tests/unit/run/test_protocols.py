"""The ways to answer, over the same servers: what each sends, cites and costs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from minions import Minions
from minions.corpus.index import Index
from minions.errors import EgressRefusedError
from minions.testing import LoopbackServer
from minions.values.answers import Answer
from minions.verify import verify_answer
from minions.wiring.lineup import Lineup
from tests.lighthouse import QUESTION, SENTENCE, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

SECRET = "The combination of the safe is 4711."
PROTOCOLS = ("minions", "minion", "local", "rag", "remote")


@pytest.fixture
def cloud() -> Iterator[LoopbackServer]:
    """The planner's endpoint."""
    with LoopbackServer(play) as server:
        yield server


@pytest.fixture
def device() -> Iterator[LoopbackServer]:
    """The worker's endpoint."""
    with LoopbackServer(play) as server:
        yield server


@pytest.fixture
def minions(cloud: LoopbackServer, device: LoopbackServer) -> Iterator[Minions]:
    """The API over both servers."""
    models: Any = {
        "planner": f"openai:gpt-5.4@{cloud.openai_url}",
        "worker": f"openai:reader@{device.openai_url}",
    }
    with Minions(**models, openai_api_key="key-of-the-test", attempts=1) as instance:
        yield instance


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """One document tells; six speak of lighthouses, each of its own; one of something else, and of a secret."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "guide.md").write_text(f"# Lights\n\n{SENTENCE}\nAnna Reid built it.\n")
    for number in range(6):
        (folder / f"{number}.txt").write_text(
            f"Of lighthouse {number} it is told that it burned. " * 30
        )
    (folder / "safe.txt").write_text(SECRET)
    return folder


def ask(minions: Minions, documents: Path, protocol: str, **settings: Any) -> Answer:
    """The question, where everything may be sent."""
    return minions.ask(QUESTION, documents, protocol=protocol, policy="open", **settings)


def texts(minions: Minions, documents: Path) -> list[str]:
    """The texts of all chunks."""
    with Index.open(minions.home / "index.sqlite3") as index:
        return [chunk.text for chunk in index.update([documents], chunk_tokens=500)[0].chunks()]


def best(minions: Minions, documents: Path, count: int) -> set[str]:
    """The chunks that a search for the question finds first."""
    return {hit.chunk.text for hit in minions.search(QUESTION, documents, limit=count)}


def sent_by(cloud: LoopbackServer) -> str:
    """The last message of the only cloud request."""
    (request,) = cloud.requests
    return str(json.loads(request.body)["messages"][-1]["content"])


@pytest.mark.parametrize("count", [1, 3])
def test_rag_sends_the_best_chunks_and_no_other(
    minions: Minions, documents: Path, cloud: LoopbackServer, device: LoopbackServer, count: int
) -> None:
    """One cloud call with exactly ``rag_chunks`` chunks, whole; no worker is asked."""
    answer = ask(minions, documents, "rag", rag_chunks=count)
    sent = sent_by(cloud)
    assert {text for text in texts(minions, documents) if text in sent} == best(
        minions, documents, count
    )
    assert SECRET not in sent
    assert device.requests == []
    assert (answer.answer, answer.stop_reason) == ("41 metres", "answered")
    assert (answer.coverage.read, answer.coverage.chunks) == (count, len(texts(minions, documents)))


def test_remote_sends_everything(
    minions: Minions, documents: Path, cloud: LoopbackServer, device: LoopbackServer
) -> None:
    """One cloud call with every chunk of every document; no worker is asked."""
    answer = ask(minions, documents, "remote")
    sent = sent_by(cloud)
    assert all(text in sent for text in texts(minions, documents))
    assert device.requests == []
    assert answer.answer == "41 metres"
    assert answer.coverage.read == answer.coverage.chunks


@pytest.mark.parametrize("protocol", ["rag", "remote", "minions"])
def test_what_a_document_writes_like_a_placeholder_is_answered_as_it_stands(
    documents: Path, device: LoopbackServer, protocol: str
) -> None:
    """A form with fields EMAIL_1 and [PHONE_2] is quoted with these names, whole passages or lines."""
    line = f"{SENTENCE} Fields EMAIL_1, [PHONE_2]."
    (documents / "guide.md").write_text(f"# Lights\n\n{line}\n")

    def quoting(request: ChatRequest) -> Any:
        found = re.search(
            r"The lighthouse at Skerrow is .* Fields .*[.]", request.messages[-1].content
        )
        return (
            {"answer": found[0], "findings": ["f1"], "confidence": 0.9, "tasks": []}
            if found
            else play(request)
        )

    with LoopbackServer(quoting) as cloud:
        models: Any = {
            "planner": f"openai:gpt-5.4@{cloud.openai_url}",
            "worker": f"openai:reader@{device.openai_url}",
        }
        with Minions(**models, openai_api_key="key-of-the-test", attempts=1) as minions:
            answer = ask(minions, documents, protocol)
    assert answer.answer == line
    assert "PHONE_2" not in cloud.requests[-1].body.decode()


def test_local_never_calls_the_cloud(
    minions: Minions, documents: Path, cloud: LoopbackServer, device: LoopbackServer
) -> None:
    """A cloud planner may be configured: under protocol local it is not asked, and the egress log is empty."""
    answer = ask(minions, documents, "local")
    assert answer.answer == "41 metres"
    assert (cloud.requests, cloud.other_requests) == ([], [])
    assert minions.egress() == []
    assert device.requests
    assert answer.usage.planner.cost_usd == 0


@pytest.mark.parametrize("policy", ["findings", "strict"])
@pytest.mark.parametrize("protocol", ["rag", "remote"])
def test_what_sends_documents_needs_their_owners_word(
    minions: Minions, documents: Path, cloud: LoopbackServer, protocol: str, policy: str
) -> None:
    """Without policy open nothing is sent, the exit code is 7, and the hint says what allows it."""
    with pytest.raises(EgressRefusedError) as refused:
        minions.ask(QUESTION, documents, protocol=protocol, policy=policy)
    assert refused.value.exit_code == 7
    assert "--policy open" in (refused.value.hint or "")
    assert (cloud.requests, cloud.other_requests, minions.runs()) == ([], [], [])


@pytest.mark.parametrize("protocol", ["rag", "remote"])
@pytest.mark.parametrize("policy", ["findings", "strict"])
def test_the_policy_is_looked_at_again_before_anything_is_sent(
    minions: Minions,
    documents: Path,
    cloud: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    policy: str,
) -> None:
    """Whoever begins a run without checking the settings first sends no document all the same."""
    monkeypatch.setattr(Lineup, "refuse_unusable", lambda _: None)
    with pytest.raises(EgressRefusedError, match=f"which policy {policy} does not allow"):
        minions.ask(QUESTION, documents, protocol=protocol, policy=policy)
    assert (cloud.requests, cloud.other_requests) == ([], [])


@pytest.mark.parametrize("protocol", ["rag", "remote"])
def test_a_planner_on_this_machine_may_see_everything(
    minions: Minions, documents: Path, cloud: LoopbackServer, protocol: str
) -> None:
    """With planner local nothing leaves the device, so that no policy forbids it."""
    answer = minions.ask(QUESTION, documents, protocol=protocol, planner="local")
    assert answer.answer == "41 metres"
    assert cloud.requests == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_cites_what_stands_in_the_document(
    minions: Minions, documents: Path, protocol: str
) -> None:
    """However it was answered, each citation is the document's own text at its offsets, and holds the answer."""
    answer = ask(minions, documents, protocol)
    assert [check.status for check in verify_answer(answer)] == ["ok"]
    assert "41 metres" in answer.citations[0].quote


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_gives_the_same_kind_of_result(
    minions: Minions, documents: Path, protocol: str
) -> None:
    """One schema, the same fields filled: whoever reads results need not know how they came about."""
    answer = ask(minions, documents, protocol)
    assert Answer.model_validate_json(answer.model_dump_json()) == answer
    assert (answer.answer, answer.stop_reason, len(answer.rounds)) == ("41 metres", "answered", 1)
    assert (answer.coverage.documents, answer.coverage.chunks) == (8, 8)
    assert answer.coverage.found == answer.rounds[0].found >= 1
    assert answer.rounds[0].jobs >= answer.coverage.read >= 1
    assert answer.baseline is not None
    assert minions.show().answer == answer


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_egress_log_of_every_protocol_is_what_the_cloud_received(
    minions: Minions, documents: Path, cloud: LoopbackServer, protocol: str
) -> None:
    """Byte for byte, in order, and nothing for a protocol without a cloud."""
    ask(minions, documents, protocol)
    assert minions.egress() == [request.body for request in cloud.requests]
    assert bool(cloud.requests) == (protocol != "local")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_billed_to_the_token(
    minions: Minions, documents: Path, cloud: LoopbackServer, device: LoopbackServer, protocol: str
) -> None:
    """Calls and tokens in the ledger are those that the servers counted."""
    usage = ask(minions, documents, protocol).usage
    total = [usage.planner, usage.worker]
    servers = [cloud, device]
    if protocol != "local":
        for role, server in zip(total, servers, strict=True):
            assert role.calls == len(server.requests)
    assert sum(role.calls for role in total) == sum(len(server.requests) for server in servers)
    for name in ("input_tokens", "output_tokens"):
        counted = sum(getattr(usage, name) for server in servers for usage in server.usages)
        assert sum(getattr(role, name) for role in total) == counted


@pytest.mark.parametrize("protocol", ["rag", "remote"])
def test_the_estimate_is_near_what_is_sent(
    minions: Minions, documents: Path, cloud: LoopbackServer, protocol: str
) -> None:
    """One call, of about the tokens that the server counts."""
    estimated = minions.estimate(
        QUESTION, documents, protocol=protocol, policy="open", rag_chunks=3
    ).typical
    ask(minions, documents, protocol, rag_chunks=3)
    assert estimated.calls == len(cloud.requests) == 1
    counted = sum(usage.input_tokens for usage in cloud.usages)
    assert counted == pytest.approx(estimated.input_tokens, rel=0.15)


def test_nothing_found_is_no_answer(
    minions: Minions, documents: Path, cloud: LoopbackServer
) -> None:
    """A question whose words stand nowhere has no chunks to send; the run ends without an answer."""
    answer = minions.ask("Quousque tandem?", documents, protocol="rag", policy="open")
    assert (answer.answer, answer.stop_reason, answer.coverage.read) == (None, "no_answer", 0)
    assert len(cloud.requests) == 1
