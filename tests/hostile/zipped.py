"""Hostile office files, books and archives."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING, Final

from tests.hostile import texts
from tests.hostile.texts import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

W: Final = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
P: Final = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
R: Final = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A: Final = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_REL: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES: Final = "application/vnd.openxmlformats-officedocument"
_LAUGHS: Final = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10)
)
BOMB: Final = 64 * 2**20


def files(port: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents. ``port``: where a server listens that must not be asked."""
    for number, text in enumerate((*texts.TO_THE_WORKER, *texts.TERMINAL)):
        safe = (
            "".join(letter for letter in text if letter.isprintable())
            .replace("&", "+")
            .replace("<", "(")
        )
        yield f"said-{number:02}.docx", docx(f"<w:p><w:r><w:t>{safe}</w:t></w:r></w:p>", title=safe)
        yield f"said-{number:02}.epub", epub(f"<h1>{safe}</h1><p>{safe}</p>")
        yield (
            f"said-{number:02}.xlsx",
            xlsx(f'<row r="1"><c t="inlineStr"><is><t>{safe}</t></is></c></row>', name=safe),
        )
        yield f"said-{number:02}.pptx", pptx([safe])
    yield from _bombs()
    yield from _entities(port)
    yield from _sheets()
    yield from _repeats()
    yield "traversal.zip", zipped({path.replace("\0", ""): MARK for path in texts.PATHS})
    yield (
        "traversal.docx",
        zipped({**_docx_parts(""), **{path.replace("\0", ""): MARK for path in texts.PATHS}}),
    )


def zipped(entries: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these entries."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def docx(body: str, *, title: str = MARK, head: str = "", **more: str) -> bytes:
    """A Word file. ``head`` stands before the root element."""
    return zipped({**_docx_parts(body, head=head, title=title), **more})


def _docx_parts(body: str, *, head: str = "", title: str = MARK) -> dict[str, str | bytes]:
    document = f"{head}<w:document {W}><w:body>{body}</w:body></w:document>"
    core = f'<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></x>'
    parts: dict[str, str | bytes] = {
        **_package("word/document.xml", "wordprocessingml.document.main")
    }
    return {**parts, "word/document.xml": document, "docProps/core.xml": core}


def xlsx(
    rows: str, *, name: str = MARK, strings: str = "<si><t>x</t></si>", head: str = ""
) -> bytes:
    """A spreadsheet of one sheet."""
    name = name.replace('"', "'")[:31]
    parts = _package("xl/workbook.xml", "spreadsheetml.sheet.main")
    sheet = f'<sheets><sheet name="{name}" sheetId="1" r:id="r1"/></sheets>'
    parts["xl/workbook.xml"] = f"{head}<workbook {S} {R}>{sheet}</workbook>"
    parts["xl/_rels/workbook.xml.rels"] = _relations(
        ("r1", "worksheet", "worksheets/s.xml"), *_strings(strings)
    )
    parts["xl/worksheets/s.xml"] = f"{head}<worksheet {S}><sheetData>{rows}</sheetData></worksheet>"
    if strings:
        parts["xl/sharedStrings.xml"] = f"<sst {S}>{strings}</sst>"
    return zipped(parts)


def pptx(slides: list[str], *, repeat: int = 1) -> bytes:
    """A deck; each slide is shown ``repeat`` times."""
    parts = _package("ppt/presentation.xml", "presentationml.presentation.main")
    ids = [
        (f"r{n}x{m}", "slide", f"slides/s{n}.xml")
        for n in range(len(slides))
        for m in range(repeat)
    ]
    shown = "".join(f'<p:sldId id="{256 + at}" r:id="{one[0]}"/>' for at, one in enumerate(ids))
    parts["ppt/presentation.xml"] = (
        f"<p:presentation {P} {R}><p:sldIdLst>{shown}</p:sldIdLst></p:presentation>"
    )
    parts["ppt/_rels/presentation.xml.rels"] = _relations(*ids)
    kinds = f'<Override PartName="/ppt/slides/s{{}}.xml" ContentType="{_TYPES}.presentationml.slide+xml"/>'
    listed = "".join(kinds.format(n) for n in range(len(slides)))
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        "</Types>", f"{listed}</Types>"
    )
    for number, text in enumerate(slides):
        shape = f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="{MARK}"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>'
        body = f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        group = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
        tree = f"<p:spTree>{group}{shape}{body}</p:spTree>"
        parts[f"ppt/slides/s{number}.xml"] = f"<p:sld {P} {A}><p:cSld>{tree}</p:cSld></p:sld>"
    return zipped(parts)


def epub(chapter: str, *, head: str = "", spine: int = 1) -> bytes:
    """A book of one chapter, which its spine names ``spine`` times."""
    item = '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
    order = '<itemref idref="a"/>' * spine
    package = f"<manifest>{item}</manifest><spine>{order}</spine>"
    container = '<rootfiles><rootfile full-path="x.opf"/></rootfiles>'
    return zipped(
        {
            "META-INF/container.xml": f'{head}<c xmlns="urn:x">{container}</c>',
            "x.opf": f'{head}<package xmlns="http://www.idpf.org/2007/opf">{package}</package>',
            "a.xhtml": f"{head}<html><body>{chapter}</body></html>",
        }
    )


def _package(main: str, kind: str) -> dict[str, str]:
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/{main}" '
        f'ContentType="{_TYPES}.{kind}+xml"/>'
        f'<Override PartName="/xl/worksheets/s.xml" ContentType="{_TYPES}.spreadsheetml.worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPES}.spreadsheetml.sharedStrings+xml"/></Types>'
    )
    return {"[Content_Types].xml": types, "_rels/.rels": _relations(("r1", "officeDocument", main))}


