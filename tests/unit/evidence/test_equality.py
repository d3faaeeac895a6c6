"""Which answers say the same, which findings are one, and when findings are in dispute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.evidence import equality
from minions.evidence.equality import disputed, merged, rivals, value_of

if TYPE_CHECKING:
    from minions.values.plans import Task


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("12.4 million", "$12,400,000"),
        ("USD 12.4m", "12.4 million"),
        ("about 30 days", "30 days"),
        ("The Harbour Company", "harbour company"),
        ("12 %", "12%"),
        ("(35)", "-35"),
        ("Yes.", "yes"),
        ("5 EUR", "\u20ac5"),
        ("a well-known firm", "well known firm"),
    ],
)
def test_the_same_in_other_words_is_the_same(make: Any, one: str, two: str) -> None:
    """However numbers are written, and whatever small words stand around them."""
    assert value_of(one, make.task()) == value_of(two, make.task())


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("12.4 million", "12.4 billion"),
        ("yes", "no"),
        ("35", "-35"),
        ("12 March 2021", "12 April 2021"),
        ("12%", "12"),
        ("not positive", "positive"),
        ("Acme", "Acme Holding"),
        ("AA+", "AA-"),
        ("AA", "AA-"),
        ("AA-", "A-"),
        ("C++", "C"),
        ("C#", "C"),
        ("type A", "type"),
        ("the", ""),
    ],
)
def test_other_values_are_other_values(make: Any, one: str, two: str) -> None:
    """A word or a sign makes the difference."""
    assert value_of(one, make.task()) != value_of(two, make.task())


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("31 December 2022", "2022-12-31"),
        ("December 31, 2022", "2022-12-31"),
        ("Dec. 31st 2022", "2022-12-31"),
        ("the 31st day of December, 2022", "2022-12-31"),
        ("2022-12-31", "2022-12-31"),
        ("on\nDecember  31 2022", "2022-12-31"),
        ("1 May 2022", "2022-05-01"),
        ("December 2022", "December of 2022"),
    ],
)
def test_a_date_is_the_same_however_it_is_written(make: Any, written: str, date: str) -> None:
    """Month in letters or year first; it was told as a conflict."""
    task = make.task(output="date")
    assert value_of(written, task) == value_of(date, task)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("31 December 2022", "30 December 2022"),
        ("31 December 2022", "31 December 2021"),
        ("31 December 2022", "31 November 2022"),
        ("31 December 2022", "December 2022"),
        ("December 2022", "2022"),
        ("3/4/2022", "4/3/2022"),
        ("2022", "2021"),
        ("within 30 days", "within 60 days"),
        ("it may not end", "it may end"),
        ("1 May 2022 to 31 May 2022", "1 May 2022 to 30 June 2022"),
        ("30 days after 1 May 2022", "1 May 2022"),
        ("May", "June"),
        ("the first day of the month", "the last day of the month"),
    ],
)
def test_other_dates_are_other_dates(make: Any, one: str, two: str) -> None:
    """A part makes the difference; what is no date is compared by its words."""
    task = make.task(output="date")
    assert value_of(one, task) != value_of(two, task)


def test_categories_are_the_options_word_for_word(make: Any) -> None:
    """They were given by the planner, so nothing in them is small."""
    task = make.task(output="category", options=("at risk", "risk"))
    assert value_of("at risk", task) != value_of("risk", task)
    assert value_of(" At  risk", task) == value_of("at risk", task)


def test_where_a_number_is_asked_for_its_words_do_not_count(make: Any) -> None:
    """The first number is the answer."""
    task = make.task(output="number")
    assert value_of("Net revenue was $12.4 million", task) == value_of("12.4 million", task)


def _both(
    make: Any, one: str | None, two: str | None, *, gap: int, passages: int = 2, documents: int = 1
) -> Any:
    first = make.finding(one, quote="x" * 20, passage="p0", id="1")
    document = "doc" if documents == 1 else "other"
    second = make.finding(
        two, quote="x" * 20, start=20 + gap, passage=f"p{passages - 1}", id="2", document=document
    )
    return merged([first, second], make.task())


def test_only_shared_lines_make_one_fact_of_two(make: Any) -> None:
    """The same value further on, or in another document, is another finding."""
    assert len(_both(make, "12", "12", gap=-5)) == 1
    assert len(_both(make, "12", "12", gap=0)) == 2
    assert len(_both(make, "12", "12", gap=-5, documents=2)) == 2


def test_other_answers_on_shared_lines_stay_but_for_one_passages(make: Any) -> None:
    """One passage read twice is no conflict of the documents; a finding without an answer adds nothing."""
    assert len(_both(make, "12", "13", gap=-5)) == 2
    assert len(_both(make, None, "13", gap=-5)) == 2
    assert len(_both(make, "12", None, gap=-5)) == 1
    assert len(_both(make, "12", "13", gap=-5, passages=1)) == 1


def test_findings_are_not_compared_each_with_each(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of readings of the same lines: ten thousand took minutes."""
    read: list[str] = []

    def reading(text: str, task: Task) -> str:
        read.append(text)
        return value_of(text, task)

    monkeypatch.setattr(equality, "value_of", reading)
    findings = [
        make.finding(str(n), quote="x" * 50, start=n % 100, passage=f"p{n}", id=f"i{n}")
        for n in range(300)
    ]
    assert merged(findings, make.task()) == findings
    assert len(read) == len(findings)


def test_long_findings_are_compared_wherever_they_begin(make: Any) -> None:
    """A finding of pages, and one line in the middle of it."""
    whole = make.finding("12", quote="x" * 50_000, passage="whole", id="1")
    line = make.finding("12", quote="x" * 20, start=30_000, passage="p", id="2")
    assert merged([whole, line], make.task()) == [whole]


def _found(make: Any, *answers: str, documents: str = "aaaa", **changes: Any) -> list[Any]:
    return [
        make.finding(answer, start=n * 100, document=document, **changes)
        for n, (answer, document) in enumerate(zip(answers, documents, strict=False))
    ]


@pytest.mark.parametrize(
    ("answers", "task", "values"),
    [
        (("5", "6", "5"), {"output": "number"}, 2),
        (("yes", "no"), {"output": "yes_no"}, 2),
        (("1 May", "2 May"), {"output": "date"}, 2),
        (("$5 million in all", "a total of 6 million"), {}, 2),
        (("$5 million in all", "a total of 5 million"), {}, 1),
        (("made of oak", "oak, brought from Riga"), {}, 0),
        (("1.5 of 2.5", "3.5 of 4.5"), {}, 0),
        (("5", "6"), {"output": "number", "reduce": "sum"}, 0),
        (("a, b", "b, c"), {"output": "list"}, 0),
        (("yes", "no"), {"output": "yes_no", "unit": "document"}, 0),
    ],
)
def test_only_what_can_be_compared_is_in_dispute(
    make: Any, answers: Any, task: Any, values: int
) -> None:
    """Numbers, dates, verdicts, single amounts; not sentences, lists, judgements or what is summed up."""
    assert len(rivals(_found(make, *answers), make.task(**task))) == values


def test_two_documents_may_both_be_right(make: Any) -> None:
    """Values of one document are in dispute, values of two differ."""
    task = make.task(output="number")
    assert disputed(_found(make, "5", "6"), task)
    assert not disputed(_found(make, "5", "6", documents="ab"), task)
    assert disputed(_found(make, "5", "5", "6", documents="abb"), task)
    assert not disputed(_found(make, "5", "5"), task)
