"""Prompt tokens computed against prompt tokens sent, and wall time, with a real model: in which order are chunks read?

    python tests/benchmarks/measure_prefix.py [--model llamacpp:qwen2.5-coder-1.5b] [--chunks 8] [--part batch]

First 3 tasks x 8 chunks: chunk-major, as the executor runs jobs; task-major, as a loop over tasks would; and
task-major without llama.cpp's cache in host memory, as on a server that has only its slot. Then one question and ten
questions over one document, as a batch with a scripted planner; with ``--short`` the document ends after these chunks,
so that all questions read the same. Each measurement starts with a freshly loaded model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from minions import Minions
from minions.corpus.index import Index
from minions.execution.executor import LocalExecutor
from minions.execution.expand import chunk_major
from minions.models.llamacpp import PROMPT_CACHE_MIB, open_llamacpp
from minions.network.reference import ModelRef
from minions.values.chat import Usage
from minions.values.jobs import Job
from minions.values.plans import Task
from minions.wiring.lineup import Lineup
from minions.wiring.recruit import open_embedded
from minions_workers.extractor import Extractor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.values.documents import Chunk

DOCUMENT = Path(__file__).parents[2] / "examples" / "documents" / "skerrow-annual-report-2023.md"
ASKED = (
    "How many container moves per hour did the north quay reach?",
    "Who chairs the board?",
    "What was the revenue in 2023?",
    "How many people were employed at the end of the year?",
    "Which crane was taken into use, and when?",
    "How much was invested in the year?",
    "What does the report say about dredging?",
    "How many passengers used the ferry terminal?",
    "What are the main risks?",
    "What is planned for the following year?",
)
HOME = Path(os.environ.get("MINIONS_HOME", ".make/home"))


class Measured(NamedTuple):
    """Tokens of all prompts, those that had to be computed, jobs, and seconds."""

    what: str
    jobs: int
    sent: int
    computed: int
    seconds: float

    @classmethod
    def of(cls, what: str, usages: Sequence[Usage], began_s: float) -> Measured:
        """Sum up; input is what was sent, cached input what did not have to be computed."""
        total = sum(usages, start=Usage())
        computed = total.input_tokens - total.cached_input_tokens
        return cls(what, len(usages), total.input_tokens, computed, time.monotonic() - began_s)


async def order(
    what: str, rounds: Sequence[Sequence[Job]], model: str, *, prompt_cache_mib: int
) -> Measured:
    """Run jobs round after round on one slot."""
    llama = await open_llamacpp(ModelRef.parse(model), home=HOME, prompt_cache_mib=prompt_cache_mib)
    await llama.warm()
    began_s, usages = time.monotonic(), []
    try:
        executor = LocalExecutor(Extractor(llama), concurrency=1)
        for jobs in rounds:
            async with aclosing(executor.run(jobs)) as results:
                usages += [result.usage async for result in results]
    finally:
        await llama.aclose()
    return Measured.of(what, usages, began_s)


def chunks_of(options: argparse.Namespace) -> list[Chunk]:
    """The first chunks of the document."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Index.open(Path(folder, "index.sqlite3")) as index,
    ):
        corpus, _ = index.update([DOCUMENT], chunk_tokens=options.chunk_tokens)
        return list(corpus.chunks())[: options.chunks]


def jobs_of(chunks: Sequence[Chunk]) -> list[Job]:
    """Three tasks over the chunks, task by task."""
    tasks = [Task(id=f"t{number}", instruction=asked) for number, asked in enumerate(ASKED[:3], 1)]
    return [
        Job(id=f"{task.id}.{chunk.id}", task=task, chunk=chunk, rank=rank)
        for task in tasks
        for rank, chunk in enumerate(chunks)
    ]


def batch(questions: int, options: argparse.Namespace) -> Measured:
    """Ask questions over the document as a batch; the planner is scripted and asks each question as its only task."""
    rules = []
    for asked in ASKED[:questions]:
        task = {
            "instruction": asked,
            "output": "text",
            "options": [],
            "documents": [],
            "search": [asked],
        }
        plan = {"tasks": [{**task, "unit": "chunk", "reduce": "collect"}]}
        rules.append({"contains": f"Question: {asked}", "matches": "You plan how", "reply": plan})
    script = {
        "rules": rules,
        "default": {"answer": "x", "findings": ["f1"], "confidence": 0.5, "tasks": []},
    }
    with tempfile.TemporaryDirectory() as folder:
        planner = Path(folder, "planner.json")
        planner.write_text(json.dumps(script), encoding="utf-8")
        models = Path(folder, "models")
        models.symlink_to((HOME / "models").resolve())
        document = DOCUMENT
        if options.short:
            document = Path(folder, "short.md")
            document.write_text(
                "".join(chunk.text for chunk in chunks_of(options)), encoding="utf-8"
            )
        minions = Minions(
            planner=f"scripted:{planner}",
            worker=options.model,
            home=Path(folder),
            chunk_tokens=options.chunk_tokens,
            chunks_per_task=options.chunks,
        )
        with minions:
            return asyncio.run(_ask(minions, questions, document))


async def _ask(minions: Minions, questions: int, document: Path) -> Measured:
    minions._home._keep(await open_embedded(Lineup.of(minions.settings), minions.settings))
    began_s, jobs = time.monotonic(), 0
    async with aclosing(minions.map(ASKED[:questions], document)) as answers:
        async for answer in answers:
            jobs += sum(summary.jobs for summary in answer.rounds)
    (worker,) = [row for row in minions.ledger("role") if row.key == "worker"]
    computed = worker.input_tokens - worker.cached_input_tokens
    return Measured(
        f"{questions} questions", jobs, worker.input_tokens, computed, time.monotonic() - began_s
    )


def show(measured: Measured) -> None:
    """One line of the table."""
    what, jobs, sent, computed, seconds = measured
    print(  # noqa: T201 - a report
        f"| {what} | {jobs} | {sent:,} | {computed:,} | {sent / computed:.1f} | {seconds:.0f} s |",
        flush=True,
    )


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="llamacpp:qwen2.5-coder-1.5b")
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--chunk-tokens", type=int, default=300)
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--part", choices=["orders", "batch", "all"], default="all")
    options = parser.parse_args()
    print(  # noqa: T201 - a report
        "| what | jobs | tokens sent | computed | sent / computed | wall |\n|---|---|---|---|---|---|"
    )
    if options.part != "batch":
        orders(options)
    if options.part != "orders":
        show(batch(1, options))
        show(batch(options.questions, options))
    return 0


def orders(options: argparse.Namespace) -> None:
    """Three tasks over the chunks, in three ways."""
    by_task = jobs_of(chunks_of(options))
    rounds = [[job for job in by_task if job.task.id == task] for task in ("t1", "t2", "t3")]
    show(
        asyncio.run(
            order(
                "chunk-major",
                [chunk_major(by_task)],
                options.model,
                prompt_cache_mib=PROMPT_CACHE_MIB,
            )
        )
    )
    show(asyncio.run(order("task-major", rounds, options.model, prompt_cache_mib=PROMPT_CACHE_MIB)))
    show(asyncio.run(order("task-major, slot only", rounds, options.model, prompt_cache_mib=0)))


if __name__ == "__main__":
    sys.exit(main())
