"""Support: the line that holds the answer, where a worker pointed elsewhere."""

from __future__ import annotations

import pytest

from minions.evidence.lines import split_lines
from minions.evidence.support import supporting_line

TEXT = (
    "Definitions\nThe seller warrants for one (1) year from delivery.\n"
    "No other warranty is given.\nFees: 12,400 dollars."
)


@pytest.mark.parametrize(
    ("answer", "pointed", "better"),
    [
        ("1 year", [3], 2),
        ("12,400 dollars", [1], 4),
        ("12,400 dollars", [4], None),
        ("1 year", [2, 3], None),
        ("yes", [1], None),
        (None, [1], None),
        ("42 years of age", [1], None),
    ],
)
def test_the_line_that_holds_the_answer_is_found(answer: str | None, pointed: list[int], better: int | None) -> None:
    """An answer that stands elsewhere brings its own line; one that stands where the worker pointed, or nowhere,
    none.
    """
    assert supporting_line(answer, TEXT, split_lines(TEXT), pointed) == better
