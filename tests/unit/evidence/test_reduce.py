"""Reducing: what findings amount to, computed on the device."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from minions.evidence.reduce import reduce_findings

NAMES = {"a": "a.txt", "b": "b.txt", "c": "c.txt"}


@pytest.mark.parametrize(
    ("reduce", "summary"),
    [
        ("sum", "sum of 3 numbers: 21"),
        ("min", "min of 3 numbers: 4"),
        ("max", "max of 3 numbers: 12"),
        ("mean", "mean of 3 numbers: 7"),
        ("unique", "distinct: 12 1, 5 1, 4 1"),
        ("count", "count: 3 passages"),
        ("group", "12 (1): a.txt; 5 (1): b.txt; 4 (1): c.txt"),
        ("collect", ""),
    ],
)
def test_each_reduction_says_what_it_computed(make: Any, reduce: str, summary: str) -> None:
    """The planner reads results, not lists to add up."""
    findings = [
        make.finding("12", document="a", confidence=0.9),
        make.finding("5", document="b", confidence=0.8),
        make.finding("4", document="c", confidence=0.7),
    ]
    assert reduce_findings(make.task(reduce=reduce, output="number"), findings, NAMES).summary == summary


def test_documents_are_judged_once_by_the_weight_of_their_passages(make: Any) -> None:
    """A count over documents counts documents, whatever the number of their passages."""
    findings = [
        make.finding("yes", document="a", start=0, confidence=0.9),
        make.finding("no", document="a", start=50, confidence=0.4),
        make.finding("no", document="b", start=0, confidence=0.6),
        make.finding("no", document="b", start=50, confidence=0.6),
        make.finding("yes", document="b", start=90, confidence=0.9),
    ]
    task = make.task(output="yes_no", unit="document", reduce="count")
    reduction = reduce_findings(task, findings, NAMES)
    assert reduction.summary == "counted over 2 documents: yes 1, no 1"
    assert len(reduction.findings) == 2


def test_the_order_of_findings_does_not_matter(make: Any) -> None:
    """Jobs finish in any order; the reduction is the same."""
    findings = [make.finding(str(n), document=d, confidence=0.5) for n, d in enumerate("abc")]
    task = make.task(reduce="collect")
    results = {reduce_findings(task, order, NAMES) for order in permutations(findings)}
    assert len(results) == 1


def test_overlapping_evidence_is_kept_once(make: Any) -> None:
    """The same lines found twice go up once, with the surer answer."""
    surer = make.finding("12", quote="x" * 30, start=10, confidence=0.9)
    weaker = make.finding("11", quote="x" * 30, start=20, confidence=0.2, id="w")
    assert reduce_findings(make.task(), [weaker, surer], NAMES).findings == (surer,)


def test_a_task_without_numbers_says_so(make: Any) -> None:
    """A sum over words is not zero."""
    findings = [make.finding("several", quote="several")]
    assert reduce_findings(make.task(reduce="sum"), findings, NAMES).summary == "sum: no numbers found"


def test_a_passage_counts_once_however_many_lines_it_brought(make: Any) -> None:
    """A worker that pointed at two places gave one answer."""
    twice = [make.finding("7 million", start=n * 50, passage="doc:0", id=f"job.{n}") for n in range(2)]
    assert reduce_findings(make.task(reduce="sum"), twice, NAMES).summary == "sum of 1 numbers: 7000000"
    assert reduce_findings(make.task(reduce="count"), twice, NAMES).summary == "count: 1 passages"
    assert len(reduce_findings(make.task(reduce="collect"), twice, NAMES).findings) == 2


def test_samples_of_a_passage_vote(make: Any) -> None:
    """Asked three times, a passage gives the answer it gave most."""
    samples = [make.finding(answer, passage="doc:0", sample=n, id=f"s{n}") for n, answer in enumerate(["5", "6", "6"])]
    assert reduce_findings(make.task(reduce="sum"), samples, NAMES).summary == "sum of 1 numbers: 6"


def test_lists_are_counted_by_their_items(make: Any) -> None:
    """The order in which a list was written does not matter."""
    found = [make.finding("Alice, Bob", document="a"), make.finding("Bob, Alice", document="b")]
    task = make.task(reduce="unique", output="list")
    assert reduce_findings(task, found, NAMES).summary == "distinct: alice 2, bob 2"


def test_documents_of_the_same_name_are_two(make: Any) -> None:
    """A group counts documents, not names."""
    found = [make.finding("yes", document="a"), make.finding("yes", document="b")]
    task = make.task(reduce="group", output="yes_no")
    summary = reduce_findings(task, found, {"a": "filing.txt", "b": "filing.txt"}).summary
    assert summary.startswith("yes (2):")
