"""How well a local worker judges and points, on the development sets, without a planner: the question itself is the
task.

    python tests/benchmarks/worker_quality.py altered_facts,covid_papers --questions 6 --chunks 6
        [--ways lines,quote,draft,cot,second,samples] [--gold] [--looks]

For each question the best chunks of the index are looked at and extracted from, whatever the look says. Printed: how
often a chunk that holds an accepted answer is among them, where search and look rank it, what each threshold on the
look would keep, and how often the lines brought back hold the answer. Raw results go to ``--out`` as JSON lines.
``--ways`` tries several ways to extract on each chunk, which is read once for all: pointing at lines, a quote,
reasoning by ``draft`` or ``cot`` before it, a second look, three samples of which the majority counts. ``--gold`` reads
only chunks that hold the answer.

``--looks`` extracts nothing, and compares the look with one whose words begin as the extraction's do ("Task: ..."), so
that a server would read them once for both: how it ranks, and the tokens computed for the two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minions.clock import SystemClock
from minions.corpus.index import Index
from minions.evidence.lines import split_lines
from minions.evidence.reduce import reduce_findings
from minions.models.llamacpp import open_llamacpp
from minions.network.reference import ModelRef
from minions.settings import Settings
from minions.values.jobs import Job
from minions.values.plans import Task
from minions_workers.extractor import Extractor
from minions_workers.look import CANDIDATES, probability_of_yes
from minions_workers.passage import request, show
from minions_workers.prompts import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.ports import ChatModel
    from minions.values.documents import Chunk

    Row = dict[str, Any]

SAMPLES = 3
DATA = Path(__file__).parents[3] / "shared" / "data"
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6)
TASK_FIRST = "Task: {instruction}\nDoes this passage itself contain the answer? Answer yes or no."


def accepted(question: dict[str, Any]) -> list[str]:
    """The accepted answers, folded."""
    answer = question["answer"]
    return [
        " ".join(text.split()).casefold()
        for text in (answer if isinstance(answer, list) else [answer])
    ]


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether a text contains an accepted answer, or its first 60 characters."""
    folded = " ".join(text.split()).casefold()
    return any(answer[:60] in folded for answer in answers)


async def judge(
    workers: Mapping[str, Extractor], question: dict[str, Any], chunk: Chunk, rank: int
) -> list[Row]:
    """One row a way: the chunk's rank, whether it holds the answer, the look, and whether the lines brought back and
    the worker's answer hold it.
    """
    answers, clock, rows = accepted(question), SystemClock(), []
    task = Task(id="t1", instruction=question["question"], output="text")
    for way, worker in workers.items():
        started_s = clock.monotonic_s()
        jobs = [
            Job(id=f"{question['id']}.{rank}.{sample}", task=task, chunk=chunk, sample=sample)
            for sample in range(SAMPLES if way == "samples" else 1)
        ]
        results = [await worker.run(job) for job in jobs]
        found = [finding for result in results for finding in result.findings]
        if way == "samples":
            found = list(reduce_findings(task, found, {}).findings[:1])
        rows.append(
            {
                "id": question["id"],
                "way": way,
                "rank": rank,
                "gold": holds(chunk.text, answers),
                "look": results[0].relevance,
                "status": results[0].status,
                "hit": any(holds(finding.citation.quote, answers) for finding in found),
                "answered": any(
                    finding.answer and holds(finding.answer, answers) for finding in found
                ),
                "seconds": round(clock.monotonic_s() - started_s, 2),
                "written": sum(result.usage.output_tokens for result in results),
            }
        )
    return rows


def ways_of(model: ChatModel, names: Sequence[str]) -> dict[str, Extractor]:
    """A worker a way."""
    settings: dict[str, dict[str, Any]] = {
        "lines": {},
        "quote": {"evidence": "quote"},
        "draft": {"reasoning": "draft"},
        "cot": {"reasoning": "cot"},
        "second": {"second_look": True},
        "samples": {},
    }
    return {name: Extractor(model, min_relevance=0.0, **settings[name]) for name in names}


async def look_twice(
    model: ChatModel, question: dict[str, Any], chunks: Sequence[Chunk]
) -> list[dict[str, Any]]:
    """Two rows a chunk, one a wording of the look: its probability, and the tokens computed for it and for reading the
    extraction's words after it.
    """
    answers, rows = accepted(question), []
    extraction = load("lines").format(instruction=question["question"], answer="short", most=3)
    for rank, chunk in enumerate(chunks):
        passage = show(chunk, split_lines(chunk.text))
        for wording, template in (("as it is", load("look")), ("task first", TASK_FIRST)):
            await model.complete(
                request(
                    passage, [("prompt", "Passage read.")], max_output_tokens=1, affinity=chunk.id
                )
            )
            computed, tail = 0, template.format(instruction=question["question"])
            for words, candidates in ((tail, CANDIDATES), (extraction, 0)):
                asked = request(
                    passage,
                    [("prompt", words)],
                    max_output_tokens=1,
                    affinity=chunk.id,
                    first_token_candidates=candidates,
                )
                completion = await model.complete(asked)
                computed += completion.usage.input_tokens - completion.usage.cached_input_tokens
                if candidates:
                    seen = probability_of_yes(completion.first_token or {})
            rows.append(
                {
                    "id": question["id"],
                    "wording": wording,
                    "rank": rank,
                    "gold": holds(chunk.text, answers),
                    "look": seen,
                    "computed": computed,
                }
            )
    return rows


