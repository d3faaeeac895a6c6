"""Numbered lines: what a worker points at is the document's own text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minions.evidence.lines import number_lines, point, split_lines


@given(st.text(alphabet=st.sampled_from("ab. A\n\t1é"), max_size=900))
def test_every_visible_character_stands_in_exactly_one_line(text: str) -> None:
    """Nothing a passage holds is hidden from the worker, and nothing is shown twice."""
    lines = split_lines(text)
    covered = [offset for line in lines for offset in range(line.start, line.end)]
    assert len(covered) == len(set(covered))
    assert {offset for offset, character in enumerate(text) if not character.isspace()} <= set(
        covered
    )


def test_blank_lines_take_no_number() -> None:
    """Numbers count lines that hold text, from 1."""
    text = "first\n\n  \nsecond\n"
    assert number_lines(text, split_lines(text)) == "1: first\n2: second"


def test_a_long_paragraph_is_numbered_by_sentences() -> None:
    """Pointing at a paragraph of one line stays precise."""
    text = " ".join(
        f"Sentence number {n} is here and says a little more than nothing at all."
        for n in range(10)
    )
    lines = split_lines(text)
    assert len(lines) >= 3
    assert all(text[line.end - 1] == "." for line in lines)


def test_pointing_joins_neighbours_and_keeps_the_order_of_the_text() -> None:
    """Lines 5, 1 and 2 are two pieces of evidence: 1-2, then 5."""
    text = "a\nb\nc\nd\ne"
    spans = point(split_lines(text), [5, 1, 2])
    assert [text[start:end] for start, end in spans] == ["a\nb", "e"]


def test_pointing_outside_the_passage_points_at_nothing() -> None:
    """A line that does not exist is not evidence."""
    assert point(split_lines("only one"), [0, 2, 99]) == []
