"""Reading text formats: the text, title, headings and media type of a document."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.corpus.readers import content_id, content_id_of, read_document
from minions.corpus.readers.html_page import convert_html
from minions.corpus.readers.markdown import headings
from minions.corpus.readers.tables import table_lines

if TYPE_CHECKING:
    from pathlib import Path

    from minions.values.documents import Document


def read(folder: Path, name: str, content: str | bytes) -> Document:
    """Write a file and read it."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(path)


def test_text_is_read_verbatim(tmp_path: Path) -> None:
    """Spaces, blank lines and composed letters stay as they stand: citations are compared with this text."""
    text = "  One\n\n\ntwo\tthree e\u0301 \u00e9\n"
    document = read(tmp_path, "a.txt", text)
    assert (document.text, document.title, document.media_type) == (text, "a.txt", "text/plain")
    assert document.path == str(tmp_path / "a.txt")


def test_a_document_is_identified_by_its_bytes(tmp_path: Path) -> None:
    """The id is a prefix of the file's SHA-256, however it is computed, and does not depend on the name."""
    data = b"some words\r\n" * 200_000
    document = read(tmp_path, "a.txt", data)
    assert document.id == hashlib.sha256(data).hexdigest()[:32] == content_id(data)
    with (tmp_path / "a.txt").open("rb") as file:
        assert document.id == content_id_of(tmp_path / "a.txt", file)
    assert document.id == read(tmp_path, "b.txt", data).id


@pytest.mark.parametrize(
    ("name", "kind"), [("a.py", "text/x-source"), ("README", "text/plain"), ("a.xyz", "text/plain")]
)
def test_program_text_and_unknown_suffixes_are_text(tmp_path: Path, name: str, kind: str) -> None:
    """Source code is read verbatim, and a suffix nobody knows does not hide a text."""
    document = read(tmp_path, name, "def f():\n    return 1\n")
    assert (document.text, document.media_type) == ("def f():\n    return 1\n", kind)


MARKDOWN = """---
title: "The Report"
---
Intro
=====

## Part *one* ##

```
# not a heading
```

- item
---
#hashtag

### Deep
"""


def test_markdown_keeps_its_text_and_gains_an_outline(tmp_path: Path) -> None:
    """Headings of both kinds are found at their lines; code, hashtags, front matter and rules are not headings."""
    document = read(tmp_path, "a.md", MARKDOWN)
    assert document.text == MARKDOWN
    assert document.title == "The Report"
    assert [(h.level, h.text) for h in document.outline] == [
        (1, "Intro"),
        (2, "Part *one*"),
        (3, "Deep"),
    ]
    assert [MARKDOWN[h.start :].split("\n", maxsplit=1)[0] for h in document.outline] == [
        "Intro",
        "## Part *one* ##",
        "### Deep",
    ]


@given(st.text("#=-` \nab", max_size=80))
def test_every_heading_starts_its_line(text: str) -> None:
    """In any Markdown, a heading's place is the start of a line that holds its words."""
    for heading in headings(text):
        assert heading.start == 0 or text[heading.start - 1] == "\n"
        assert heading.text in text[heading.start :].split("\n", maxsplit=1)[0]


PAGE = """<!doctype html><html><head><title> A  page </title><style>p {color: red}</style></head><body>
<nav>Home | About</nav><h1>Big <b>one</b></h1><p>Hello <a href="x">there</a>
you<br>next &amp; last</p><ul><li>a<li>b<ol start=3><li>c</li></ol></ul>
<pre><code class="language-py">x = 1
  y</code></pre><script>track()</script><p hidden>no</p><h2>Second</h2><div>loose<p>para</p>tail</div></body></html>"""


def test_html_becomes_what_a_reader_of_the_page_sees(tmp_path: Path) -> None:
    """Headings, paragraphs, lists and code keep their order and kind; navigation, scripts and hidden parts are gone."""
    document = read(tmp_path, "a.html", PAGE)
    assert document.text == (
        "# Big one\n\nHello there you\nnext & last\n\n- a\n- b\n  3. c\n\n```py\nx = 1\n  y\n```\n\n"
        "## Second\n\nloose\n\npara\n\ntail\n"
    )
    assert (document.title, document.media_type) == ("A page", "text/html")
    assert [document.text[h.start :].split("\n")[0] for h in document.outline] == [
        "# Big one",
        "## Second",
    ]


def test_a_financial_table_keeps_each_number_under_its_year() -> None:
    """Signs in cells of their own and spacer columns, as filings set them, do not break rows or columns."""
    table = """<table><tr><th></th><th colspan=2>2022</th><th></th><th colspan=2>2021</th></tr>
    <tr><td>Revenue</td><td>$</td><td>1,234</td><td></td><td>$</td><td>99</td></tr>
    <tr><td>Loss</td><td></td><td>(5</td><td>)</td><td></td><td>7</td></tr></table>"""
    assert convert_html(table).text == (
        "|  | 2022 | 2021 |\n| --- | --- | --- |\n| Revenue | $1,234 | $99 |\n| Loss | (5) | 7 |\n"
    )


