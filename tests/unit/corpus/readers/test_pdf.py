"""Reading PDF."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from minions.corpus.readers import read_document
from minions.corpus.readers.pdf import _whole_words
from minions.errors import UnreadableError
from tests.pages import pdf

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPT = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{'41' * 32}> /U <{'42' * 32}> /P -4 >> /ID [<00> <00>]"


def written(folder: Path, data: bytes, name: str = "a.pdf") -> Path:
    """The path of a file with this content."""
    (folder / name).write_bytes(data)
    return folder / name


def test_pages_tile_the_text(tmp_path: Path) -> None:
    """Each page's span holds its words, a page without text has one too, and together they are the whole text."""
    data = pdf(
        [[(50, 700, "First page")], [], [(50, 700, "Third"), (50, 680, "line")]], title="A Title"
    )
    document = read_document(written(tmp_path, data))
    assert [document.text[page.start : page.end] for page in document.pages] == [
        "First page\n\n",
        "\n\n",
        "Third\nline\n",
    ]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert (document.title, document.media_type) == ("A Title", "application/pdf")


def test_the_cells_of_a_table_row_stay_on_their_line(tmp_path: Path) -> None:
    """A row's label and numbers are drawn far apart, and read on one line."""
    rows = [("Net revenue", "14,158", "15,338"), ("Cost of sales", "8,140", "8,803")]
    drawn = [
        (x, 700 - 20 * line, cell)
        for line, row in enumerate(rows)
        for x, cell in zip((50, 400, 500), row, strict=True)
    ]
    text = read_document(written(tmp_path, pdf([drawn]))).text
    assert text == "Net revenue 14,158 15,338\nCost of sales 8,140 8,803\n"


def test_two_columns_are_not_interleaved(tmp_path: Path) -> None:
    """A column is read to its end before the next begins."""
    left = [(50, 700 - 12 * line, f"left words number {line}") for line in range(5)]
    right = [(320, 700 - 12 * line, f"right words number {line}") for line in range(5)]
    lines = read_document(written(tmp_path, pdf([[*left, *right]]))).text.splitlines()
    assert [line.split()[0] for line in lines] == ["left"] * 5 + ["right"] * 5


def test_words_cut_at_a_line_end_are_whole(tmp_path: Path) -> None:
    """A hyphenated word can be found, and a word that has a hyphen of its own keeps it."""
    drawn = [
        (50, 700, "the perfor-"),
        (50, 688, "mance of non-"),
        (50, 676, "GAAP numbers and short-"),
        (50, 664, "term short-term debt"),
    ]
    text = read_document(written(tmp_path, pdf([drawn]))).text
    assert "performance" in text
    assert "non-GAAP" in text
    assert text.count("short-term") == 2


def test_bookmarks_are_the_outline(tmp_path: Path) -> None:
    """A bookmark stands at the line of its page that shows it, whatever number it carries."""
    data = pdf(
        [
            [(50, 700, "Cover")],
            [(50, 700, "Running head"), (50, 650, "II. RISK FACTORS"), (50, 630, "x")],
        ],
        bookmark="2 Risk factors",
    )
    document = read_document(written(tmp_path, data))
    (heading,) = document.outline
    assert (heading.level, heading.text) == (1, "2 Risk factors")
    assert document.text[heading.start :].startswith("II. RISK FACTORS")


@pytest.mark.parametrize("title", ["", "Untitled", "Microsoft Word - draft.doc", "report.indd"])
def test_a_title_that_a_program_made_up_is_not_one(tmp_path: Path, title: str) -> None:
    """Without a real title a PDF goes by its file name."""
    assert read_document(written(tmp_path, pdf([[(50, 700, "x")]], title=title))).title == "a.pdf"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pdf([[], []]), "PDF has no text layer: run OCR first (for example ocrmypdf)"),
        (
            pdf([[(50, 700, "x")]], trailer=ENCRYPT),
            "PDF is encrypted: decrypt it first (for example qpdf --decrypt)",
        ),
        (b"%PDF-1.4\nnothing of the kind", "PDF is broken: it cannot be opened"),
        (b"<html>saved by mistake</html>", "PDF is broken: it does not begin like one"),
    ],
)
def test_a_pdf_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    """Pictures, passwords and broken files are told apart."""
    with pytest.raises(UnreadableError) as caught:
        read_document(written(tmp_path, data))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "a" + " " * 10**6 + "b", "a-" * 500_000, "a\ufffe" * 300_000]
)
def test_a_page_of_one_word_or_of_blanks_takes_a_moment(text: str) -> None:
    """A page that holds a key of a megabyte, or nothing but blanks, is cleaned in the time that its length takes."""
    started = time.perf_counter()
    _whole_words([text])
    assert time.perf_counter() - started < 5


def test_words_cut_more_than_once_are_whole() -> None:
    """Each hyphen of a word that two line ends cut is mended."""
    assert _whole_words(["inter\ufffenation\ufffeally"]) == ["internationally"]


def test_a_pdf_is_known_by_its_content(tmp_path: Path) -> None:
    """A PDF without its suffix, as downloads leave it, is read."""
    assert read_document(written(tmp_path, pdf([[(50, 700, "here")]]), "download")).text == "here\n"


def test_threads_may_read_at_once(tmp_path: Path) -> None:
    """Reading many PDFs from many threads gives what reading them one by one gives."""
    paths = [
        written(tmp_path, pdf([[(50, 700, f"file {number}")]] * 20), f"{number}.pdf")
        for number in range(12)
    ]
    with ThreadPoolExecutor(8) as threads:
        documents = list(threads.map(read_document, paths))
    assert documents == [read_document(path) for path in paths]


@pytest.mark.parametrize("name", ["2022_Q3", "2023_Q1", "2023_Q2", "2023_Q3"])
def test_rows_of_real_filings_stay_whole(dev_set: Path, name: str) -> None:
    """The income statement's revenue row reads as label, then its numbers, in every quarterly report."""
    text = read_document(dev_set / "filings" / "docs" / f"{name}_INTC.pdf").text
    assert any(
        line.startswith("Net revenue $ 1") and line.count(",") >= 2 for line in text.splitlines()
    )


def test_columns_of_a_real_paper_are_read_one_after_the_other(dev_set: Path) -> None:
    """A sentence of a two-column paper is not cut by the other column, and its broken words are whole."""
    text = " ".join(read_document(dev_set / "papers_pdf" / "docs" / "1801.05147.pdf").text.split())
    assert (
        "treating one tagged entity as correct only when it matches the gold entity exactly."
        in text
    )
    assert "\ufffe" not in text
