"""Measures the detectors of sensitive values, as docs/experiments.md reports it.

``python tests/benchmarks/redaction/measure_redaction.py`` prints recall and precision by kind over the labelled set,
development and held-out snippets apart. A value counts as found where detected spans cover all of it, of whatever kind
they are; a detected span counts as right where it overlaps a value. With ``--misses`` it shows what went wrong, with
``--people`` it measures the optional detector of people and organisations. With ``--documents DIR`` it counts what is
found in a folder of documents, and shows a few of each kind.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from minions.corpus.readers import read_document
from minions.errors import UnreadableError
from minions.redaction.detector import Detector, Sensitive, detector
from minions.redaction.detectors.people import people_detector

LABELLED = Path(__file__).parent / "labelled.jsonl"
SAMPLES = 12
_AROUND = 30


class Snippet(NamedTuple):
    """A labelled text: its split (``dev``, ``heldout`` or ``people``), and the values that must stay."""

    split: str
    text: str
    values: list[Sensitive]


class Score(NamedTuple):
    """Counts of a kind: values in the set, those found, spans detected, those of them that are right."""

    values: int
    found: int
    detected: int
    right: int

    @property
    def recall(self) -> float:
        """The share of values found; 1 where there are none."""
        return self.found / self.values if self.values else 1.0

    @property
    def precision(self) -> float:
        """The share of detected spans that are right; 1 where there are none."""
        return self.right / self.detected if self.detected else 1.0


def labelled() -> list[Snippet]:
    """The labelled set."""
    lines = LABELLED.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Snippet(row["split"], row["text"], [Sensitive(*value) for value in row["values"]])
        for row in rows
    ]


def scores(snippets: list[Snippet], detect: Detector) -> dict[str, Score]:
    """Scores by kind, and over all of them under ``all``."""
    values, found, detected, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for snippet in snippets:
        spans = detect(snippet.text)
        for value in snippet.values:
            values.update((value.kind, "all"))
            found.update((value.kind, "all") if covered(value, spans) else ())
        for span in spans:
            detected.update((span.kind, "all"))
            right.update((span.kind, "all") if is_right(span, snippet.values) else ())
    kinds = sorted(values | detected)
    return {kind: Score(values[kind], found[kind], detected[kind], right[kind]) for kind in kinds}


def covered(value: Sensitive, spans: list[Sensitive]) -> bool:
    """Whether one of ``spans``, or several that follow one another, hold all of ``value``."""
    place = value.start
    for span in spans:
        if span.start <= place < span.end:
            place = span.end
    return place >= value.end


def is_right(span: Sensitive, values: list[Sensitive]) -> bool:
    """Whether a detected span holds a part of a value."""
    return any(span.start < value.end and value.start < span.end for value in values)


def main() -> None:
    """Print a table, or what is found in documents."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--misses", action="store_true", help="show what was missed, and what was taken wrongly"
    )
    arguments.add_argument("--split", choices=("dev", "heldout"), help="only these snippets")
    arguments.add_argument(
        "--documents", type=Path, help="count what is found in the documents of this folder"
    )
    arguments.add_argument(
        "--people", action="store_true", help="measure the detector of people, if it is installed"
    )
    chosen = arguments.parse_args()
    if chosen.documents:
        _documents(chosen.documents)
        return
    detect = people_detector(required=True) if chosen.people else detector()
    assert detect
    for split in ("people",) if chosen.people else ("dev", "heldout"):
        if chosen.split in {None, split}:
            snippets = [snippet for snippet in labelled() if snippet.split == split]
            _table(split, snippets, detect)
            if chosen.misses:
                _misses(snippets, detect)


def _table(split: str, snippets: list[Snippet], detect: Detector) -> None:
    none = sum(not snippet.values for snippet in snippets)
    print(f"{split}: {len(snippets)} snippets, {none} of them without a value")  # noqa: T201 - a script
    print("| kind | values | recall | precision |\n|---|---|---|---|")  # noqa: T201 - a report
    for kind, score in scores(snippets, detect).items():
        print(f"| {kind} | {score.values} | {score.recall:.1%} | {score.precision:.1%} |")  # noqa: T201 - a report


def _misses(snippets: list[Snippet], detect: Detector) -> None:
    for snippet in snippets:
        spans = detect(snippet.text)
        for value in snippet.values:
            if not covered(value, spans):
                print(  # noqa: T201 - a report
                    f"missed {value.kind} {snippet.text[value.start : value.end]!r} in {snippet.text!r}"
                )
        for span in spans:
            if not is_right(span, snippet.values):
                print(  # noqa: T201 - a report
                    f"wrong {span.kind} {snippet.text[span.start : span.end]!r} in {snippet.text!r}"
                )


def _documents(folder: Path) -> None:
    detect = detector()
    found: dict[str, list[str]] = defaultdict(list)
    characters, elapsed_s = 0, 0.0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            text = (
                path.read_text(encoding="utf-8")
                if path.suffix == ".jsonl"
                else read_document(path).text
            )
        except (UnreadableError, UnicodeDecodeError):
            continue
        start = time.process_time()
        spans = detect(text)
        elapsed_s += time.process_time() - start
        characters += len(text)
        for span in spans:
            around = text[max(0, span.start - _AROUND) : span.end + _AROUND // 2]
            found[span.kind].append(f"{text[span.start : span.end]!r} in {around!r} ({path.name})")
    print(f"{characters:,} characters, {elapsed_s / max(characters, 1) * 1e7:.2f} ms for 10,000")  # noqa: T201 - a report
    chance = random.Random(1)  # noqa: S311 - samples, not secrets
    for kind, samples in sorted(found.items()):
        print(f"\n{kind}: {len(samples)}")  # noqa: T201 - a report
        for sample in chance.sample(samples, min(SAMPLES, len(samples))):
            print(f"  {sample}")  # noqa: T201 - a report


if __name__ == "__main__":
    main()
