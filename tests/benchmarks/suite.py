"""The table of docs/experiments.md by one command: protocols side by side over the development sets.

    python tests/benchmarks/suite.py DATA [--large] [--planner SPEC] [--worker SPEC] [-o DIR]

Small (half an hour on two cores): a few questions of each kind. Large (a night): all of them. Plans are those written
by hand from the questions alone (``plans/``), so that planning is not what is measured. ``--planner`` decides, by
default the worker's own model, ``local``; with a planner elsewhere, policy ``open`` lets ``rag`` send what it finds.
The answers stay in ``-o`` (default ``suite.eval``): a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from minions import Minions
from minions.cli.render.evaluation import HEADER, rows

PLANS = Path(__file__).parent / "plans"
COMPARED = ("minions", "rag:5", "rag:10", "rag:20")


class Part(NamedTuple):
    """A set, how many of its questions (None: all), and the protocols it is asked under."""

    name: str
    limit: int | None
    protocols: tuple[str, ...]


SMALL = (
    Part("passages", 4, ("minions", "rag:5", "rag:10")),
    Part("altered_facts", 1, ("minions", "rag:5")),
    Part("reviews_counts", 1, ("minions",)),
)
LARGE = (
    Part("passages", None, (*COMPARED, "minion")),
    Part("contracts", None, (*COMPARED, "minion")),
    Part("papers", None, (*COMPARED, "minion")),
    Part("altered_facts", None, (*COMPARED, "minion", "remote")),
    Part("covid_papers", None, COMPARED),
    Part("filings", None, COMPARED),
    Part("papers_pdf", None, COMPARED),
    Part("reviews_counts", None, ("minions", "rag:20")),
)
CONTEXT_TOKENS = 16_384  # twenty chunks of 500 tokens, and a document of 5,000 for `minion`


def tell(text: str) -> None:
    """Print at once: runs are long."""
    print(text, flush=True)  # noqa: T201 - a script's result


def run(minions: Minions, part: Part, data: Path, output: Path) -> None:
    """Evaluate one set, and print its rows."""
    listed = data / part.name / "documents.jsonl"
    how: dict[str, Any] = {
        "limit": part.limit,
        "output": output / part.name,
        "protocols": part.protocols,
    }
    report = minions.evaluate(
        data / part.name / "questions.jsonl",
        listed if listed.exists() else data / part.name / "docs",
        plans=PLANS / f"{part.name}.jsonl",
        **how,
    )
    for row in rows(report):
        tell(f"| {part.name} ({report.summaries[0].questions}) | {' | '.join(row)} |")


def main() -> None:
    """Run the suite asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--planner", default="local")
    parser.add_argument("--worker", default="llamacpp:qwen2.5-coder-1.5b")
    parser.add_argument("--sets", help="of the suite's, only these: passages,papers")
    parser.add_argument("-o", "--output", type=Path, default=Path("suite.eval"))
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    wanted = options.sets.split(",") if options.sets else None
    settings = {"planner": options.planner, "worker": options.worker, "policy": "open"}
    tell(f"| set (questions) | {' | '.join(HEADER)} |\n|{'---|' * (1 + len(HEADER))}")
    with Minions(**settings, context_tokens=CONTEXT_TOKENS) as minions:
        for part in LARGE if options.large else SMALL:
            if wanted is None or part.name in wanted:
                run(minions, part, options.data, options.output)


if __name__ == "__main__":
    main()