def report_looks(name: str, rows: Sequence[dict[str, Any]]) -> str:
    """The table of both wordings for one set."""
    lines = []
    for wording in dict.fromkeys(row["wording"] for row in rows):
        mine = [row for row in rows if row["wording"] == wording]
        computed = sum(row["computed"] for row in mine) / len(mine)
        lines += [
            f"{name}, look {wording}: {computed:.0f} tokens a job beside the passage",
            *_ranks(mine),
        ]
    return "\n".join(lines)


def report(name: str, rows: Sequence[dict[str, Any]]) -> str:
    """The table for one set: what is read, then a line a way."""
    first = [row for row in rows if row["way"] == rows[0]["way"]]
    questions, reached = len({row["id"] for row in rows}), _reached(first)
    lines = [
        f"{name}: {questions} questions, a chunk with the answer among the chunks read for {len(reached)}"
    ]
    lines += _ranks(first)
    for way in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == way]
        gold = [row for row in mine if row["gold"]]
        hits, answered = sum(row["hit"] for row in gold), sum(row["answered"] for row in gold)
        whole = sum(any(row["hit"] for row in group) for group in _reached(mine))
        seconds, written = (
            sum(row[key] for row in mine) / len(mine) for key in ("seconds", "written")
        )
        lines.append(
            f"  {way}: of {len(gold)} chunks with the answer, lines hold it in {hits}, the answer in {answered}; "
            f"questions with such lines {whole} of {len(reached)}; {written:.0f} tokens, {seconds:.1f} s a chunk"
        )
    return "\n".join(lines)


def _reached(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows of each question for which a chunk with the answer was read."""
    by_question: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_question.setdefault(row["id"], []).append(row)
    return [group for group in by_question.values() if any(row["gold"] for row in group)]


def _ranks(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Where search and look rank the answer's chunk, and what thresholds on the look keep."""
    reached, lines = _reached(rows), []
    gold = [row for row in rows if row["gold"]]
    other = [row for row in rows if not row["gold"]]
    if reached:
        search = sum(
            1 / (1 + min(row["rank"] for row in group if row["gold"])) for group in reached
        ) / len(reached)
        look = sum(1 / (1 + _look_rank(group)) for group in reached) / len(reached)
        lines.append(
            f"  mean reciprocal rank of the answer's chunk: search {search:.2f}, look {look:.2f}"
        )
    for threshold in THRESHOLDS:
        kept, noise = (_share_above(group, threshold) for group in (gold, other))
        lines.append(
            f"  look >= {threshold}: keeps {kept:.0%} of chunks with the answer, {noise:.0%} of the others"
        )
    return lines


def _look_rank(group: Sequence[dict[str, Any]]) -> int:
    ordered = sorted(group, key=lambda row: -(row["look"] or 0))
    return next(rank for rank, row in enumerate(ordered) if row["gold"])


def _share_above(rows: Sequence[dict[str, Any]], threshold: float) -> float:
    kept = [row for row in rows if (row["look"] or 0) >= threshold]
    return len(kept) / max(1, len(rows))


async def main() -> None:
    """Run the sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets")
    parser.add_argument("--questions", type=int, default=6)
    parser.add_argument("--chunks", type=int, default=6)
    parser.add_argument("--ways", default="lines")
    parser.add_argument("--gold", action="store_true")
    parser.add_argument("--looks", action="store_true")
    parser.add_argument("--worker", default="llamacpp:qwen2.5-coder-1.5b")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = await open_llamacpp(ModelRef.parse(options.worker), home=Settings.load().home_folder())
    workers = ways_of(model, options.ways.split(","))
    with (
        tempfile.TemporaryDirectory() as folder,
        Index.open(Path(folder) / "index.sqlite3") as index,
    ):
        for name in options.sets.split(","):
            lines = (DATA / name / "questions.jsonl").read_text(encoding="utf-8").splitlines()
            rows: list[dict[str, Any]] = []
            for question in [json.loads(line) for line in lines][: options.questions]:
                paths = [DATA / name / "docs" / document for document in question["documents"]]
                corpus, _ = index.update(paths)
                chunks = corpus.search((question["question"],), limit=options.chunks)
                if options.looks:
                    rows += await look_twice(model, question, chunks)
                    continue
                for rank, chunk in enumerate(chunks):
                    if not options.gold or holds(chunk.text, accepted(question)):
                        rows += await judge(workers, question, chunk, rank)
            print((report_looks if options.looks else report)(name, rows), flush=True)  # noqa: T201 - a script's result
            if options.out:
                with options.out.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps({"set": name, **row}) + "\n" for row in rows)
    await model.aclose()


if __name__ == "__main__":
    asyncio.run(main())
