"""Chunks: they tile the document, respect the limit, and follow its structure."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.corpus.chunking import chunk_document
from minions.text.tokens import estimate_tokens
from minions.values.documents import Chunk, Document, Heading, Page

LINES = (
    "# Title",
    "## 2.1 Supply",
    "ARTICLE IV",
    "The supplier delivers within 30 days. It may deliver in parts! Or not?",
    "",
    "| name | price |",
    "|---|---|",
    "| nut | 1.20 |",
    "Net revenue $ 11.7 $ 18.4",
    "Gross margin 34.2% 50.4%",
    "(In Millions) 2023 2022",
    "```",
    "- an item",
    "Underlined",
    "======",
    "\tindented(code)",
    "e\u0301 \U0001f468\u200d\U0001f469 \r",
)


def _document(text: str, **fields: Any) -> Document:
    return Document(id="d0c", path="a.txt", title="A", text=text, **fields)


def _chunks(text: str, max_tokens: int, **fields: Any) -> list[Chunk]:
    return chunk_document(_document(text, **fields), max_tokens=max_tokens)


def _assert_tiles(chunks: list[Chunk], text: str, max_tokens: int) -> None:
    assert "".join(chunk.text for chunk in chunks) == text
    assert [chunk.start for chunk in chunks] == [0, *(chunk.end for chunk in chunks)][: len(chunks)]
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] != ""
        assert chunk.tokens == estimate_tokens(chunk.text)
        assert chunk.tokens <= max_tokens or len(chunk.text) == 1


@given(st.text(st.characters()), st.integers(1, 60))
def test_chunks_tile_any_text(text: str, max_tokens: int) -> None:
    """No character is lost or read twice, and no chunk is larger than asked, whatever the text."""
    _assert_tiles(_chunks(text, max_tokens), text, max_tokens)


@given(
    st.lists(st.sampled_from(LINES), max_size=60),
    st.integers(1, 80),
    st.sampled_from(
        ["text/plain", "text/markdown", "text/x-source", "application/x-ndjson", "application/pdf"]
    ),
    st.lists(st.integers(0, 800), max_size=4),
)
def test_chunks_tile_structured_texts(
    lines: list[str], max_tokens: int, media_type: str, page_starts: list[int]
) -> None:
    """The same with headings, tables, code and pages in any disorder."""
    text = "\n".join(lines)
    starts = sorted({0, *(start for start in page_starts if start < len(text))})
    ends = [*starts[1:], len(text)]
    pages = tuple(
        Page(number=n, start=s, end=e) for n, (s, e) in enumerate(zip(starts, ends, strict=True), 1)
    )
    _assert_tiles(_chunks(text, max_tokens, media_type=media_type, pages=pages), text, max_tokens)


@pytest.mark.parametrize(
    "text", ["a" * 300_000, "word " * 60_000, " " * 300_000, "1" * 100_000, "中" * 100_000]
)
def test_a_line_without_end_is_cut_all_the_same(text: str) -> None:
    """A megabyte on one line becomes chunks within the limit."""
    _assert_tiles(_chunks(text, 500), text, 500)


def test_an_empty_text_has_no_chunks_and_a_short_one_has_one() -> None:
    """Small documents stay whole."""
    assert _chunks("", 10) == []
    assert [chunk.text for chunk in _chunks("# A\n\nshort\n", 10)] == ["# A\n\nshort\n"]


def test_a_limit_of_nothing_is_refused() -> None:
    """A chunk size below one token is a mistake of the caller's, said at once."""
    with pytest.raises(ValueError, match="at least one token"):
        _chunks("text", 0)


def test_chunks_begin_at_headings_and_know_those_above() -> None:
    """A chunk is a section where sections fit, and carries its breadcrumb, outermost first."""
    body = "The goods are delivered to the warehouse of the buyer. " * 4
    text = f"# Contract\n\n{body}\n\n## Supply\n\n{body}\n\n## Price\n\n{body}\n"
    chunks = _chunks(text, 70, media_type="text/markdown")
    assert [chunk.text.split("\n")[0] for chunk in chunks] == [
        "# Contract",
        "## Supply",
        "## Price",
    ]
    assert [chunk.headings for chunk in chunks] == [
        ("Contract",),
        ("Contract", "Supply"),
        ("Contract", "Price"),
    ]


