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
        ("group", ""),
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
    assert (
        reduce_findings(make.task(reduce=reduce, output="number"), findings, NAMES).summary
        == summary
    )


def test_documents_are_judged_once_by_the_weight_of_their_passages(make: Any) -> None:
    """A count over documents counts documents, whatever the number of their passages."""
    findings = [
        make.finding("yes", document="a", start=0, confidence=0.9),
        make.finding("no", document="a", start=50, confidence=0.4),
        make.finding("no", document="b", start=0, confidence=0.6),
        make.finding("no", document="b", start=50, confidence=0.6),
        make.finding("yes", document="b", start=90, confidence=0.65),
    ]
    task = make.task(output="yes_no", unit="document", reduce="count")
    reduction = reduce_findings(task, findings, NAMES)
    assert reduction.summary == "counted over 2 documents: yes 1, no 1"
    assert len(reduction.findings) == 2


@pytest.mark.parametrize(
    ("options", "votes", "winner"),
    [
        ((), [("no", 0.95), ("yes", 0.51), ("yes", 0.51)], "no"),
        ((), [("no", 0.6), ("yes", 0.6), ("yes", 0.6)], "yes"),
        ((), [("no", 0.5), ("yes", 0.5), ("yes", 0.5)], "yes"),
        ((), [("no", 1.0), ("yes", 0.99), ("yes", 0.99)], "yes"),
        ((), [("no", 0.0), ("yes", 1.0)], "yes"),
        (("a", "b", "c", "d"), [("a", 0.8), ("b", 0.26), ("b", 0.26)], "a"),
        (("a", "b", "c", "d"), [("a", 0.5), ("b", 0.45), ("b", 0.45)], "b"),
        (("a",), [("a", 0.5)], "a"),
    ],
)
def test_the_pieces_of_a_document_weigh_by_how_much_better_than_a_guess_they_are(
    make: Any, options: tuple[str, ...], votes: list[tuple[str, float]], winner: str
) -> None:
    """Two guesses do not outvote a sure judgement; equal ones are counted, and none is sure beyond measure."""
    task = make.task(
        output="category" if options else "yes_no", options=options, unit="document", reduce="group"
    )
    findings = [
        make.finding(said, start=100 * n, confidence=sure) for n, (said, sure) in enumerate(votes)
    ]
    assert [group.value for group in reduce_findings(task, findings, NAMES).groups] == [winner]


def test_pieces_that_cite_one_line_are_two_judgements(make: Any) -> None:
    """Pieces overlap, and the line cited is only the closest: each piece was judged for itself."""
    yes = [make.finding("yes", passage=f"p{n}", id=f"y{n}", confidence=0.8) for n in range(2)]
    no = make.finding("no", passage="p2", id="n", start=900, confidence=0.85)
    task = make.task(output="yes_no", unit="document", reduce="group")
    assert [group.value for group in reduce_findings(task, [*yes, no], NAMES).groups] == ["yes"]


def test_the_order_of_findings_does_not_matter(make: Any) -> None:
    """Jobs finish in any order; the reduction is the same."""
    findings = [make.finding(str(n), document=d, confidence=0.5) for n, d in enumerate("abc")]
    task = make.task(reduce="collect")
    results = {reduce_findings(task, order, NAMES) for order in permutations(findings)}
    assert len(results) == 1


def test_lines_of_one_passage_are_kept_once(make: Any) -> None:
    """The same lines found twice are sent once, with the surer answer."""
    surer = make.finding("12", quote="x" * 30, start=10, confidence=0.9, passage="doc:0")
    weaker = make.finding("11", quote="x" * 30, start=20, confidence=0.2, id="w", passage="doc:0")
    assert reduce_findings(make.task(), [weaker, surer], NAMES).findings == (surer,)


def _shared(make: Any, answer: str, number: int) -> Any:
    """One of two passages that share a line."""
    passage = f"doc:{number}"
    return make.finding(
        answer,
        quote="x" * 30,
        start=10 + number,
        passage=passage,
        id=passage,
        confidence=1 - number / 10,
    )


@pytest.mark.parametrize(
    ("reduce", "summary"),
    [
        ("sum", "sum of 1 numbers: 12400000"),
        ("mean", "mean of 1 numbers: 12400000"),
        ("max", "max of 1 numbers: 12400000"),
        ("count", "count: 1 passages"),
        ("unique", "distinct: 12.4 million 1"),
        ("vote", "votes: 12.4 million 1"),
        ("collect", ""),
    ],
)
def test_a_fact_that_two_passages_share_counts_once(make: Any, reduce: str, summary: str) -> None:
    """Chunks that overlap bring up the same lines, with the same number in other words."""
    found = [_shared(make, "12.4 million", 0), _shared(make, "$12,400,000", 1)]
    reduction = reduce_findings(make.task(reduce=reduce, output="number"), found, NAMES)
    assert reduction.summary == summary
    assert len(reduction.findings) == 1


def test_lines_that_two_passages_read_differently_stay_twice(make: Any) -> None:
    """A conflict is for the planner to see, not for the device to hide."""
    found = [_shared(make, "12.4 million", 0), _shared(make, "11 million", 1)]
    assert len(reduce_findings(make.task(), found, NAMES).findings) == 2
    assert reduce_findings(make.task(reduce="count"), found, NAMES).summary == "count: 2 passages"


