"""What the gate would keep of answers, and how many bytes of documents digests hold, over requests that were logged.

Answers must have been sent as they were, so run with policy open first, for example

    minions eval DATASET.jsonl --docs DIR --plans PLANS.jsonl --policy open --home HOME
    python tests/benchmarks/measure_saying.py HOME
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from minions.home import STORE_FILE
from minions.ledger.egress import EgressLog
from minions.privacy.wording import Lines, grounded_words, words_of
from minions.store.runs import Runs
from minions.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

_TASK = re.compile(r"t\d+ (.*) \(read")
_FINDING = re.compile(r"f\d+ (.*?) \| (.*)")
_UNSAID = "?"


class Said(NamedTuple):
    """An answer of a digest, what of it stands in its own lines, and in those of the digest."""

    answer: str
    own: str
    round: str


def digests(home: Path) -> Iterator[str]:
    """The user messages of all decisions in the egress log, each once."""
    seen: set[str] = set()
    with Store.open(home / STORE_FILE) as store:
        for run in Runs(store).recent(limit=100_000):
            for body in EgressLog(store).bodies(run.run_id):
                text = json.loads(body)["messages"][-1]["content"]
                if "\nFindings:\n" in text and text not in seen:
                    seen.add(text)
                    yield text


def said_in(text: str) -> Iterator[Said]:
    """Each answer of a digest."""
    rows = text.splitlines()
    together = Lines("\n".join(found[2] for row in rows if (found := _FINDING.match(row))))
    question, known = words_of(rows[0]), words_of(rows[0])
    for row in rows:
        if task := _TASK.match(row):
            known = question | words_of(task[1])
        elif (found := _FINDING.match(row)) and found[1] != _UNSAID:
            answer = " ".join(found[1].split())
            yield Said(
                answer,
                grounded_words(answer, Lines(found[2]), known),
                grounded_words(answer, together, known),
            )


def main() -> int:
    """Print counts, sizes and the answers that would be cut."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("home", type=Path)
    home = parser.parse_args().home
    texts = list(digests(home))
    answers = [said for text in texts for said in said_in(text)]
    own, together = (
        sum(said.own != said.answer for said in answers),
        sum(said.round != said.answer for said in answers),
    )
    sums = (
        sum(len(row.encode()) for row in text.splitlines() if _FINDING.match(row)) for text in texts
    )
    sizes = sorted(size for size in sums if size)
    out = sys.stdout.write
    out(f"{len(sizes)} digests with findings, {len(answers)} answers\n")
    out(
        f"cut where words must stand in the finding's own lines: {own}; in any line of its round: {together}\n"
    )
    if sizes:
        out(
            f"bytes of findings in a digest: median {statistics.median(sizes):.0f}, largest {sizes[-1]}\n"
        )
    for said in answers:
        if said.round != said.answer:
            out(f"- {said.answer}\n  {said.round}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
