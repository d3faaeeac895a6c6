"""What reading the best chunks finds, against reading every chunk, and at what cost on the device.

    python tests/benchmarks/measure_reading.py DATA contracts,papers --documents 2 [--best N] [--count]

For each question with a hand-written plan (``plans/SET.jsonl``) the worker runs every task over every chunk of the
question's documents, chunk by chunk. Results are kept in the result cache (``MINIONS_HOME``): a run goes on where the
last one stopped, and the figures come again in seconds. ``--best N`` reads each task's N best chunks instead, for sets
too large to be read. Then each way to choose chunks is played over these results, through the same reduction and digest
as a run: fewer chunks, and reading that stops when chunks agree. Printed for each way, over the questions read:

- words: the share of the known answer's content words that stand in the digest, mean over questions (what goes up can
  be answered from);
- tokens: what the device computes with a prefix cache, passages once a question and each job's instructions and reply,
  as a share of those for every chunk, by estimate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from minions.clock import SystemClock
from minions.corpus.index import Index
from minions.corpus.scoped import ScopedCorpus
from minions.evals.dataset import read_dataset
from minions.evals.evaluate import unpacked
from minions.evals.scorers import normalised
from minions.execution.cache import CachingWorker, ResultCache
from minions.execution.expand import Expansion, expand
from minions.execution.stopping import Enough, may_stop, reads
from minions.models.llamacpp import open_llamacpp
from minions.network.reference import ModelRef
from minions.privacy.outgoing import CloudGate
from minions.run.condense import Condenser
from minions.run.transcript import Transcript
from minions.settings import Settings
from minions.store.store import Store
from minions.text.tokens import estimate_tokens
from minions.values.jobs import Job, JobResult
from minions.values.limits import Limits
from minions.values.plans import Plan, Task
from minions_workers.chunk_worker import ChunkWorker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minions.corpus.port import Corpus
    from minions.evals.dataset import Example
    from minions.ports import Worker

PLANS = Path(__file__).parent / "plans"
EVERYTHING = Limits(max_jobs=100_000)
DEFAULT_DEPTH = Limits().chunks_per_task
DEPTHS = (2, 4, 6, 8, 12, 20)
TAIL_TOKENS, REPLY_TOKENS = 60, 30  # of an instruction, and of a worker's reply
MIN_RELEVANCE, SURE = 0.3, 0.8
STOPWORDS = set(
    "of and or to in for on by with is are was were be that this it as at from which such any".split()  # noqa: SIM905 - a list to read
)


class Asked(NamedTuple):
    """A question, its plan, and the corpus of its documents."""

    example: Example
    plan: Plan
    corpus: Corpus


Results = dict[tuple[str, str], JobResult]  # by task and chunk
Way = Callable[[Asked, Results], Expansion]


def tell(text: str) -> None:
    """Print at once: runs are long."""
    print(text, flush=True)  # noqa: T201 - a script's result


def plans_of(name: str) -> dict[str, Plan]:
    """The hand-written plans of a set, by question."""
    lines = (PLANS / f"{name}.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return {
        row["id"]: Plan(
            tasks=tuple(
                Task(id=f"t{number}", **task) for number, task in enumerate(row["tasks"], 1)
            )
        )
        for row in rows
    }


def reading(asked: Asked, depth: int | None) -> Expansion:
    """The jobs of a reader of each task's best chunks, or (None) of every chunk."""
    if depth is not None:
        return expand(
            asked.plan, asked.example.question, asked.corpus, Limits(chunks_per_task=depth)
        )
    tasks = tuple(task.model_copy(update={"search": ()}) for task in asked.plan.tasks)
    return expand(Plan(tasks=tasks), asked.example.question, asked.corpus, EVERYTHING)


def fewer(asked: Asked, few: int, depth: int | None) -> Expansion:
    """The best of what was read: where that is not everything, a search for fewer may bring others."""
    whole = reading(asked, few if depth is None else depth)
    return whole._replace(jobs=tuple(job for job in whole.jobs if job.rank < few))