@pytest.mark.parametrize(
    ("reduce", "named"), [("min", "c"), ("max", "b"), ("sum", None), ("mean", None)]
)
def test_the_extreme_is_named_and_stands_first(make: Any, reduce: str, named: str | None) -> None:
    """Who asks for the largest wants to know whose it is, however unsure its finding."""
    found = [
        make.finding("5 million", document="a", confidence=0.9),
        make.finding("12 million", document="b", confidence=0.2),
        make.finding("400,000", document="c", confidence=0.3),
    ]
    reduction = reduce_findings(make.task(reduce=reduce, output="number"), found, NAMES)
    assert reduction.extreme == (f"{named}-0" if named else None)
    assert reduction.findings[0].citation.document_id == (named or "a")


def test_values_are_counted_however_they_are_written(make: Any) -> None:
    """Under the words of the surest finding."""
    answers = ["$12.4 million", "12.4 MILLION", "11 million"]
    found = [
        make.finding(answer, document=d, confidence=0.9 - n / 10)
        for n, (answer, d) in enumerate(zip(answers, "abc", strict=True))
    ]
    assert (
        reduce_findings(make.task(reduce="unique"), found, NAMES).summary
        == "distinct: $12.4 million 2, 11 million 1"
    )


@pytest.mark.parametrize(
    ("numbers", "mean"),
    [
        (("12,345,678", "12,345,679"), "12345678.5"),
        (("1", "1", "2"), "1.33333"),
        (("1,000,000", "1,000,000", "1,000,001"), "1000000.33"),
        (("0.0001", "0.0002", "0.0002"), "0.000166667"),
        (("-3", "-3", "-4"), "-3.33333"),
        (("0", "0"), "0"),
        (("9" * 40, "9" * 40), None),
    ],
)
def test_a_mean_is_rounded_behind_its_units(
    make: Any, numbers: tuple[str, ...], mean: str | None
) -> None:
    """Six digits of twelve million would be a hundred off."""
    findings = [make.finding(number, document=f"d{n}") for n, number in enumerate(numbers)]
    summary = reduce_findings(make.task(reduce="mean", output="number"), findings, {}).summary
    assert summary.startswith(f"mean of {len(numbers)} numbers: ")
    assert mean is None or summary.endswith(f": {mean}")


def test_a_task_without_numbers_says_so(make: Any) -> None:
    """A sum over words is not zero."""
    findings = [make.finding("several", quote="several")]
    assert (
        reduce_findings(make.task(reduce="sum"), findings, NAMES).summary == "sum: no numbers found"
    )


def test_a_passage_counts_once_however_many_lines_it_brought(make: Any) -> None:
    """A worker that pointed at two places gave one answer."""
    twice = [
        make.finding("7 million", start=n * 50, passage="doc:0", id=f"job.{n}") for n in range(2)
    ]
    assert (
        reduce_findings(make.task(reduce="sum"), twice, NAMES).summary
        == "sum of 1 numbers: 7000000"
    )
    assert reduce_findings(make.task(reduce="count"), twice, NAMES).summary == "count: 1 passages"
    assert len(reduce_findings(make.task(reduce="collect"), twice, NAMES).findings) == 2


def test_samples_of_a_passage_vote(make: Any) -> None:
    """Asked three times, a passage gives the answer it gave most."""
    samples = [
        make.finding(answer, passage="doc:0", sample=n, id=f"s{n}")
        for n, answer in enumerate(["5", "6", "6"])
    ]
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
    (group,) = reduce_findings(task, found, {"a": "filing.txt", "b": "filing.txt"}).groups
    assert (group.value, group.members) == ("yes", ("filing.txt", "filing.txt"))


def test_groups_are_documents_by_value_the_largest_first(make: Any) -> None:
    """Each document stands under the name that is sent for it."""
    found = [
        make.finding(answer, document=d)
        for answer, d in zip(["no", "yes", "yes"], "abc", strict=True)
    ]
    groups = reduce_findings(
        make.task(reduce="group", output="yes_no", unit="document"), found, NAMES
    ).groups
    assert [(group.value, group.members) for group in groups] == [
        ("yes", ("b.txt", "c.txt")),
        ("no", ("a.txt",)),
    ]


@pytest.mark.parametrize(
    ("unit", "reduce", "values", "each"),
    [
        ("document", "group", 2, 3),
        ("document", "count", 1, 3),
        ("document", "count", 5, 1),
        ("document", "count", 40, 1),
        ("document", "sum", 40, 3),
        ("document", "collect", 2, None),
        ("chunk", "count", 2, None),
    ],
)
def test_a_summary_of_documents_takes_few_examples(
    make: Any, unit: str, reduce: str, values: int, each: Any
) -> None:
    """At most three of a value; one of each where there are many."""
    found = [make.finding(f"kind {n}", document=f"d{n}") for n in range(values)]
    assert (
        reduce_findings(
            make.task(unit=unit, reduce=reduce, output="category"), found, NAMES
        ).exemplary
        == each
    )
