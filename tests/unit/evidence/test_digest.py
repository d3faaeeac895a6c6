"""The digest: few tokens, the document's own lines, and only what the policy allows."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minions.evidence.digest import pack
from minions.evidence.reduce import Reduction, reduce_findings
from minions.plans import Reduce
from minions.tokens import estimate_tokens


def _pack(make: Any, findings: list[Any], **changes: Any) -> Any:
    task = make.task()
    reduction = Reduction(task_id=task.id, findings=tuple(findings))
    values = {"names": {"doc": "report.pdf"}, "policy": "findings", "budget_tokens": 500}
    return pack([task], [reduction], {"t1": "read 8 of 412 passages"}, **{**values, **changes})


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
    assert digest.text.splitlines() == ["t1 What was net revenue in 2022? (read 8 of 412 passages)", row]


def test_a_corpus_of_several_documents_names_them(make: Any) -> None:
    """The planner knows which document a line stands in."""
    digest = _pack(make, [make.finding("1")], names={"doc": "a.txt", "other": "b.txt"})
    assert "f1 1 | a.txt: It was 1." in digest.text


def test_strict_sends_answers_but_no_words_of_the_documents(make: Any) -> None:
    """Under policy strict neither quotes, headings nor names go up."""
    finding = make.finding(
        "12", quote="SECRET", before="SECRET", after="SECRET", headings=("SECRET",), table_header="SECRET"
    )
    digest = _pack(make, [finding], policy="strict", names={"doc": "d1", "other": "d2"})
    assert "SECRET" not in digest.text + digest.gist
    assert "f1 12 | d1" in digest.text


def test_the_best_findings_fill_the_budget(make: Any) -> None:
    """What does not fit is counted, not cut."""
    findings = [
        make.finding(str(n), quote=f"number {n} " * 12, start=n * 1000, confidence=1 - n / 100) for n in range(40)
    ]
    digest = _pack(make, findings, budget_tokens=200)
    assert [finding.answer for finding in digest.findings] == [str(n) for n in range(len(digest.findings))]
    assert estimate_tokens(digest.text) < 200 + 40
    assert f"({40 - len(digest.findings)} more left out)" in digest.text


def test_ids_continue_over_rounds_and_stand_in_order(make: Any) -> None:
    """A later round can cite an earlier round's finding: ids are never reused."""
    digest = _pack(make, [make.finding("1"), make.finding("2", start=50)], first_id=7)
    assert [finding.id for finding in digest.findings] == ["f7", "f8"]
    assert [finding.citation.id for finding in digest.findings] == ["f7", "f8"]
    assert digest.gist == "f7 1 | It was 1.; f8 2 | It was 2."


def test_nothing_found_is_said_with_what_was_read(make: Any) -> None:
    """The planner can tell an absence from an unread corpus."""
    digest = _pack(make, [])
    assert digest.text == "t1 What was net revenue in 2022? (read 8 of 412 passages; nothing found)"


def test_lines_next_to_each_other_are_not_sent_twice(make: Any) -> None:
    """A finding beside one that is already shown goes up without the neighbours it shares."""
    row = make.finding("12", quote="Net revenue 12", start=0, after="Cost 4", table_header="2022", confidence=0.9)
    below = make.finding("4", quote="Cost 4", start=15, before="Net revenue 12", table_header="2022", confidence=0.8)
    text = _pack(make, [row, below]).text
    assert text.count("Net revenue 12") == 1
    assert text.count("2022 /") == 1


def test_weak_findings_stay_behind_a_strong_one(make: Any) -> None:
    """Three always go; more only when they are nearly as sure as the best."""
    looks = [0.9, 0.8, 0.5, 0.4, 0.35]
    findings = [make.finding(str(n), start=n * 100, confidence=look) for n, look in enumerate(looks)]
    assert len(_pack(make, findings).findings) == 3
    close = [make.finding(str(n), start=n * 100, confidence=0.8) for n in range(5)]
    assert len(_pack(make, close).findings) == 5


def test_what_the_index_shows_is_marked_as_unread(make: Any) -> None:
    """Where no worker found anything, the index's lines can be cited, and nobody takes them for findings."""
    task = make.task(reduce="sum")
    unread = make.finding(None, quote="Net revenue 12", confidence=0.1)
    reduction = Reduction(task_id="t1", findings=(), summary="sum: no numbers found", unread=(unread,))
    digest = pack([task], [reduction], {"t1": "read 8 of 9 passages"}, names={}, policy="findings", budget_tokens=300)
    head, line = digest.text.splitlines()
    assert head.endswith("(read 8 of 9 passages; nothing found; the index's best lines, unread:)")
    assert line == "f1 ? | Net revenue 12"


def test_two_tasks_with_the_same_evidence_send_it_once(make: Any) -> None:
    """The second task points to the first one's finding."""
    tasks = [make.task(id="t1"), make.task("Another question", id="t2")]
    finding = make.finding("12")
    reductions = [Reduction(task_id=task.id, findings=(finding,)) for task in tasks]
    covered = {"t1": "read 1 of 1 passages", "t2": "read 1 of 1 passages"}
    digest = pack(tasks, reductions, covered, names={}, policy="findings", budget_tokens=300)
    assert digest.text.count("It was 12.") == 1
    assert digest.text.splitlines()[-1] == "see f1"


@pytest.mark.parametrize("reduce", get_args(Reduce))
@given(count=st.integers(0, 400), budget=st.integers(200, 1500))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_digest_is_larger_than_its_budget(make: Any, reduce: str, count: int, budget: int) -> None:
    """Four hundred findings cost what four do: lists are cut, weak findings stay behind."""
    task = make.task(reduce=reduce, output="text")
    found = [make.finding(f"answer number {n}", document=f"document{n}", confidence=0.5) for n in range(count)]
    names = {f"document{n}": f"document{n}.txt" for n in range(count)}
    reduction = reduce_findings(task, found, names)
    digest = pack(
        [task], [reduction], {"t1": "read 9 of 9 passages"}, names=names, policy="findings", budget_tokens=budget
    )
    assert digest.tokens <= budget * 1.1 + 20