def _relations(*relations: tuple[str, str, str]) -> str:
    items = "".join(
        f'<Relationship Id="{i}" Type="{_REL}/{kind}" Target="{target}"/>'
        for i, kind, target in relations
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{items}</Relationships>'


def _strings(strings: str) -> list[tuple[str, str, str]]:
    return [("r2", "sharedStrings", "sharedStrings.xml")] if strings else []


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that expand to much."""
    much = b"\0" * BOMB
    yield "bomb.docx", zipped({**_docx_parts("<w:p/>"), "word/media/a.bin": much})
    yield "bomb-in-text.docx", docx(f"<w:p><w:r><w:t>{'A' * BOMB}</w:t></w:r></w:p>")
    yield "bomb-of-nodes.docx", docx("<w:p/>" * 2_500_000)
    inner = zipped({"c.zip": zipped({"d": much})})
    yield "bomb-in-bomb.docx", zipped({**_docx_parts(""), "word/embeddings/b.zip": inner})
    yield "bomb.xlsx", xlsx(" " * BOMB)
    yield "bomb.epub", epub("a" * BOMB)
    yield "bomb.zip", zipped({f"{n}.txt": much[: 2**22] for n in range(16)})
    yield "many.zip", zipped({f"{n}": "" for n in range(30_000)}, method=zipfile.ZIP_STORED)
    yield (
        "many.docx",
        zipped(
            {**_docx_parts("x"), **{f"m/{n}": "" for n in range(30_000)}}, method=zipfile.ZIP_STORED
        ),
    )
    for name, size in (("small", 10), ("huge", 2**32 - 2)):
        yield (
            f"lying-{name}.docx",
            _lying(docx(f"<w:p><w:r><w:t>{MARK * 1000}</w:t></w:r></w:p>"), size),
        )
    nested = "<w:tbl><w:tr><w:tc>" * 5000 + "x" + "</w:tc></w:tr></w:tbl>" * 5000
    yield "deep.docx", docx(nested)


def _lying(data: bytes, size: int) -> bytes:
    """The same archive, saying of each entry that it expands to ``size`` bytes."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            struct.pack_into("<I", changed, at + offset, size)
    return bytes(changed)


def _entities(port: int) -> Iterator[tuple[str, bytes]]:
    """Document types that expand without end, or name other files and places."""
    heads = {
        "laughs": f"<!DOCTYPE x [{_LAUGHS}]>",
        "square": f'<!DOCTYPE x [<!ENTITY l9 "{"A" * 2**20}">]>',
        "file": '<!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        "fetch": f'<!DOCTYPE x [<!ENTITY l9 SYSTEM "http://127.0.0.1:{port}/{MARK}">]>',
        "outside": f'<!DOCTYPE x [<!ENTITY % d SYSTEM "http://127.0.0.1:{port}/{MARK}.dtd"> %d;]>',
        "schema": f'<!DOCTYPE x SYSTEM "http://127.0.0.1:{port}/{MARK}.dtd">',
    }
    for name, head in heads.items():
        use = "" if name in {"outside", "schema"} else "&l9;" * (2000 if name == "square" else 1)
        yield f"{name}.docx", docx(f"<w:p><w:r><w:t>{use}</w:t></w:r></w:p>", head=head)
        yield (
            f"{name}.xlsx",
            xlsx(f'<row r="1"><c t="inlineStr"><is><t>{use}</t></is></c></row>', head=head),
        )
        yield f"{name}.epub", epub(use or "x", head=head)
        yield f"{name}.xml", f"{head}<x>{use}{MARK}</x>".encode()
    wide = f"{heads['laughs']}<w:document {W}><w:body><w:p><w:r><w:t>&l9;</w:t></w:r></w:p></w:body></w:document>"
    yield "laughs-16.docx", zipped({**_docx_parts(""), "word/document.xml": wide.encode("utf-16")})


def _sheets() -> Iterator[tuple[str, bytes]]:
    """Sheets that claim more cells than there are bytes."""
    yield "far-row.xlsx", xlsx('<row r="999999999999"><c r="A1"><v>1</v></c></row>')
    yield (
        "far-cells.xlsx",
        xlsx("".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 5000))),
    )
    yield (
        "far-corner.xlsx",
        xlsx(
            '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        ),
    )
    yield "no-column.xlsx", xlsx('<row r="1"><c r="ZZZZZZZZZZ1"><v>1</v></c></row>')
    yield "digits.xlsx", xlsx(f'<row r="1"><c><v>{"9" * 10_000}</v></c></row>')
    same = '<row><c t="s"><v>0</v></c></row>' * 20_000
    yield "strings.xlsx", xlsx(same, strings=f"<si><t>{'x' * 2**20}</t></si>")


def _repeats() -> Iterator[tuple[str, bytes]]:
    """Formats that show one part in many places."""
    yield "spine.epub", epub("<p>" + MARK * 2000 + "</p>", spine=20_000)
    yield "slides.pptx", pptx([MARK * 2000], repeat=100)
    long = f"<w:p><w:r><w:t>{'x' * 2**17}</w:t></w:r></w:p>"
    note = f'<w:footnotes {W}><w:footnote w:id="2">{long}</w:footnote></w:footnotes>'
    body = "<w:p>" + '<w:r><w:footnoteReference w:id="2"/></w:r>' * 5000 + "</w:p>"
    more = {
        "word/footnotes.xml": note,
        "word/_rels/document.xml.rels": _relations(("r9", "footnotes", "footnotes.xml")),
    }
    yield "notes.docx", docx(body, **more)