def stopping(expansion: Expansion, results: Results, enough: Enough) -> Expansion:
    """The jobs that are run where each task reads its chunks best first and stops when they agree."""
    kept: list[Job] = []
    for task_id in {job.task.id: None for job in expansion.jobs}:
        jobs = sorted(
            (job for job in expansion.jobs if job.task.id == task_id), key=lambda job: job.rank
        )
        known = [results[key_of(job)].model_copy(update={"job": job}) for job in jobs]
        kept += jobs[: reads(known, enough)] if may_stop(jobs[0].task) else jobs
    return expansion._replace(jobs=tuple(kept))


def key_of(job: Job) -> tuple[str, str]:
    """What identifies a job whatever round and way it belongs to."""
    return job.task.id, job.chunk.id


async def read(
    asked: Sequence[Asked], worker: Worker, *, depth: int | None, seconds: float
) -> dict[str, Results]:
    """Results of every job by question, chunk by chunk over all questions; those whose time is up are left out."""
    clock = SystemClock()
    results: dict[str, Results] = {one.example.id: {} for one in asked}
    jobs = [(one.example.id, job) for one in asked for job in reading(one, depth).jobs]
    jobs.sort(key=lambda pair: (pair[1].chunk.document_id, pair[1].chunk.start))
    until_s = clock.monotonic_s() + seconds
    for number, (question, job) in enumerate(jobs, 1):
        if clock.monotonic_s() > until_s:
            tell(f"stopped at job {number} of {len(jobs)}")
            break
        results[question][key_of(job)] = await worker.run(job)
        if number % 50 == 0:
            tell(f"job {number} of {len(jobs)}")
    return results


def digest_of(asked: Asked, expansion: Expansion, results: Results, limits: Limits) -> str:
    """What would go up after these jobs."""
    condenser = Condenser(asked.corpus, limits, CloudGate("findings", asked.example.question))
    transcript = Transcript("measured", asked.example.question, lambda _: None)
    transcript.planned(asked.plan, expansion)
    for job in expansion.jobs:
        result = results[key_of(job)].model_copy(update={"job": job})
        transcript.finished(result, condenser.findings(result))
    return condenser.digest(transcript).text


def words_in(text: str, example: Example) -> float:
    """The share of the known answer's content words that stand in a text; of several accepted forms the best."""
    there = set(normalised(text).split())
    shares = []
    for form in example.answers:
        wanted = [word for word in normalised(form).split() if word not in STOPWORDS]
        shares.append(sum(word in there for word in wanted) / max(1, len(wanted)))
    return max(shares)


def cost_of(jobs: Iterable[Job], results: Results) -> int:
    """Tokens computed with a prefix cache: a chunk once, its looks, and its extractions."""
    chunks: dict[str, int] = {}
    total = 0
    for job in jobs:
        chunks[job.chunk.id] = estimate_tokens(job.chunk.text)
        result = results[key_of(job)]
        extracted = result.status == "found" or (result.relevance or 0) >= MIN_RELEVANCE
        total += TAIL_TOKENS + (TAIL_TOKENS + REPLY_TOKENS if extracted else 0)
    return total + sum(chunks.values())


def ways(depth: int | None) -> dict[str, Way]:
    """Ways to choose what is read; the first is all that was read."""
    chosen: dict[str, Way] = {"all that was read": lambda one, _: reading(one, depth)}
    for few in [few for few in DEPTHS if depth is None or few < depth]:
        chosen[f"best {few} a task"] = lambda one, _, few=few: fewer(one, few, depth)  # type: ignore[misc]
    for findings, confidence in ((1, 0.8), (1, 0.9), (2, 0.6), (2, 0.8), (3, 0.6)):
        enough = Enough(findings=findings, confidence=confidence)
        most = min(depth or DEFAULT_DEPTH, DEFAULT_DEPTH)
        chosen[f"best {most}, stops at a lead of {findings}, from {confidence}"] = (
            lambda one, known, enough=enough, most=most: stopping(
                fewer(one, most, depth), known, enough
            )  # type: ignore[misc]
        )
    return chosen