def test_the_readers_outline_wins_over_guesses() -> None:
    """Capitals in the text are not taken for a heading in a document that comes with an outline."""
    body = "all work and no play makes for dull reading. " * 5
    text = f"Intro\n\n{body}\n\nLOUD WORDS\n\n{body}\n"
    chunks = _chunks(text, 70, outline=(Heading(level=1, text="Intro", start=0),))
    assert len(chunks) > 1
    assert {chunk.headings for chunk in chunks} == {("Intro",)}


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("ARTICLE IV", "ARTICLE IV"),
        ("2.1 Supply", "2.1 Supply"),
        ("3. Grant of Rights. The owner grants all rights.", "3 Grant of Rights"),
        ("TERM AND TERMINATION", "TERM AND TERMINATION"),
        ("Note 7 : Investments", "Note 7 : Investments"),
        ("Underlined\n==========", "Underlined"),
    ],
)
def test_plain_text_headings_are_found(line: str, title: str) -> None:
    """Contracts and reports have breadcrumbs though they are plain text."""
    body = "the parties agree on what follows and on nothing else at all. " * 6
    chunks = _chunks(f"{body}\n\n{line}\n\n{body}\n", 100)
    assert [chunk.headings for chunk in chunks] == [(), (title,)]


def test_a_heading_stays_with_what_it_heads() -> None:
    """No chunk ends in a heading whose text is in the next one."""
    body = "some words of the section stand here. " * 8
    text = "".join(f"## Part {number}\n\n{body}\n\n" for number in range(9))
    for chunk in _chunks(text, 100, media_type="text/markdown"):
        assert not chunk.text.rstrip().splitlines()[-1].startswith("#")


def test_a_table_that_fits_is_not_cut() -> None:
    """Rows that belong together are read together, at the price of a shorter chunk before them."""
    table = "| item | price |\n|---|---|\n" + "| nut | 1.20 |\n" * 6
    text = "Words before the table are many. " * 12 + "\n\n" + table + "\n" + "Words after. " * 30
    assert any(table in chunk.text for chunk in _chunks(text, 130, media_type="text/markdown"))


def test_a_large_table_is_cut_between_rows_and_keeps_its_header() -> None:
    """A worker that sees the middle of a table is told what its columns are."""
    rows = [f"| item {number} | {number}.20 | in stock |\n" for number in range(60)]
    text = "| name | price | state |\n|---|---|---|\n" + "".join(rows)
    first, *others = _chunks(text, 90, media_type="text/markdown")
    assert first.table_header is None
    assert others
    for chunk in others:
        assert chunk.table_header == "| name | price | state |"
        assert chunk.text.startswith("| item")
        assert chunk.text.endswith("|\n")


def test_numeric_rows_of_a_pdf_are_a_table_with_the_lines_above_as_header() -> None:
    """Reports come as bare lines; their rows keep the column heads all the same."""
    rows = [f"Line item {number} $ 1,{number:03} $ 2,{number:03}\n" for number in range(40)]
    prose = "The following table shows what was sold in both years.\n"
    text = prose + "Three Months Ended\n(In Millions) Apr 1, 2023 Apr 2, 2022\n" + "".join(rows)
    chunks = _chunks(text, 150, media_type="application/pdf")
    assert len(chunks) > 2
    for chunk in chunks[1:]:
        assert chunk.table_header == "Three Months Ended\n(In Millions) Apr 1, 2023 Apr 2, 2022"
        assert chunk.text.startswith("Line item")


@pytest.mark.parametrize(
    "caption",
    [
        "Revenue of each segment was as follows:\nThree Months Ended Nine Months Ended\n",
        "TABLE VI: what each segment earned in the period\nThree Months Ended Nine Months Ended\n",
        "Consolidated Statements of Cash Flows\nThree Months Ended Nine Months Ended\n",
    ],
)
def test_a_table_keeps_what_stands_above_its_head(caption: str) -> None:
    """The lines above the column heads, with the table's name and periods, belong to its head."""
    head = caption + "(In Millions) Apr 1, 2023 Apr 2, 2022\nNet revenue:\nClient Computing\n"
    rows = "".join(f"Line item {number} $ 1,{number:03} $ 2,{number:03}\n" for number in range(60))
    chunks = _chunks(
        "We were told of this in the report, as it is known.\n" * 12 + head + rows, 250
    )
    (first,) = (chunk for chunk in chunks if "Client Computing" in chunk.text)
    assert head in first.text
    assert {chunk.table_header for chunk in chunks if chunk.index > first.index} == {head.strip()}


