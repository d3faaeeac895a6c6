"""The digest: few tokens, the document's own lines, and only what the policy allows."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minions.evidence.digest import pack
from minions.evidence.digest_lines import Writer
from minions.evidence.reduce import Reduction, reduce_findings
from minions.text.tokens import estimate_tokens
from minions.values.plans import Reduce


def _pack(make: Any, findings: list[Any], **changes: Any) -> Any:
    task = make.task()
    reduction = Reduction(task_id=task.id, findings=tuple(findings))
    writer = Writer(changes.pop("names", {"doc": "report.pdf"}), changes.pop("policy", "findings"))
    covered = {"t1": "read 8 of 412 passages"}
    return pack([task], [reduction], covered, **{"writer": writer, "budget_tokens": 500, **changes})


def test_a_finding_carries_its_place_its_header_and_its_neighbours(make: Any) -> None:
    """A row of a table is readable without the table."""
    finding = make.finding(
        "12.4",
        quote="Net revenue 10.1 12.4",
        page=12,
        headings=("Report", "Results"),
        table_header="Item 2021 2022",
        before="Sales 11.0 13.0",
        after="Cost 3.0 4.1",
    )
    digest = _pack(make, [finding])
    row = "f1 12.4 | p.12, Report > Results: Item 2021 2022 / Sales 11.0 13.0 / Net revenue 10.1 12.4 / Cost 3.0 4.1"
    assert digest.text.splitlines() == [
        "t1 What was net revenue in 2022? (read 8 of 412 passages)",
        row,
    ]


def test_a_corpus_of_several_documents_names_them(make: Any) -> None:
    """The planner knows which document a line stands in."""
    digest = _pack(make, [make.finding("1")], names={"doc": "a.txt", "other": "b.txt"})
    assert "f1 1 | a.txt: It was 1." in digest.text


def test_strict_sends_answers_but_no_words_of_the_documents(make: Any) -> None:
    """Under policy strict neither quotes, headings nor names are sent."""
    finding = make.finding(
        "12",
        quote="SECRET",
        before="SECRET",
        after="SECRET",
        headings=("SECRET",),
        table_header="SECRET",
    )
    digest = _pack(make, [finding], policy="strict", names={"doc": "d1", "other": "d2"})
    assert "SECRET" not in digest.text + digest.gist
    assert "f1 12 | d1" in digest.text


def test_an_answer_of_any_length_takes_no_passage_up(make: Any) -> None:
    """A worker without a schema, or an old cached result, may hold a whole passage as its answer."""
    finding = make.finding(" ".join(f"word{number}" for number in range(500)), quote="SECRET")
    digest = _pack(make, [finding], policy="strict", budget_tokens=5_000)
    assert "word10 " in digest.text
    assert "word100" not in digest.text + digest.gist


def test_the_best_findings_fill_the_budget(make: Any) -> None:
    """What does not fit is counted, not cut."""
    findings = [
        make.finding(str(n), quote=f"number {n} " * 12, start=n * 1000, confidence=1 - n / 100)
        for n in range(40)
    ]
    digest = _pack(make, findings, budget_tokens=200)
    assert [finding.answer for finding in digest.findings] == [
        str(n) for n in range(len(digest.findings))
    ]
    assert estimate_tokens(digest.text) < 200 + 40
    assert f"({40 - len(digest.findings)} more left out)" in digest.text


def test_ids_continue_over_rounds_and_stand_in_order(make: Any) -> None:
    """A later round can cite an earlier round's finding: ids are never reused."""
    digest = _pack(make, [make.finding("1"), make.finding("2", start=50)], first_id=7)
    assert [finding.id for finding in digest.findings] == ["f7", "f8"]
    assert [finding.citation.id for finding in digest.findings] == ["f7", "f8"]
    assert digest.gist == "f7 1 | It was 1.; f8 2 | It was 2.; t1 (read 8 of 412 passages)"


def test_nothing_found_is_said_with_what_was_read(make: Any) -> None:
    """The planner can tell an absence from an unread corpus."""
    digest = _pack(make, [])
    assert digest.text == "t1 What was net revenue in 2022? (read 8 of 412 passages; nothing found)"


