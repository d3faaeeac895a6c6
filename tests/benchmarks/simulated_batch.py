"""A batch without models, in a process of its own: prints how much memory it took at most, in MiB.

``simulated_batch.py FOLDER QUESTIONS TASKS DOCUMENTS``: each question has so many tasks, each over all documents, of
one passage each. Everything else is as it is: the index, the cache, the database and the output on disk.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from minions.batch.driver import Driver
from minions.batch.items import as_items
from minions.batch.session import opened
from minions.clock import SystemClock
from minions.corpus.index import Index
from minions.evidence.finding import find
from minions.evidence.grounding import Location
from minions.execution.cache import CachingWorker, ResultCache
from minions.execution.executor import LocalExecutor
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.run.crew import Books, Crew
from minions.settings import Settings
from minions.stop_signal import Brake
from minions.store.store import Store
from minions.values.jobs import JobResult
from minions.values.plans import Decision, Plan, Task
from minions.wiring.lineup import Lineup, terms_of

if TYPE_CHECKING:
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.jobs import Job
    from minions.values.plans import History

_LINES, _CONCURRENCY = 12, 16


class _Planner:
    def __init__(self, tasks: int) -> None:
        self._tasks = tasks

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        return Plan(
            tasks=tuple(
                Task(id=f"t{number}", instruction=f"{question} {number}")
                for number in self._numbers
            )
        )

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        return Decision(
            answer="so it is",
            findings=tuple(finding.id for finding in digest.findings[:1]),
            confidence=0.9,
        )

    @property
    def _numbers(self) -> range:
        return range(self._tasks)


class _Worker:
    """Finds the first line of every tenth passage."""

    async def run(self, job: Job) -> JobResult:
        await asyncio.sleep(0)
        if job.chunk.path[-5] != "0":
            return JobResult(job=job, status="abstained", relevance=0.1)
        finding = find(
            job,
            Location(0, job.chunk.text.index("\n"), "exact", 1.0),
            answer="so it is",
            confidence=0.9,
        )
        return JobResult(job=job, status="found", relevance=0.9, findings=(finding,))


def _write(folder: Path, documents: int) -> Path:
    folder.mkdir()
    for number in range(documents):
        lines = (
            f"Line {line} of record {number} says what a line of a record says."
            for line in range(_LINES)
        )
        (folder / f"record_{number:05}.txt").write_text("\n".join(lines))
    return folder


async def _run(folder: Path, questions: int, tasks: int, documents: int) -> int:
    settings, clock, done = (
        Settings.load({"planner": "local", "max_jobs": tasks * documents}),
        SystemClock(),
        0,
    )
    items = as_items(f"What does record {number} say?" for number in range(questions))
    with (
        Store.open(folder / "store.sqlite3") as store,
        Index.open(folder / "index.sqlite3") as index,
    ):
        ledger, prices, cache = Ledger(store), PriceBook({}), ResultCache(store, clock)
        books = Books(
            ledger, prices, EgressLog(store), Budget(None, None), clock, lambda _: None, cache
        )
        corpus, _ = index.update([_write(folder / "documents", documents)])
        worker = CachingWorker(_Worker(), cache, model="simulated", fingerprint="simulated")
        planner, executor = _Planner(tasks), LocalExecutor(worker, concurrency=_CONCURRENCY)
        crew = Crew(planner, executor, "simulated", "simulated", (), lambda *_: planner)
        terms = terms_of(Lineup.of(settings), settings)
        with opened(items, store, books, brake=Brake(), output=folder / "out.jsonl") as session:
            driver = Driver(session, corpus, crew, terms, window=settings.window)
            async for answer in driver.answers():
                assert answer.rounds[0].jobs == tasks * documents
                done += 1
    return done


def _peak_mib() -> int:
    """Of this process alone: what getrusage says counts the one that started it, too."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert told is not None
    return int(told[1]) // 1024


if __name__ == "__main__":
    counts = [int(count) for count in sys.argv[2:]]
    assert asyncio.run(_run(Path(sys.argv[1]), *counts)) == counts[0]
    sys.stdout.write(f"{_peak_mib()}\n")
