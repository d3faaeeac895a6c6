"""Intervals: honest about how little a few questions tell."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minions.evals.statistics import interval, paired

scores = st.lists(st.floats(0, 1), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None)
@given(scores)
def test_an_interval_lies_around_its_mean_and_within_the_scores(values: list[float]) -> None:
    """Low, mean and high are in order, none beyond the least and greatest score."""
    found = interval(values)
    assert found is not None
    assert min(values) - 1e-9 <= found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high <= max(values) + 1e-9


def test_the_same_scores_have_the_same_interval() -> None:
    """A report made again says the same."""
    values = [0.0, 1.0, 0.5, 1.0, 1.0]
    assert interval(values) == interval(list(values))


def test_more_questions_tell_more() -> None:
    """With the same share of right answers, the interval narrows as questions are added."""
    widths = [
        found.high - found.low for count in (4, 16, 64) if (found := interval([0.0, 1.0] * count))
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[2] < widths[0] / 3


def test_an_interval_is_about_as_wide_as_theory_has_it() -> None:
    """For 100 questions, half of them right, it is within a tenth of the normal approximation's 0.196."""
    found = interval([0.0, 1.0] * 50)
    assert found is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.05, rel=0.1)


def test_no_scores_have_no_interval() -> None:
    """Nothing asked is not the same as nothing right."""
    assert interval([]) is None


def test_protocols_are_compared_question_by_question() -> None:
    """Where each question gains as much, the difference is certain, however much the questions differ."""
    found = paired([0.0, 0.25, 0.5, 0.75], [0.25, 0.5, 0.75, 1.0])
    assert found == (0.25, 0.25, 0.25)


@settings(max_examples=40, deadline=None)
@given(scores)
def test_a_protocol_does_not_differ_from_itself(values: list[float]) -> None:
    """The difference is none, and surely none."""
    assert paired(values, values) == (0, 0, 0)


def test_only_the_same_questions_are_compared() -> None:
    """Scores of different lengths are a mistake, not a comparison."""
    with pytest.raises(ValueError, match="longer"):
        paired([1.0, 0.0], [1.0, 0.0, 1.0])