def test_lines_next_to_each_other_are_not_sent_twice(make: Any) -> None:
    """A finding beside one that is already shown is sent without the neighbours it shares."""
    row = make.finding(
        "12", quote="Net revenue 12", start=0, after="Cost 4", table_header="2022", confidence=0.9
    )
    below = make.finding(
        "4", quote="Cost 4", start=15, before="Net revenue 12", table_header="2022", confidence=0.8
    )
    text = _pack(make, [row, below]).text
    assert text.count("Net revenue 12") == 1
    assert text.count("2022 /") == 1


def test_weak_findings_stay_behind_a_strong_one(make: Any) -> None:
    """Three always go; more only when they are nearly as sure as the best."""
    looks = [0.9, 0.8, 0.5, 0.4, 0.35]
    findings = [
        make.finding(str(n), start=n * 100, confidence=look) for n, look in enumerate(looks)
    ]
    assert len(_pack(make, findings).findings) == 3
    close = [make.finding(str(n), start=n * 100, confidence=0.8) for n in range(5)]
    assert len(_pack(make, close).findings) == 5


def test_what_is_said_twenty_times_does_not_crowd_out_what_is_said_once(make: Any) -> None:
    """Long findings of one answer, as sure as the best, leave room for another answer; then they fill the page."""
    stuffed = [
        make.finding(
            "99 metres", quote=f"It is 99 metres, says {n}. " * 20, start=n * 1000, confidence=0.95
        )
        for n in range(20)
    ]
    right = make.finding(
        "41 metres", document="real", quote="The light is 41 metres tall. " * 20, confidence=0.8
    )
    digest = _pack(make, [*stuffed, right], budget_tokens=500)
    assert [finding.answer for finding in digest.findings] == ["99 metres", "41 metres"]
    assert "(19 more left out)" in digest.text
    unsure = right.model_copy(update={"confidence": 0.5})
    assert "41 metres" not in _pack(make, [*stuffed, unsure], budget_tokens=500).text


def test_one_tasks_repeats_crowd_out_no_other_tasks_answers(make: Any) -> None:
    """Values come before repeats over all tasks of a round."""
    tasks = [make.task(id="t1"), make.task(id="t2")]
    loud = [
        make.finding("99", quote="It is 99. " * 20, start=n * 1000, confidence=0.99)
        for n in range(9)
    ]
    calm = [
        make.finding(f"{n}", document="b", quote="It is so. " * 25, start=n * 999, confidence=0.5)
        for n in range(3)
    ]
    reductions = [
        Reduction(task_id="t1", findings=tuple(loud)),
        Reduction(task_id="t2", findings=tuple(calm)),
    ]
    covered = dict.fromkeys(("t1", "t2"), "read 9 of 9 passages")
    digest = pack(tasks, reductions, covered, writer=Writer({}, "findings"), budget_tokens=440)
    assert [finding.answer for finding in digest.findings if finding.answer != "99"] == [
        "0",
        "1",
        "2",
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(["12", "12.0", "13", "fourteen", "", None]), st.integers(1, 64)),
        max_size=12,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_where_there_is_room_findings_stand_by_confidence(
    make: Any, said: list[tuple[str | None, int]]
) -> None:
    """Whatever repeats what: the order of choosing tells only what is left out."""
    ranked = sorted(said, key=lambda one: -one[1])
    findings = [
        make.finding(answer, start=n * 100, confidence=look / 64)
        for n, (answer, look) in enumerate(ranked)
    ]
    sent = _pack(make, findings, budget_tokens=2_000).findings
    assert [finding.citation.start for finding in sent] == [n * 100 for n in range(len(sent))]
    least = 0.75 * max((look for _, look in said), default=0)
    assert len(sent) == max(min(3, len(said)), sum(look >= least for _, look in said))


def test_what_the_index_shows_is_marked_as_unread(make: Any) -> None:
    """Where no worker found anything, the index's lines can be cited, and nobody takes them for findings."""
    task = make.task(reduce="sum")
    unread = make.finding(None, quote="Net revenue 12", confidence=0.1)
    reduction = Reduction(
        task_id="t1", findings=(), summary="sum: no numbers found", unread=(unread,)
    )
    digest = pack(
        [task],
        [reduction],
        {"t1": "read 8 of 9 passages"},
        writer=Writer({}, "findings"),
        budget_tokens=300,
    )
    head, line = digest.text.splitlines()
    assert head.endswith("(read 8 of 9 passages; nothing found; the index's best lines, unread:)")
    assert line == "f1 ? | Net revenue 12"


