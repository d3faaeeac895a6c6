"""A preview is what a run would send: compared with what one then does send, and nothing leaves by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from minions import Minions
from minions.errors import EgressRefusedError, ServerError, UsageError
from minions.testing import LoopbackServer, faults
from tests.lighthouse import SENTENCE, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


QUESTION: Final = "How tall is the lighthouse at Skerrow, asks keeper@skerrow.example?"
SILENT: Final[dict[str, Any]] = {
    "tasks": [],
    "message": None,
    "answer": None,
    "findings": [],
    "confidence": 0,
}


@pytest.fixture
def cloud() -> Iterator[LoopbackServer]:
    """A planner that has nothing to say."""
    with LoopbackServer(default=SILENT) as server:
        yield server


@pytest.fixture
def device() -> Iterator[LoopbackServer]:
    """The worker's endpoint."""
    with LoopbackServer(read) as server:
        yield server


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """One document that answers, with an address that nobody should see, and others."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "guide.md").write_text(f"# Lights\n\n{SENTENCE} Ask anna.reid@skerrow.example.\n")
    for number in range(3):
        (folder / f"{number}.txt").write_text(
            f"Of lighthouse {number} it is told that it burned. " * 20
        )
    return folder


def models(cloud: LoopbackServer, device: LoopbackServer, stack: str = "openai") -> dict[str, Any]:
    """References to both."""
    planner = (
        f"openai:p@{cloud.openai_url}" if stack == "openai" else f"ollama:p:1b-cloud@{cloud.url}"
    )
    return {"planner": planner, "worker": f"openai:w@{device.openai_url}", "attempts": 1}


@pytest.mark.parametrize("stack", ["openai", "ollama"])
@pytest.mark.parametrize("redact", [True, False])
@pytest.mark.parametrize(
    "setup",
    [
        *("minions strict", "minions findings", "minions open", "minion strict", "minion findings"),
        *("rag open", "remote open"),
    ],
)
def test_it_is_what_a_run_sends_to_a_planner_that_says_nothing(
    cloud: LoopbackServer,
    device: LoopbackServer,
    documents: Path,
    stack: str,
    redact: bool,
    setup: str,
) -> None:
    """Byte for byte, under every policy and protocol, through both HTTP stacks, redacted or not."""
    protocol, _, policy = setup.partition(" ")
    with Minions(
        **models(cloud, device, stack), protocol=protocol, policy=policy, redact=redact
    ) as minions:
        preview = minions.preview(QUESTION, documents)
        assert (cloud.requests, cloud.other_requests) == ([], [])
        answer = minions.ask(QUESTION, documents)
    assert [request.body for request in preview.requests] == [
        request.body for request in cloud.requests
    ]
    assert len(preview.requests) == (1 if protocol in {"rag", "remote"} else 2)
    assert preview.egress == answer.egress
    assert all(
        request.kinds and sum(request.kinds.values()) == request.bytes
        for request in preview.requests
    )
    shown = b"".join(request.body or b"" for request in preview.requests)
    assert (b"keeper@skerrow.example" in shown) is not redact


def test_nothing_is_entered_anywhere(
    cloud: LoopbackServer, device: LoopbackServer, documents: Path
) -> None:
    """No run, no cost, no egress: only what workers found is kept, so that asking in earnest reads nothing again."""
    with Minions(**models(cloud, device)) as minions:
        assert len(minions.preview(QUESTION, documents).requests) == 2
        assert (minions.runs(), minions.ledger()) == ([], [])
        assert minions.egress_summary().requests == 0
        asked = len(device.requests)
        assert asked
        minions.ask(QUESTION, documents)
    assert len(device.requests) == asked


def test_it_needs_neither_key_nor_price_nor_planner(
    device: LoopbackServer, documents: Path
) -> None:
    """Of a cloud that was never paid for, and that is not there, with a limit whose price nobody knows."""
    worker = f"openai:w@{device.openai_url}"
    with Minions(
        planner="openai:nobody-knows-it@https://cloud.example/v1", worker=worker, max_cost="0.01"
    ) as minions:
        preview = minions.preview(QUESTION, documents)
    assert [request.endpoint for request in preview.requests] == ["https://cloud.example/v1"] * 2
    assert json.loads(preview.requests[0].body or b"")["model"] == "nobody-knows-it"


@pytest.mark.parametrize(
    "local", [{"planner": "local"}, {"planner": None}, {"local_only": True, "planner": None}]
)
def test_without_a_cloud_nothing_would_be_sent(
    device: LoopbackServer, documents: Path, local: dict[str, Any]
) -> None:
    """It says so, and reads nothing for it; no key that it puts in place of one chooses a cloud."""
    with Minions(worker=f"openai:w@{device.openai_url}", **local) as minions:
        preview = minions.preview(QUESTION, documents)
    assert (preview.requests, preview.planner) == ((), "local")
    assert "nothing would be sent" in preview.notes[0]
    assert device.requests == []


def test_passages_for_workers_elsewhere_are_shown(
    cloud: LoopbackServer, device: LoopbackServer, documents: Path
) -> None:
    """Each passage that a worker in the cloud would be sent; what the planner is sent then depends on its answers."""
    chosen = models(cloud, device) | {
        "worker": f"ollama:w:1b-cloud@{device.url}",
        "allow_remote_workers": True,
    }
    with Minions(**chosen) as minions:
        preview = minions.preview(QUESTION, documents)
    assert (cloud.requests, device.requests) == ([], [])
    passages = [request.body or b"" for request in preview.requests if request.role == "worker"]
    assert any(SENTENCE.encode() in body for body in passages)
    assert "depend on the answers of the remote workers" in preview.notes[0]


def test_what_the_policy_forbids_is_refused_as_in_earnest(
    cloud: LoopbackServer, device: LoopbackServer, documents: Path
) -> None:
    """A preview of what would be refused is a refusal."""
    with (
        Minions(**models(cloud, device), protocol="rag") as minions,
        pytest.raises(EgressRefusedError),
    ):
        minions.preview(QUESTION, documents)


def test_trouble_of_its_own_is_raised(
    cloud: LoopbackServer, device: LoopbackServer, documents: Path
) -> None:
    """A worker that fails at everything is no preview, and an empty question none either."""
    device.faulty = lambda _: faults.refused()
    with Minions(**models(cloud, device)) as minions:
        with pytest.raises(ServerError):
            minions.preview(QUESTION, documents)
        with pytest.raises(UsageError):
            minions.preview(" ", documents)
