"""What surrounds a finding: its neighbours, its table's header, and the page it is really on."""

from __future__ import annotations

from typing import Any

from minions.evidence.finding import best_window, find
from minions.evidence.grounding import Location

TABLE = "| Item | 2021 | 2022 |\n| --- | --- | --- |\n| Sales | 11 | 13 |\n| Net revenue | 10 | 12 |\n| Cost | 3 | 4 |\n"  # noqa: E501 - a string as it is


def _find(make: Any, text: str, quote: str, **chunk: Any) -> Any:
    job = make.job(text).model_copy(update={"chunk": make.chunk(text, **chunk)})
    start = text.index(quote)
    return find(job, Location(start, start + len(quote), "exact", 1.0), answer="12", confidence=0.9)


def test_a_row_comes_with_the_header_of_its_table(make: Any) -> None:
    """The planner knows which column is which year."""
    finding = _find(make, f"Results\n\n{TABLE}", "| Net revenue | 10 | 12 |")
    assert finding.table_header.startswith("| Item | 2021 | 2022 |")
    assert (finding.before, finding.after) == ("| Sales | 11 | 13 |", "| Cost | 3 | 4 |")


def test_the_rows_of_a_cut_table_keep_the_header_of_its_beginning(make: Any) -> None:
    """A table that a chunk border cut in two stays readable."""
    rows = "| Net revenue | 10 | 12 |\n| Cost | 3 | 4 |\n"
    header = "| Item | 2021 | 2022 |"
    assert _find(make, rows, "| Cost | 3 | 4 |", table_header=header).table_header == header


def test_prose_after_a_table_has_no_header(make: Any) -> None:
    """A sentence is not a row."""
    assert (
        _find(
            make, f"{TABLE}\nRevenue rose to 12 in all.\n", "Revenue rose to 12 in all."
        ).table_header
        is None
    )


def test_offsets_are_the_documents(make: Any) -> None:
    """A chunk in the middle of a document cites the document's offsets."""
    finding = _find(make, "alpha beta", "beta", start=1000)
    assert (finding.citation.start, finding.citation.end) == (1006, 1010)


def test_the_best_window_shares_most_words_with_the_phrases(make: Any) -> None:
    """Where the workers found nothing, the planner sees the lines that the index would show."""
    chunk = make.chunk("nothing here\nnor here\nthe harbour fee\nwas raised in May\nend of it\n")
    start, end = best_window(chunk, ["harbour fee raised"])
    assert "the harbour fee\nwas raised in May" in chunk.text[start:end]


def test_the_nearest_heading_is_the_findings(make: Any) -> None:
    """A finding in the middle of a chunk stands under the heading above it, not under the chunk's."""
    text = "## Foreword\n\nGood.\n\n## Results\n\n### Revenue\n\nNet revenue was 12.\n\n## Staff\n\nForty.\n"
    finding = _find(make, text, "Net revenue was 12.", headings=("Annual report", "Foreword"))
    assert finding.headings == ("Annual report", "Results", "Revenue")
    assert _find(
        make, "Plain text.", "Plain text.", headings=("Annual report", "Foreword")
    ).headings == (
        "Annual report",
        "Foreword",
    )