def test_prose_above_a_head_is_none_of_it() -> None:
    """The lines of a sentence that ends above a table are not repeated with its rows."""
    head = "Three Months Ended\n(In Millions) Apr 1, 2023 Apr 2, 2022\nClient Computing\n"
    rows = "".join(f"Line item {number} $ 1,{number:03} $ 2,{number:03}\n" for number in range(60))
    _, *later = _chunks(
        "and so it was that we sold\nmore of these than of others\n" + head + rows, 250
    )
    assert {chunk.table_header for chunk in later} == {head.strip()}


def test_rows_with_long_labels_do_not_end_a_table() -> None:
    """The sum under a part of a table has a label of a line's length; the rows below it keep the column heads."""
    head = "Nine Months Ended\n(In Millions; Unaudited) Oct 1, 2022 Sep 25, 2021\n"
    rows = [f"Line item {number} 1,{number:03} 2,{number:03}\n" for number in range(60)]
    rows[30:30] = [
        "Net cash that was provided by all of our operating activities $ 7,730 $ 24,053\n",
        "Adjustments that reconcile net income to the net cash of all investing activities:\n",
    ]
    _, *later = _chunks(head + "".join(rows), 250)
    assert len(later) > 2
    assert {chunk.table_header for chunk in later} == {head.strip()}


def test_prose_that_ends_in_a_date_is_no_row() -> None:
    """A line of a sentence may end in a year: it makes no table, and what comes after has no head."""
    prose = "We have received the fine\nas is told in the report of October 29, 2023\nand in that of December 31, 2022\n"  # noqa: E501 - a string as it is
    assert {chunk.table_header for chunk in _chunks(prose * 40, 100)} == {None}


def test_long_paragraphs_are_cut_at_sentences_then_words() -> None:
    """A cut never falls into a word where there is white space to cut at."""
    sentences = "".join(f"Sentence number {number} says little. " for number in range(60))
    chunks = _chunks(sentences, 60)
    assert all(chunk.text.endswith(". ") for chunk in chunks)
    words = _chunks("word " * 400, 60)
    assert all(chunk.text.startswith("word") and chunk.text.endswith("word ") for chunk in words)


def test_records_and_definitions_stay_whole() -> None:
    """A JSONL record or a function is not cut while it fits."""
    records = "".join(
        f'{{"id": {number}, "text": "a record of some length"}}\n' for number in range(40)
    )
    assert all(
        chunk.text.endswith("}\n")
        for chunk in _chunks(records, 80, media_type="application/x-ndjson")
    )
    code = "".join(f"def f{number}(x):\n\n    return x + {number}\n\n\n" for number in range(40))
    assert all(
        chunk.text.startswith("def ") for chunk in _chunks(code, 60, media_type="text/x-source")
    )


def test_chunks_know_their_page() -> None:
    """A citation can name the page on which its chunk starts."""
    text = "words of page one. " * 20 + "\n" + "words of page two. " * 20 + "\n"
    middle = len(text) // 2
    pages = (Page(number=1, start=0, end=middle), Page(number=2, start=middle, end=len(text)))
    chunks = _chunks(text, 60, pages=pages)
    assert {chunk.page for chunk in chunks} == {1, 2}
    assert [chunk.page for chunk in chunks] == [
        1 if chunk.start < middle else 2 for chunk in chunks
    ]


def test_combined_characters_are_not_torn() -> None:
    """An accent stays with its letter even where the text must be cut anywhere."""
    chunks = _chunks("e\u0301" * 500, 20)
    assert len(chunks) > 5
    assert all(chunk.text[0] == "e" for chunk in chunks)


def test_headings_of_chunks_hold_nothing_unseen() -> None:
    """A heading with an escape sequence or a character that turns the direction of writing goes along without it, the
    text as it stands.
    """
    text = "# Net \x1b[31mrevenue\u202e\n\n" + "It rose in every quarter of the year.\n" * 20
    last = _chunks(text, 60)[-1]
    assert last.headings == ("Net [31mrevenue",)
    assert "".join(chunk.text for chunk in _chunks(text, 60)) == text
