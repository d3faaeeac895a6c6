"""The same through the command line, with two servers on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from minions.testing import LoopbackServer
from tests.canaries.hostile import asking, copying
from tests.canaries.received import Strings, texts_in
from tests.command import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.canaries.conftest import Planted
    from tests.command import Ended


class Commands:
    """``minions`` against a cloud and a worker that are hostile."""

    def __init__(
        self, folder: Path, planted: Planted, cloud: LoopbackServer, worker: LoopbackServer
    ) -> None:
        self.folder, self.planted, self.cloud = folder, planted, cloud
        self._crew = (
            "--planner",
            f"openai:p@{cloud.openai_url}",
            "--worker",
            f"openai:w@{worker.openai_url}",
            "--quiet",
        )

    def __call__(self, *arguments: str, crew: bool = True) -> Ended:
        return run_command(*arguments, *(self._crew if crew else ()))

    @property
    def leaked(self) -> set[str]:
        """Pieces of canaries that the cloud received."""
        text = "\n".join(texts_in(request.body) for request in self.cloud.requests)
        return Strings(self.planted.strings).pieces_in(text)


@pytest.fixture
def minions(
    tmp_path: Path, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Commands]:
    """``minions`` in an empty folder, and the servers that it is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with LoopbackServer(asking) as cloud, LoopbackServer(copying(planted.strings)) as worker:
        yield Commands(tmp_path, planted, cloud, worker)


@pytest.mark.parametrize("policy", ["strict", "findings"])
def test_asking(minions: Commands, policy: str) -> None:
    """Under strict the cloud receives no canary; `egress` prints what it received; stderr and stdout are the user's."""
    asked = minions(
        "ask", "How tall is the lighthouse?", str(minions.planted.folder), "--policy", policy
    )
    assert asked.code in {0, 3}, asked.err
    assert bool(minions.leaked) == (policy == "findings")
    printed = minions("egress", "last", crew=False)
    assert printed.out.encode() == b"".join(
        request.body + b"\n" for request in minions.cloud.requests
    )


def test_a_batch(minions: Commands) -> None:
    """Many questions at once under strict, resumed once: no canary is received."""
    lines = [json.dumps({"id": str(n), "question": f"What is number {n}?"}) for n in range(4)]
    (minions.folder / "in.jsonl").write_text("\n".join(lines[:2]))
    how = (
        "batch",
        "in.jsonl",
        str(minions.planted.folder),
        "-o",
        "out.jsonl",
        "--policy",
        "strict",
    )
    assert minions(*how).code in {0, 3}
    (minions.folder / "in.jsonl").write_text("\n".join(lines))
    assert minions(*how).code in {0, 3}
    assert len((minions.folder / "out.jsonl").read_text().splitlines()) == 4
    assert not minions.leaked


@pytest.mark.parametrize("policy", ["strict", "findings"])
@pytest.mark.parametrize("protocol", ["rag", "remote"])
def test_passages_are_refused_with_their_own_code(
    minions: Commands, policy: str, protocol: str
) -> None:
    """Exit code 7, and nothing was sent."""
    refused = minions(
        "ask", "Who?", str(minions.planted.folder), "--policy", policy, "--protocol", protocol
    )
    assert refused.code == 7
    assert not minions.cloud.requests