def test_a_cell_that_spans_rows_is_said_in_each() -> None:
    """A row can be read alone, without the row that a spanning cell began in."""
    table = "<table><tr><td rowspan=2>Q1</td><td>Jan</td></tr><tr><td>Feb | Mar</td></tr></table>"
    assert convert_html(table).text == "| Q1 | Jan |\n| --- | --- |\n| Q1 | Feb \\| Mar |\n"


def test_a_table_that_lays_out_a_page_is_no_table() -> None:
    """Pages built of tables are read as paragraphs."""
    page = "<table><tr><td>Menu</td><td><h1>Title</h1><p>Text</p></td></tr></table>"
    assert convert_html(page).text == "Menu\n\n# Title\n\nText\n"


def test_deeply_nested_html_is_read() -> None:
    """Ten thousand levels of mark-up are odd, not an error."""
    assert convert_html("<div>" * 10_000 + "deep" + "</div>" * 10_000).text == "deep\n"


@given(st.text(st.sampled_from("<>/ =\"'&;abdhlpqtru123\n"), max_size=120))
def test_no_markup_breaks_the_page(markup: str) -> None:
    """Any tag soup gives text whose headings stand where the outline says."""
    extract = convert_html(markup)
    for heading in extract.outline:
        assert extract.text[heading.start :].startswith("#" * heading.level + " " + heading.text)


def test_html_in_an_old_charset_is_read_as_it_declares(tmp_path: Path) -> None:
    """The charset in a page's head is believed."""
    page = '<html><head><meta charset="iso-8859-2"></head><body>Łódź</body></html>'.encode(
        "iso8859_2"
    )
    assert read(tmp_path, "a.htm", page).text == "Łódź\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_becomes_a_table_with_its_header(tmp_path: Path, delimiter: str) -> None:
    """With any delimiter, the first row is the header, and a quoted line break stays within its row."""
    content = (
        f'name{delimiter}note\r\nAda{delimiter}"first, and\nlast"\r\n\r\nBob{delimiter}3.50\r\n'
    )
    assert read(tmp_path, "a.csv", content).text == (
        "| name | note |\n| --- | --- |\n| Ada | first, and last |\n| Bob | 3.50 |\n"
    )


def test_a_quote_that_never_closes_does_not_swallow_the_rows(tmp_path: Path) -> None:
    """A stray quote in a large file is a character: every row stays a row."""
    content = 'a,b\n1,"x\n' + "2,y\n" * 50_000
    text = read(tmp_path, "a.csv", content).text
    assert text.count("\n| 2 | y |") == 50_000


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=3), max_size=5))
def test_a_table_has_one_line_a_row(rows: list[list[str]]) -> None:
    """No cell, whatever it holds, breaks its row or adds a column."""
    lines = list(table_lines(rows))
    assert len(lines) == len(rows) + bool(rows)
    for line, row in zip(lines[:1] + lines[2:], rows, strict=True):
        assert len(line.splitlines()) == 1
        assert line.replace("\\|", "").count("|") == len(row) + 1


def test_readable_json_is_verbatim(tmp_path: Path) -> None:
    """JSON that a person can read is left alone, valid or not."""
    for content in ('{"a": 1.10,\n "b": []}\n', '{"a": '):
        document = read(tmp_path, "a.json", content)
        assert (document.text, document.media_type) == (content, "application/json")


def test_minified_json_gets_lines_and_keeps_its_numbers(tmp_path: Path) -> None:
    """One endless line becomes one line a member, so that a line can be cited; 1.10 stays 1.10."""
    filler = ",".join(f'"k{number}":{number}' for number in range(300))
    text = read(
        tmp_path,
        "a.json",
        '{"price":1.10,"e":[],"name":"caf\\u00e9 {x}",' + filler + ',"o":{"p":[1]}}',
    ).text
    assert text.startswith('{\n "price": 1.10,\n "e": [],\n "name": "café {x}",\n "k0": 0,\n')
    assert text.endswith(' "o": {\n  "p": [\n   1\n  ]\n }\n}\n')


def test_json_lines_are_verbatim(tmp_path: Path) -> None:
    """A record a line stays a record a line."""
    content = '{"a": 1}\n{"a": 2}\n'
    assert read(tmp_path, "a.jsonl", content).text == content


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("<!-- saved --><!DOCTYPE html><p>x</p>", "text/html"),
        ("Received: by x\nFrom: a@b.example\nSubject: s\n\nbody", "message/rfc822"),
        ("From a@b.example Mon Jan  1 00:00:00 2024\nSubject: s\n\nbody", "application/mbox"),
        ("just words", "text/plain"),
    ],
)
def test_a_file_without_a_suffix_is_known_by_its_content(
    tmp_path: Path, content: str, kind: str
) -> None:
    """A saved page or message needs no suffix to be read as one."""
    assert read(tmp_path, "saved", content).media_type == kind


@pytest.mark.parametrize(
    "name", ["a.txt", "a.md", "a.html", "a.csv", "a.json", "a.py", "a.eml", "a.mbox"]
)
def test_the_same_bytes_give_the_same_text(tmp_path: Path, name: str) -> None:
    """Reading twice gives equal documents: a citation's offsets hold tomorrow."""
    content = "From a b 00:00:00\nSubject: x\n\n# Title\n\na,b | c\n<p>text</p>\n"
    assert read(tmp_path, name, content) == read(tmp_path, name, content)
