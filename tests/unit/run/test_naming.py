"""A planner in the cloud learns no document's name from what its tasks read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.batch.given_plans import GivenPlan
from minions.corpus.index import Index
from minions.privacy.outgoing import CloudGate, LocalGate
from minions.run.condense import Condenser
from minions.run.loop import Parts, answer
from minions.run.transcript import Transcript
from minions.values.jobs import JobResult
from minions.values.limits import Limits
from minions.values.plans import Decision, Plan, Task

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.jobs import Job
    from minions.values.plans import History

    Reading = Callable[..., Any]

FILES = ("ann/acme.txt", "ann/rent.txt", "bob/rent.txt")


class Guessing:
    """A planner whose tasks of two rounds name the same documents; it keeps the texts that it is shown."""

    def __init__(self, pattern: str) -> None:
        self._task = Task(id="t1", instruction="Find it.", documents=(pattern,))
        self.plan_of_one = Plan(tasks=(self._task,))
        self.shown: list[str] = []

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """See `minions.ports.Planner`."""
        self.shown += [question, card.text]
        return self.plan_of_one

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        self.shown += [question, digest.text, digest.gist, str(history)]
        return Decision(answer=None, tasks=(self._task,))


class Nothing:
    """An executor whose workers find nothing."""

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        """See `minions.ports.Executor`."""
        for job in jobs:
            yield JobResult(job=job, status="abstained")


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Runs two rounds over three documents; the texts the planner was shown, and what each round read."""

    async def asking(
        pattern: str,
        policy: Any,
        *,
        by_user: bool = False,
        cloud: bool = True,
        limit_bytes: int | None = None,
    ) -> tuple[list[str], list[str]]:
        for name in FILES:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(f"# {name}\n\nIt is written here.\n")
        planner = Guessing(pattern.replace("HOME", str(tmp_path)))
        limits = Limits(max_rounds=2, near_misses=0)
        with Index.open(tmp_path / "index.sqlite3") as index:
            corpus, _ = index.update([tmp_path / name for name in FILES])
            gate = CloudGate(policy, limit_bytes=limit_bytes) if cloud else LocalGate(policy)
            given = GivenPlan(planner, planner.plan_of_one) if by_user else planner
            parts = Parts(corpus, given, Nothing(), Condenser(corpus, limits, gate), limits)
            await answer(parts, Transcript("run", "The question?", lambda _: None))
        read = [
            text.split("(read ")[1].split(" of")[0]
            for text in planner.shown
            if text.startswith("t1 Find it. (read")
        ]
        return planner.shown, read

    return asking


UNSEEN: list[tuple[Any, str, dict[str, Any]]] = [
    *(
        ("strict", pattern, {})
        for pattern in ("*acme*", "acme.txt", "acme", "HOME/ann/acme*", "*ann*", "ann/rent.txt")
    ),
    *(
        ("findings", pattern, {})
        for pattern in ("HOME/ann/acme.txt", "HOME/a*", "ann/acme.txt", "*ann/ac*")
    ),
    *(
        ("findings", pattern, {"limit_bytes": 0})
        for pattern in ("*acme*", "ann/rent.txt", "HOME/*")
    ),
    *(("open", pattern, {}) for pattern in ("HOME/ann/acme.txt", "*ann/ac*")),
]


@pytest.mark.parametrize(("policy", "pattern", "options"), UNSEEN)
async def test_a_guess_at_a_name_tells_the_planner_nothing(
    reading: Reading, policy: Any, pattern: str, options: dict[str, Any]
) -> None:
    """Right or wrong, all is read, and every word that the planner gets is the same."""
    right, _ = await reading(pattern, policy, **options)
    wrong, read = await reading("zzz.txt", policy, **options)
    assert right == wrong
    assert read == ["3", "3"]


@pytest.mark.parametrize(
    ("policy", "pattern", "reads"),
    [
        ("strict", "d1", "1"),
        ("strict", "*", "3"),
        ("findings", "acme.txt", "1"),
        ("findings", "*rent*", "2"),
        ("findings", "bob/rent.txt", "1"),
        ("open", "d3", "1"),
    ],
)
async def test_a_planner_may_choose_among_what_it_was_shown(
    reading: Reading, policy: Any, pattern: str, reads: str
) -> None:
    """Names as on the card, globs over them, and numbers choose documents, in every round."""
    _, read = await reading(pattern, policy)
    assert read == [reads, reads]


@pytest.mark.parametrize("policy", ["strict", "findings"])
async def test_the_users_own_plan_may_name_paths(reading: Reading, policy: Any) -> None:
    """A plan by hand means what it says; the planner's tasks of the next round do not."""
    _, read = await reading("HOME/ann/acme.txt", policy, by_user=True)
    assert read == ["1", "3"]


async def test_a_planner_on_this_machine_may_name_paths(reading: Reading) -> None:
    """Nothing goes up, so nothing is hidden from it."""
    _, read = await reading("HOME/ann/acme.txt", "findings", cloud=False)
    assert read == ["1", "1"]


def test_a_plans_author_is_no_part_of_what_is_written_of_it() -> None:
    """Events and records hold tasks and warnings, as before."""
    assert set(Plan(tasks=(), by_user=True).model_dump()) == {"tasks", "warnings"}