def test_two_tasks_with_the_same_evidence_send_it_once(make: Any) -> None:
    """The second task points to the first one's finding."""
    tasks = [make.task(id="t1"), make.task("Another question", id="t2")]
    finding = make.finding("12")
    reductions = [Reduction(task_id=task.id, findings=(finding,)) for task in tasks]
    covered = {"t1": "read 1 of 1 passages", "t2": "read 1 of 1 passages"}
    digest = pack(tasks, reductions, covered, writer=Writer({}, "findings"), budget_tokens=300)
    assert digest.text.count("It was 12.") == 1
    assert digest.text.splitlines()[-1] == "see f1"


def _reduced(
    make: Any, found: list[Any], *, budget: int = 700, policy: Any = "findings", **task: Any
) -> Any:
    """The digest of a task's findings, reduced."""
    asked = make.task(**task)
    numbered = {"strict": "d{}"}.get(policy, "contract{}.txt")
    names = {finding.citation.document_id: numbered.format(n) for n, finding in enumerate(found, 1)}
    covered = {"t1": f"read 9 of 9 passages, judged {len(found)} of {len(found)} documents"}
    reduction = reduce_findings(asked, found, names)
    return pack([asked], [reduction], covered, writer=Writer(names, policy), budget_tokens=budget)


JUDGING: dict[str, Any] = {"output": "yes_no", "unit": "document"}


@pytest.mark.parametrize("reduce", ["count", "group"])
def test_five_hundred_judged_documents_are_one_small_table(make: Any, reduce: str) -> None:
    """The table, a few examples of each value to cite, the surest and the rarest, and how many were judged."""
    found = [
        make.finding("yes" if n % 5 else "no", document=f"c{n}", confidence=0.9 if n % 5 else 0.6)
        for n in range(500)
    ]
    digest = _reduced(make, found, reduce=reduce, **JUDGING)
    head = digest.text.splitlines()[0]
    assert "judged 500 of 500 documents" in head
    assert (
        ("yes 400, no 100" in head)
        if reduce == "count"
        else ("yes (400)" in head and "no (100)" in head)
    )
    answers = [finding.answer for finding in digest.findings]
    assert 1 <= answers.count("no") <= 3
    assert 1 <= answers.count("yes") <= 3
    assert digest.tokens <= 700
    assert digest.text.splitlines()[-1] == f"({500 - len(answers)} more left out)"


def test_a_group_names_what_fits_and_counts_the_rest(make: Any) -> None:
    """Those of "yes" first: they are what is asked for."""
    found = [make.finding("yes" if n < 20 else "no", document=f"c{n}") for n in range(300)]
    head = _reduced(make, found, reduce="group", **JUDGING).text.splitlines()[0]
    named = {int(number) for number in re.findall(r"contract(\d+)\.txt", head)}
    assert named >= set(range(1, 21))
    rest = re.search(r"no \(280\): .* and (\d+) more", head)
    assert rest
    assert 280 - int(rest[1]) == len(named) - 20


def test_values_beyond_the_budget_are_counted(make: Any) -> None:
    """Nobody takes a part of a table for the whole of it."""
    found = [make.finding(f"kind {n}", document=f"c{n}") for n in range(300)]
    head = _reduced(
        make, found, reduce="group", output="category", unit="document", budget=300
    ).text.splitlines()[0]
    rest = re.search(r"(\d+) more values", head)
    assert rest
    assert head.count("kind") + int(rest[1]) == 300


def test_under_strict_a_table_names_numbers(make: Any) -> None:
    """The policy holds for summaries, too."""
    found = [make.finding("yes", document=f"c{n}") for n in range(3)]
    text = _reduced(make, found, reduce="group", policy="strict", **JUDGING).text
    assert "yes (3): d1, d2, d3" in text
    assert "contract" not in text


@pytest.mark.parametrize("unit", ["chunk", "document"])
def test_the_largest_names_its_finding(make: Any, unit: str) -> None:
    """A maximum without its owner is half an answer; its finding is sent, however unsure."""
    found = [
        make.finding(f"{n} million", document=f"c{n}", confidence=1 - n / 20) for n in range(1, 15)
    ]
    digest = _reduced(make, found, reduce="max", output="number", unit=unit)
    largest = digest.findings[0]
    assert largest.answer == "14 million"
    assert f"max of 14 numbers: 14000000 ({largest.id})" in digest.text