def report(
    name: str, asked: Sequence[Asked], results: Mapping[str, Results], depth: int | None
) -> str:
    """The table of one set over the questions that were read as asked."""
    whole = [one for one in asked if len(results[one.example.id]) == len(reading(one, depth).jobs)]
    told = [one for one in whole if one.example.kind != "yesno"]
    lines = [f"{name}: {len(told)} questions read, yes-or-no ones left out"]
    everything = 0
    for way, choose in ways(depth).items():
        words, tokens, jobs = [], 0, 0
        for one in told:
            known = results[one.example.id]
            expansion = choose(one, known)
            words.append(words_in(digest_of(one, expansion, known, Limits()), one.example))
            tokens += cost_of(expansion.jobs, known)
            jobs += len(expansion.jobs)
        everything = everything or tokens
        mean, most = sum(words) / max(1, len(words)), sum(share >= SURE for share in words)
        share = tokens / max(1, everything)
        lines.append(
            f"  {way}: words {mean:.2f}, at least {SURE} in {most}; {jobs} jobs, tokens {share:.0%}"
        )
    return "\n".join(lines)


def counted(name: str, asked: Sequence[Asked]) -> str:
    """What each depth costs over all questions, without a model: as if every passage held something."""
    costs = []
    for depth in (None, *DEPTHS):
        jobs = [(one, reading(one, depth).jobs) for one in asked]
        found = [
            {key_of(job): JobResult(job=job, status="found") for job in mine} for _, mine in jobs
        ]
        costs.append(
            sum(cost_of(mine, known) for (_, mine), known in zip(jobs, found, strict=True))
        )
    shares = ", ".join(
        f"best {depth} {cost / costs[0]:.0%}" for depth, cost in zip(DEPTHS, costs[1:], strict=True)
    )
    return f"{name}: {len(asked)} questions, {costs[0]:,} tokens for every chunk; {shares}"


def questions_of(
    name: str, data: Path, index: Index, scratch: Path, *, documents: int
) -> list[Asked]:
    """The questions about the smallest documents of a set that have a plan."""
    listed = data / name / "documents.jsonl"
    folder = unpacked(listed, scratch / name) if listed.exists() else data / name / "docs"
    plans = plans_of(name)
    corpus, _ = index.update([folder])
    smallest = {
        path.name
        for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_size)[:documents]
    }
    asked = []
    for example in read_dataset(data / name / "questions.jsonl"):
        if example.id not in plans or (
            example.documents and not set(example.documents) <= smallest
        ):
            continue
        ids = corpus.contents.select(example.documents)[0] if example.documents else None
        asked.append(
            Asked(example, plans[example.id], corpus if ids is None else ScopedCorpus(corpus, ids))
        )
    return asked


async def main() -> None:
    """Read, and report; or count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sets")
    parser.add_argument("--documents", type=int, default=2, help="the smallest so many of each set")
    parser.add_argument("--best", type=int, help="read only so many chunks a task")
    parser.add_argument(
        "--count", action="store_true", help="only count what would be computed, without a model"
    )
    parser.add_argument("--worker", default="llamacpp:qwen2.5-coder-1.5b")
    parser.add_argument("--minutes", type=float, default=60)
    options: Any = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with (
        tempfile.TemporaryDirectory() as folder,
        Index.open(Path(folder) / "index.sqlite3") as index,
    ):
        sets = {
            name: questions_of(name, options.data, index, Path(folder), documents=options.documents)
            for name in options.sets.split(",")
        }
        if options.count:
            for name, asked in sets.items():
                tell(counted(name, asked))
        else:
            await read_and_report(sets, options)


async def read_and_report(sets: Mapping[str, Sequence[Asked]], options: Any) -> None:
    """The table of each set."""
    home, clock = Settings.load().home_folder(), SystemClock()
    until_s = clock.monotonic_s() + 60 * options.minutes
    model = await open_llamacpp(ModelRef.parse(options.worker), home=home)
    reader = ChunkWorker(model)
    with Store.open(home / "minions.sqlite3") as store:
        cache = ResultCache(store, clock)
        worker = CachingWorker(reader, cache, model=options.worker, fingerprint=reader.fingerprint)
        for name, asked in sets.items():
            results = await read(
                asked, worker, depth=options.best, seconds=until_s - clock.monotonic_s()
            )
            tell(report(name, asked, results, options.best))
    await model.aclose()


if __name__ == "__main__":
    asyncio.run(main())
