"""How well a local worker judges whole documents, on the labelled film reviews: which wording, and how much of each
document; with and without the prior of an empty document taken off.

    python tests/benchmarks/measure_judging.py run DATA --out judged.jsonl [--documents 20] [--seconds 480]
    python tests/benchmarks/measure_judging.py report DATA --out judged.jsonl [--documents 20]

``run`` appends a line a document, cover and wording: the log odds of positive against negative. It goes on where it was
stopped, after ``--seconds`` too. ``report`` prints for each wording, and for pairs of them together, how many documents
are judged right, how many are counted positive, and the area under the curve.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from minions.clock import SystemClock
from minions.models.llamacpp import open_llamacpp
from minions.network.reference import ModelRef
from minions.settings import Settings
from minions.text.tokens import estimate_tokens
from minions.values.documents import Chunk
from minions.values.jobs import Job
from minions.values.plans import Task
from minions_workers.judging import Ballot, ballot_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from minions.ports import ChatModel
    from minions.values.chat import Completion

Row = dict[str, Any]
SET = "reviews_counts"
ASKED = "Is this film review positive overall?"
VERDICT = "Overall verdict of this film review?"
PLANNED = (  # as the hand-written plans put it
    "Is this film review positive or negative overall: does its writer, all things considered, think the film good?"
)
HEAD_TOKENS, TAIL_TOKENS = 100, 300
EMPTY = "(empty)"
POSITIVE, NEGATIVE = "positive", "negative"
WRITTEN = {
    "type": "object",
    "properties": {"answer": {"enum": ["yes", "no"]}},
    "required": ["answer"],
}


class Wording(NamedTuple):
    """How the judgement is asked for: the words after the document, and the first tokens that mean either verdict."""

    tail: str
    positive: str
    negative: str


WORDINGS = {
    "yes or no": Wording(f"{ASKED}\nAnswer yes or no.", "yes", "no"),
    "yes or no, as a whole": Wording(
        f"Judge the whole document. {ASKED}\nAnswer yes or no.", "yes", "no"
    ),
    "true or false": Wording(
        "True or false: this film review is positive overall.\nAnswer true or false.",
        "true",
        "false",
    ),
    "A yes, B no": Wording(f"{ASKED}\nA. yes\nB. no\nAnswer with the letter.", "A", "B"),
    "A no, B yes": Wording(f"{ASKED}\nA. no\nB. yes\nAnswer with the letter.", "B", "A"),
    "in a word": Wording(
        f"{VERDICT}\nAnswer with one word: positive or negative.", "positive", "negative"
    ),
    "A positive, B negative": Wording(
        f"{VERDICT}\nA. positive\nB. negative\nAnswer with the letter.", "A", "B"
    ),
    "A negative, B positive": Wording(
        f"{VERDICT}\nA. negative\nB. positive\nAnswer with the letter.", "B", "A"
    ),
    "positive, yes or no": Wording(f"{VERDICT}\nIs it positive? Answer yes or no.", "yes", "no"),
    "negative, yes or no": Wording(f"{VERDICT}\nIs it negative? Answer yes or no.", "no", "yes"),
    "planned, A positive, B negative": Wording(
        f"{PLANNED}\nA. positive\nB. negative\nAnswer with the letter.", "A", "B"
    ),
    "planned, A negative, B positive": Wording(
        f"{PLANNED}\nA. negative\nB. positive\nAnswer with the letter.", "B", "A"
    ),
    "planned, positive, yes or no": Wording(
        f"{PLANNED}\nIs the answer positive? Answer yes or no.", "yes", "no"
    ),
    "planned, negative, yes or no": Wording(
        f"{PLANNED}\nIs the answer negative? Answer yes or no.", "no", "yes"
    ),
    "written": Wording(f"Task: {ASKED}\nReply with JSON. answer: yes or no.", "yes", "no"),
}
PAIRS = [
    ("A yes, B no", "A no, B yes"),
    ("A positive, B negative", "A negative, B positive"),
    ("positive, yes or no", "negative, yes or no"),
    ("planned, A positive, B negative", "planned, A negative, B positive"),
    ("planned, positive, yes or no", "planned, negative, yes or no"),
]
COVERS = ("whole", "ends")


def labels(data: Path) -> dict[str, bool]:
    """The documents in the order of the questions, and whether each is positive."""
    lines = (data / SET / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    found: dict[str, bool] = {}
    for question in map(json.loads, lines):
        if "_list_" in question["id"]:
            positive = set(question["answer"])
            found |= {
                name: Path(name).stem in positive
                for name in question["documents"]
                if name not in found
            }
    return found


def covered(text: str, cover: str) -> str:
    """The document, or its first and last lines."""
    if cover == "whole" or estimate_tokens(text) <= HEAD_TOKENS + TAIL_TOKENS:
        return text
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(
        [*_some(lines, HEAD_TOKENS), "[...]", *reversed([*_some(reversed(lines), TAIL_TOKENS)])]
    )


def _some(lines: Iterable[str], tokens: int) -> Iterator[str]:
    for line in lines:
        tokens -= estimate_tokens(line)
        if tokens < 0:
            return
        yield line


async def judge(
    model: ChatModel, name: str, text: str, wording: str
) -> tuple[float | None, Completion]:
    """The log odds of one judgement (of a written one only their sign), asked as the worker asks."""
    tail, positive, negative = WORDINGS[wording]
    chunk = Chunk(
        id=name, document_id=name, path=name, index=0, start=0, end=len(text), text=text, tokens=0
    )
    ballot = Ballot((("prompt", tail),), {positive: POSITIVE, negative: NEGATIVE})
    request = ballot_request(
        Job(id=name, task=Task(id="t1", instruction=ASKED), chunk=chunk), ballot
    )
    if wording == "written":
        writing = {"max_output_tokens": 20, "json_schema": WRITTEN, "first_token_candidates": 0}
        completion = await model.complete(request.model_copy(update=writing))
        return (1.0 if json.loads(completion.text)["answer"] == "yes" else -1.0), completion
    completion = await model.complete(request)
    weights = ballot.weigh(completion.first_token or {})
    return (weights[POSITIVE] - weights[NEGATIVE] if weights else None), completion


async def run(options: argparse.Namespace) -> None:
    """Judge what is not judged yet, until the time is over."""
    clock = SystemClock()
    model = await open_llamacpp(ModelRef.parse(options.worker), home=Settings.load().home_folder())
    done = {(row["document"], row["cover"], row["wording"]) for row in read(options.out)}
    until_s = clock.monotonic_s() + options.seconds
    try:
        for name, cover, wording in wanted(options):
            if (name, cover, wording) in done:
                continue
            path = options.data / SET / "docs" / name
            text = EMPTY if name == EMPTY else covered(path.read_text(encoding="utf-8"), cover)
            started_s = clock.monotonic_s()
            if started_s > until_s:
                return
            odds, completion = await judge(model, name, text, wording)
            row = {"document": name, "cover": cover, "wording": wording, "odds": odds}
            row["read"] = completion.usage.input_tokens - completion.usage.cached_input_tokens
            row["seconds"] = round(clock.monotonic_s() - started_s, 2)
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    finally:
        await model.aclose()


def wanted(options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """What is to be judged, document by document, so that each is read once for all wordings."""
    for name in [EMPTY, *list(labels(options.data))[options.skip : options.documents]]:
        for cover in options.covers.split(";"):
            for wording in options.wordings.split(";"):
                yield name, cover, wording


def read(path: Path) -> list[Row]:
    """The rows written so far."""
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if path.exists()
        else []
    )


def report(options: argparse.Namespace) -> Iterator[str]:
    """A line a cover and wording, and the pairs."""
    truth = dict(list(labels(options.data).items())[: options.documents])
    known: dict[tuple[str, str], dict[str, float]] = {}
    for row in read(options.out):
        if row["odds"] is not None:
            known.setdefault((row["cover"], row["wording"]), {})[row["document"]] = row["odds"]
    for cover in COVERS:
        for first, second in PAIRS:
            one, other = known.get((cover, first), {}), known.get((cover, second), {})
            known[cover, f"{first}; and turned"] = {
                name: one[name] + other[name] for name in one.keys() & other.keys()
            }
    for (cover, wording), odds in sorted(known.items()):
        yield _line(f"{cover}, {wording}", odds, truth)


def _line(name: str, odds: Mapping[str, float], truth: Mapping[str, bool]) -> str:
    judged = [document for document in truth if document in odds]
    positive = [odds[document] for document in judged if truth[document]]
    negative = [odds[document] for document in judged if not truth[document]]
    area = sum((p > n) + (p == n) / 2 for p in positive for n in negative) / max(
        1, len(positive) * len(negative)
    )
    parts = [f"{name}: {len(judged)} documents, {len(positive)} positive, area {area:.2f}"]
    for label, cut in (("", 0.0), (" less the prior", odds.get(EMPTY, 0.0))):
        right = sum((odds[document] > cut) == truth[document] for document in judged)
        counted = sum(odds[document] > cut for document in judged)
        parts.append(f"{right} right{label}, {counted} counted")
    return "; ".join(parts)


def main() -> None:
    """Run, or report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--skip", type=int, default=0, help="leave the first so many out")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--wordings", default=";".join(WORDINGS))
    parser.add_argument("--covers", default=";".join(COVERS))
    parser.add_argument("--worker", default="llamacpp:qwen2.5-coder-1.5b")
    options = parser.parse_args()
    if options.what == "run":
        asyncio.run(run(options))
    else:
        print(*report(options), sep="\n")  # noqa: T201 - a script's result


if __name__ == "__main__":
    main()
