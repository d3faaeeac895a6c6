"""Reading office formats and books."""

from __future__ import annotations

import datetime as dt
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from minions.corpus.readers import archive as archives
from minions.corpus.readers import read_document
from minions.errors import UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml"
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""
RELS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
</Relationships>"""
STYLES = f"""<w:styles {W}><w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style></w:styles>"""
WORD_RELS = RELS.replace('officeDocument" Target="word/document.xml', 'styles" Target="styles.xml')
CORE = '<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Lease &amp; terms</dc:title></x>'


def paragraph(text: str, style: str = "") -> str:
    """A paragraph of a DOCX."""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'


def table(*rows: tuple[str, ...]) -> str:
    """A table of a DOCX."""
    lines = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{line}</w:tr>" for line in lines) + "</w:tbl>"


def zipped(folder: Path, name: str, entries: dict[str, str]) -> Path:
    """The path of an archive with these entries."""
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    return folder / name


def docx(folder: Path, body: str, name: str = "a.docx", **more: str) -> Path:
    """The path of a DOCX with this body."""
    document = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    entries = {"[Content_Types].xml": TYPES, "_rels/.rels": RELS, "word/document.xml": document}
    entries |= {"word/styles.xml": STYLES, "word/_rels/document.xml.rels": WORD_RELS}
    return zipped(folder, name, entries | more)


def test_docx_keeps_headings_paragraphs_and_tables(tmp_path: Path) -> None:
    """A contract written in Word is read with its structure, and by the title its author gave it."""
    body = (
        paragraph("The Lease", "T")
        + paragraph("Rent", "H1")
        + paragraph("Paid monthly.")
        + table(("Month", "EUR"), ("May", "950"))
    )
    document = read_document(docx(tmp_path, body, **{"docProps/core.xml": CORE}))
    assert (
        document.text
        == "# The Lease\n\n# Rent\n\nPaid monthly.\n\n| Month | EUR |\n| --- | --- |\n| May | 950 |\n"
    )
    assert (document.title, [h.text for h in document.outline]) == (
        "Lease & terms",
        ["The Lease", "Rent"],
    )
    assert document.media_type.endswith("wordprocessingml.document")


def test_docx_without_its_suffix_is_known_by_its_content(tmp_path: Path) -> None:
    """An attachment saved under another name is read all the same."""
    assert read_document(docx(tmp_path, paragraph("here"), "saved")).text == "here\n"


def test_deleted_words_of_a_docx_stay_deleted(tmp_path: Path) -> None:
    """Tracked changes are read as if accepted."""
    body = "<w:p><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>"
    assert read_document(docx(tmp_path, body)).text == "new\n"


OPF = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The Book</dc:title></metadata><manifest>
<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="b" href="b%20two.xhtml" media-type="application/xhtml+xml"/><item id="a" href="a.xhtml"
media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/></spine></package>"""
CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OPS/x.opf"/></rootfiles></container>"""


def epub(folder: Path, **more: str) -> Path:
    """The path of a book with two chapters."""
    chapters = {
        "OPS/a.xhtml": "<h1>One</h1><p>first</p>",
        "OPS/b two.xhtml": "<h1>Two</h1><p>second</p>",
    }
    return zipped(
        folder,
        "a.epub",
        {"META-INF/container.xml": CONTAINER, "OPS/x.opf": OPF, **chapters, **more},
    )


def test_a_book_is_read_in_reading_order(tmp_path: Path) -> None:
    """Chapters follow the spine, not the archive, and the outline points at each."""
    document = read_document(epub(tmp_path))
    assert document.text == "# One\n\nfirst\n\n# Two\n\nsecond\n\n"
    assert [document.text[h.start :][:5] for h in document.outline] == ["# One", "# Two"]
    assert document.title == "The Book"


def test_a_protected_book_says_so(tmp_path: Path) -> None:
    """Copy protection is named, rather than read as noise."""
    with pytest.raises(UnreadableError, match="copy-protected"):
        read_document(epub(tmp_path, **{"META-INF/rights.xml": "<x/>"}))


