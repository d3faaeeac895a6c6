"""A long batch over real sockets: what it holds at the end is what it held once it was warm.

``MINIONS_SOAK_QUESTIONS`` sets its length: 250 in ``make test``, 500 in ``make test-full``; 4,000 were run for the
record (docs/experiments.md).
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
import stamina

from minions import Minions
from minions.models.usage import estimated_usage
from minions.testing import LoopbackServer, faults
from minions.values.chat import Completion
from tests.sizes import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.models.scripted import Reply
    from minions.values.chat import ChatRequest

DOCUMENTS, WINDOW, SHARE, TIMEOUT_S, SEED = 20, 32, 0.03, 2.0, 7
QUESTIONS: Final = size("MINIONS_SOAK_QUESTIONS", small=250, full=500)
WARM: Final = QUESTIONS // 4
HANDLES_MORE, TASKS_MORE, MIB_MORE = 8, 2 * WINDOW, 16
STORM: Final = (
    faults.rate_limited("0"),
    faults.server_error(),
    faults.reset(),
    faults.cut_off(),
    faults.garbage(),
    faults.stall(TIMEOUT_S * 2),
)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc tells")


class Held(NamedTuple):
    """What this process holds."""

    handles: int
    tasks: int
    mib: int

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        handles = len(list(Path("/proc/self/fd").iterdir()))
        return cls(handles, len(asyncio.all_tasks()), pages * os.sysconf("SC_PAGE_SIZE") // 2**20)


def _planning(request: ChatRequest) -> Reply:
    """One task over one document; any finding is the answer."""
    system, text = request.messages[0].content, request.messages[-1].content
    asked = re.search(r"record (\d+) say about matter (\d+)", text)
    record = asked[1] if asked else "0"
    if "You plan how" in system:
        instruction = f"What does it say about matter {asked[2] if asked else 0}?"
        return {
            "tasks": [
                {
                    "instruction": instruction,
                    "search": [],
                    "documents": [f"record_{int(record):02}.txt"],
                }
            ]
        }
    return {
        "answer": f"line of record {record}",
        "findings": ["f1"],
        "confidence": 0.9,
        "tasks": [],
    }


def _reading(request: ChatRequest) -> Reply:
    """Every passage holds the answer, in its third line."""
    if not request.first_token_candidates:
        return {"lines": [2], "answer": "line of a record"}
    return Completion(
        text="yes",
        finish_reason="stop",
        usage=estimated_usage(request, "yes"),
        first_token={"yes": -0.1, "no": -2.4},
    )


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LoopbackServer, LoopbackServer]]:
    """A planner's and a worker's server that fail now and then; what waits between retries is left out."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-test")
    with (
        stamina.set_testing(True, attempts=4, cap=True),
        LoopbackServer(_planning, faulty=faults.storm(SHARE, STORM, seed=SEED)) as planner,
        LoopbackServer(_reading, faulty=faults.storm(SHARE, STORM, seed=SEED + 1)) as reader,
    ):
        yield planner, reader


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Documents of one passage each."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(DOCUMENTS):
        (folder / f"record_{number:02}.txt").write_text(
            f"# Record {number}\n\nThis is a line of record {number}.\n"
        )
    return folder


async def test_a_long_batch_holds_no_more_at_its_end_than_at_its_beginning(
    servers: tuple[LoopbackServer, LoopbackServer], documents: Path, tmp_path: Path
) -> None:
    """Open files and connections, tasks and memory stay what they were after the first quarter, faults or not; after
    the batch nothing is left of it.
    """
    planner, reader = servers
    before, seen, answered = Held.now(), list[Held](), 0
    models = f"openai:p@{planner.openai_url}", f"openai:r@{reader.openai_url}"
    asking = Minions(
        *models,
        home=tmp_path / "home",
        first_token_timeout_s=TIMEOUT_S,
        window=WINDOW,
        concurrency=8,
    )
    asked = (
        f"What does record {number % DOCUMENTS} say about matter {number}?"
        for number in range(QUESTIONS)
    )
    count = 0
    async for answer in asking.map(asked, documents, output=tmp_path / "out.jsonl"):
        count, answered = count + 1, answered + (answer.answer is not None)
        for server in servers:  # what they keep for tests is not the batch's
            del server.requests[:], server.usages[:]
        if count in {WARM, QUESTIONS - WINDOW}:
            seen.append(Held.now())
    warm, late, after = *seen, Held.now()
    print(f"\nbefore {before}, warm {warm}, late {late}, after {after}")  # noqa: T201 - the report
    assert count == QUESTIONS
    assert answered >= 0.99 * QUESTIONS
    assert late.handles <= warm.handles + HANDLES_MORE
    assert late.tasks <= warm.tasks + TASKS_MORE
    assert late.mib <= warm.mib + MIB_MORE
    assert after.handles <= before.handles + HANDLES_MORE
    assert after.tasks == before.tasks