def test_conflicts_are_told_with_the_findings_that_hold_each_value(make: Any) -> None:
    """Who agrees with whom stands in one line."""
    answers = ["12.4 million", "11 million", "$12,400,000"]
    found = [
        make.finding(answer, start=n * 100, confidence=0.9) for n, answer in enumerate(answers)
    ]
    head = _pack(make, found).text.splitlines()[0]
    assert head.endswith(
        "(read 8 of 412 passages; answers differ: 12.4 million (f1, f3), 11 million (f2))"
    )


def test_without_a_conflict_nothing_is_said_of_one(make: Any) -> None:
    """Neither where values agree, nor where one is much surer."""
    agree = [
        make.finding(answer, start=n * 100)
        for n, answer in enumerate(["12.4 million", "$12.4 million"])
    ]
    assert "differ" not in _pack(make, agree).text
    surer = [
        make.finding("12.4 million", confidence=0.9),
        make.finding("11 million", start=90, confidence=0.5),
    ]
    assert "differ" not in _pack(make, surer).text


def test_lines_nobody_read_stand_last_and_apart(make: Any) -> None:
    """Beside findings that do not suffice, as far as the budget goes."""
    found, unread = (
        make.finding("12", confidence=0.2),
        make.finding(None, quote="Net revenue 13", start=99),
    )
    reduction = Reduction(task_id="t1", findings=(found,), unread=(unread,))
    covered = {"t1": "read 8 of 9 passages"}
    digest = pack(
        [make.task()], [reduction], covered, writer=Writer({}, "findings"), budget_tokens=300
    )
    assert digest.text.splitlines()[1:] == [
        "f1 12 | It was 12.",
        "the index's best lines, unread:",
        "f2 ? | Net revenue 13",
    ]
    assert [finding.id for finding in digest.findings] == ["f1", "f2"]
    small = pack(
        [make.task()], [reduction], covered, writer=Writer({}, "findings"), budget_tokens=36
    )
    assert [finding.answer for finding in small.findings] == ["12"]


def test_what_later_rounds_see_says_what_was_read_and_what_was_not_found(make: Any) -> None:
    """A second plan does not ask again what was read, and asks in other words what was not found."""
    tasks = [
        make.task(id="t1"),
        make.task(id="t2"),
        make.task(id="t3", reduce="count", output="text"),
    ]
    counted = reduce_findings(tasks[2], [make.finding("a", document="x", confidence=0.1)], {})
    reductions = [
        Reduction(task_id="t1", findings=(make.finding("1"),)),
        Reduction(task_id="t2", findings=()),
        counted,
    ]
    covered = {
        "t1": "read 8 of 40 passages",
        "t2": "read 8 of 40 passages",
        "t3": "read 40 of 40 passages",
    }
    gist = pack(tasks, reductions, covered, writer=Writer({}, "findings"), budget_tokens=300).gist
    assert gist.split("; t1 ")[1].split("; t") == [
        "(read 8 of 40 passages)",
        "2 (read 8 of 40 passages; nothing found)",
        "3 (read 40 of 40 passages; count: 1 passages)",
    ]


@pytest.mark.parametrize("reduce", get_args(Reduce))
@given(count=st.integers(0, 400), budget=st.integers(200, 1500))
@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_no_digest_is_larger_than_its_budget(
    make: Any, reduce: str, count: int, budget: int
) -> None:
    """Four hundred findings cost what four do: lists are cut, weak findings stay behind."""
    task = make.task(reduce=reduce, output="text")
    found = [
        make.finding(f"answer number {n}", document=f"document{n}", confidence=0.5)
        for n in range(count)
    ]
    names = {f"document{n}": f"document{n}.txt" for n in range(count)}
    reduction = reduce_findings(task, found, names)
    digest = pack(
        [task],
        [reduction],
        {"t1": "read 9 of 9 passages"},
        writer=Writer(names, "findings"),
        budget_tokens=budget,
    )
    assert digest.tokens <= budget * 1.1 + 20
