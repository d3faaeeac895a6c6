"""Support: the line that holds the answer, where a worker pointed elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from minions.evidence.lines import split_lines
from minions.evidence.support import supporting_line, widen

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
def test_the_line_that_holds_the_answer_is_found(
    answer: str | None, pointed: list[int], better: int | None
) -> None:
    """An answer that stands elsewhere brings its own line; one that stands where the worker pointed, or nowhere,
    none.
    """
    assert supporting_line(answer, TEXT, split_lines(TEXT), pointed) == better


ROWS = "Client Computing\nDesktop 2,753 3,222\nNotebook 4,503 4,408\nOther 611 498\n7,867 8,128\nTotal 14,158"


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        (
            "It fell from 8,128 to 7,867.",
            "Desktop 2,753 3,222\nNotebook 4,503 4,408\nOther 611 498\n7,867 8,128",
        ),
        ("2,753", "Desktop 2,753 3,222"),
        ("Client Computing: 2,753", "Client Computing\nDesktop 2,753 3,222"),
        ("nothing of it", "Desktop 2,753 3,222"),
        ("", "Desktop 2,753 3,222"),
    ],
)
def test_a_citation_spans_the_lines_the_answer_rests_on(make: Any, answer: str, quote: str) -> None:
    """Where the planner read on below the line pointed at, the citation holds what it read, and no more."""
    row = "Desktop 2,753 3,222"
    finding = make.finding(quote=row, start=ROWS.index(row), context_end=len(ROWS))
    citation = widen(finding.model_copy(update={"context_end": len(ROWS)}), answer, ROWS)
    assert citation.quote == quote == ROWS[citation.start : citation.end]