def test_xlsx_is_one_table_a_sheet(tmp_path: Path) -> None:
    """Every sheet with values has its heading; numbers, dates and percentages read as they show."""
    openpyxl: Any = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    sheet.append(["Day", None, "Sum", "Share"])
    sheet.append([dt.datetime(2024, 5, 1, tzinfo=None), None, 1234.5, 0.125])  # noqa: DTZ001 - spreadsheets know no zone
    sheet["D2"].number_format = "0.0%"
    book.create_sheet("Empty")
    book.create_sheet("More").append(["a | b", True])
    book.save(tmp_path / "a.xlsx")
    document = read_document(tmp_path / "a.xlsx")
    assert document.text == (
        "# Sales\n\n| Day | Sum | Share |\n| --- | --- | --- |\n| 2024-05-01 | 1234.5 | 12.5% |\n\n"
        "# More\n\n| a \\| b | TRUE |\n| --- | --- |\n\n"
    )
    assert [heading.text for heading in document.outline] == ["Sales", "More"]


def test_pptx_is_one_page_a_slide(tmp_path: Path) -> None:
    """A citation can name the slide; titles, bullets, tables and notes are there, from top to bottom."""
    pptx: Any = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Plan"
    slide.placeholders[1].text = "first\nsecond"
    slide.notes_slide.notes_text_frame.text = "say hello"
    cells = (
        deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_table(1, 2, 0, 0, 999, 999).table
    )
    cells.cell(0, 0).text, cells.cell(0, 1).text = "a", "1"
    deck.save(tmp_path / "a.pptx")
    document = read_document(tmp_path / "a.pptx")
    assert [document.text[page.start : page.end] for page in document.pages] == [
        "# Plan\n\nfirst\nsecond\n\nNotes: say hello\n\n",
        "# Slide 2\n\n| a | 1 |\n| --- | --- |\n\n",
    ]


@pytest.mark.parametrize(
    ("name", "part", "library"),
    [("a.xlsx", "xl/workbook.xml", "openpyxl"), ("a.pptx", "ppt/presentation.xml", "pptx")],
)
def test_without_the_extra_the_message_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, part: str, library: str
) -> None:
    """Without the library, the reason names the extra to install."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnreadableError) as caught:
        read_document(zipped(tmp_path, name, {part: "<x/>"}))
    assert caught.value.reason == "office format: install local-minions[office]"


@pytest.mark.parametrize("suffix", ["docx", "xlsx", "pptx", "epub"])
@pytest.mark.parametrize("data", [b"not a zip at all", b"PK\x03\x04 cut off", None])
def test_a_broken_office_file_says_so(tmp_path: Path, suffix: str, data: bytes | None) -> None:
    """A renamed, cut or hollow file is called broken, by its format."""
    if data is None:
        zipped(tmp_path, f"a.{suffix}", {"other.txt": "x"})
    else:
        (tmp_path / f"a.{suffix}").write_bytes(data)
    with pytest.raises(UnreadableError, match=f"{suffix.upper()} is broken"):
        read_document(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("part", ["word/document.xml", "META-INF/container.xml"])
def test_a_parser_that_fails_is_an_unreadable_file(tmp_path: Path, part: str) -> None:
    """Broken parts within a good archive end in a reason, never in a stranger's error."""
    with pytest.raises(UnreadableError, match="broken"):
        read_document(
            zipped(
                tmp_path,
                "a.zip",
                {part: "<w:document", "[Content_Types].xml": TYPES, "_rels/.rels": RELS},
            )
        )


def test_an_archive_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file that expands without end is not expanded."""
    monkeypatch.setattr(archives, "MAX_EXPANDED_BYTES", 2**20)
    with pytest.raises(UnreadableError, match="expands to more than 1 MiB"):
        read_document(docx(tmp_path, paragraph("x" * 2**21)))


def test_a_password_protected_office_file_says_so(tmp_path: Path) -> None:
    """Encrypted documents come in another container: the message tells what to do."""
    (tmp_path / "a.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(UnreadableError, match="save it without a password"):
        read_document(tmp_path / "a.docx")


def test_other_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    """A zip of files, or an OpenDocument file, gets advice that fits."""
    with pytest.raises(UnreadableError, match="unpack it first"):
        read_document(zipped(tmp_path, "a.zip", {"b.txt": "x"}))
    with pytest.raises(UnreadableError, match="save it as DOCX"):
        read_document(zipped(tmp_path, "a.odt", {"content.xml": "<x/>"}))
