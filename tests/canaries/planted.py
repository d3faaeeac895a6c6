"""A corpus of every format the readers take, with unique strings planted in every corner of it."""

from __future__ import annotations

import json
import random
import zipfile
from email.message import EmailMessage
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tests.pages import pdf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Next = Callable[..., str]


CANARIES = 200
_LETTERS = "bcdfghjklmnpqrstvwxz"
_SCRIPTS = (
    "бвгджзклмнпрстфхцчшщ",
    "βγδζθκλμνξπρτφχψ",
    "鑫淼焱垚犇羴猋骉麤龘靐齉",
    "ابتثجحخدذرزسشصضطظعغ",
    "\U0001f702\U0001f703\U0001f70d\U0001f714\U0001f728\U0001f739\U0001f74e\U0001f759\U0001f765\U0001f76b",
    "कखगघचछजझटठडढतथदधनपफब",
)
_PLAIN_WORDS = (
    "the",
    "harbour",
    "light",
    "stands",
    "rock",
    "and",
    "keeper",
    "counts",
    "ships",
    "pass",
    "night",
    "in",
)
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = f"""<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml"
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""
_RELS = f"""<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_OFFICE}/officeDocument"
Target="word/document.xml"/></Relationships>"""
_WORD_RELS = f"""<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_OFFICE}/styles"
Target="styles.xml"/></Relationships>"""
_STYLES = f"""<w:styles xmlns:w="{_W}"><w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style></w:styles>"""
_OPF = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>{}</dc:title></metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="a"/></spine></package>"""
_CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OPS/x.opf"/></rootfiles></container>"""


def canaries(count: int = CANARIES, *, seed: int = 5) -> list[str]:
    """So many strings that stand nowhere else: words of letters and digits, with hyphens, of several words, in other
    scripts, of signs. Each has eight characters or more, in no eight of which there are digits alone.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    return [_canary(number, chance) for number in range(count)]


def _canary(number: int, chance: random.Random) -> str:
    def letters(count: int, alphabet: str = _LETTERS) -> str:
        return "".join(chance.choices(alphabet, k=count))

    match number % 6:
        case 0:
            return f"{letters(3)}{number:03}{letters(4).upper()}{chance.randrange(10)}{letters(2)}"
        case 1:
            return f"{letters(4).title()}{number}-{letters(5).upper()}-{chance.randrange(10, 99)}{letters(3)}"
        case 2:
            return f"{letters(5)}a {letters(4)}o{letters(3)} {letters(6)}i"
        case 3 | 4:
            return letters(10, _SCRIPTS[number // 6 % len(_SCRIPTS)]) + (
                "" if number % 6 == 3 else f"{number}{letters(3)}"
            )
        case _:
            return f"{number:03}{letters(1)}-{chance.randrange(10, 99)}{letters(2)}-{chance.randrange(10, 99)}{letters(2)}"  # noqa: E501 - a string as it is


def plant(folder: Path, strings: list[str]) -> list[str]:
    """Write the corpus; the strings that found a place in it, all of them. Those in files' names are plain ones."""
    left = list(strings)
    planted: list[str] = []

    def following(*, latin: bool = False) -> str:
        planted.append(
            left.pop(
                next(place for place, string in enumerate(left) if not latin or string.isascii())
            )
        )
        return planted[-1]

    for write in (
        _texts,
        _markdown,
        _tables,
        _page,
        _data,
        _mail,
        _word,
        _book,
        _pdf,
        _sheets,
        _slides,
    ):
        write(folder, following)
    _rest(folder, following, left)
    return planted


def _name(following: Next) -> str:
    return following().replace("/", "_")


def _filler(sentences: int, *, seed: int) -> str:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    return " ".join(
        " ".join(chance.choices(_PLAIN_WORDS, k=9)).capitalize() + "." for _ in range(sentences)
    )


def _texts(folder: Path, following: Next) -> None:
    """First and last line, a line of thousands of characters, and one string after the other over chunk borders."""
    one, other = folder / _name(following), folder / _name(following)
    one.mkdir()
    other.mkdir()
    lines = [
        following(),
        *(f"{_filler(3, seed=n)} {following()} {_filler(1, seed=n)}" for n in range(12)),
        following(),
    ]
    (folder / f"notes {_name(following)}.txt").write_text("\n".join(lines))
    long = " ".join(f"keeper and light {_filler(1, seed=n)[:-1]} {following()}" for n in range(14))
    (one / "filing.txt").write_text(f"{long}\nThe ledger ends here")
    (other / "filing.txt").write_text(
        "\n\n".join(f"Item {n}: {following()} was {n * 7}" for n in range(1, 12))
    )


def _markdown(folder: Path, following: Next) -> None:
    parts = [f"---\ntitle: {following()}\n---\n# {following()}\n\n{_filler(4, seed=1)}"]
    parts += [
        f"## Part {following()}\n\n{_filler(5, seed=n)}\n\n### {following()} {n}\n\n- {following()}"
        for n in range(4)
    ]
    parts += [f"```python\nkey = '{following()}'  # {following()}\n```"]
    parts += [
        "| Name | Sum |\n| --- | --- |\n"
        + "\n".join(f"| {following()} | {n}12 |" for n in range(1, 6))
    ]
    parts += [
        f"[{following()}](https://lights.example/{following()})",
        f"# {_filler(2, seed=9)} {following()}",
    ]
    (folder / "guide.md").write_text("\n\n".join(parts))


def _tables(folder: Path, following: Next) -> None:
    rows = [
        f"{following()},amount,{following()}",
        *(f"{following()},{n * 11},2022-01-0{n}" for n in range(1, 9)),
    ]
    (folder / f"{_name(following)}.csv").write_text("\n".join(rows))


def _page(folder: Path, following: Next) -> None:
    cells = "".join(f"<tr><td>{escape(following())}</td><td>{n}5</td></tr>" for n in range(6))
    (folder / "page.html").write_text(
        f"<title>{following()}</title><meta name=description content='{following()}'><h1>{following()}</h1>"
        f"<p>{_filler(3, seed=2)} <b>{following()}</b></p><table><tr><th>{following()}</th><th>Sum</th></tr>{cells}"
        f"</table><img alt='{following()}'><!-- {following()} --><script>'{following()}'</script>"
    )


def _data(folder: Path, following: Next) -> None:
    value: Any = {
        following(): {"name": following(), "list": [following(), 4, {"deep": following()}]}
    }
    (folder / "data.json").write_text(json.dumps(value, ensure_ascii=True))
    lines = [json.dumps({"id": n, following(): following()}, ensure_ascii=False) for n in range(3)]
    (folder / "data.jsonl").write_text("\n".join(lines))
    (folder / "tool.py").write_text(
        f'"""{following()}"""\n\nKEY = "{following()}"  # {following()}\n'
    )


def _mail(folder: Path, following: Next) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = f"{following()} <ann@lights.example>", "bob@lights.example"
    mail["Date"], mail["Subject"] = "Mon, 01 Jan 2024 10:00:00 +0000", f"Re: {following()}"
    mail.set_content(f"{_filler(2, seed=3)}\n{following()}\n> {following()}\n", cte="base64")
    mail.add_attachment(
        b"\0", maintype="application", subtype="pdf", filename=f"{_name(following)}.pdf"
    )
    (folder / "letter.eml").write_bytes(bytes(mail))


def _word(folder: Path, following: Next) -> None:
    def paragraph(text: str, style: str = "") -> str:
        return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'

    rows = [("Month", following()), (following(), "950"), ("May", following())]
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    table = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"
    body = (
        paragraph(following(), "T") + paragraph(following(), "H1") + paragraph(following()) + table
    )
    core = f'<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{following()}</dc:title></x>'
    _zipped(
        folder / f"{_name(following)}.docx",
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": _RELS,
            "word/document.xml": f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>',
            "word/styles.xml": _STYLES,
            "word/_rels/document.xml.rels": _WORD_RELS,
            "docProps/core.xml": core,
        },
    )


def _book(folder: Path, following: Next) -> None:
    chapter = f"<h1>{following()}</h1><p>{following()}</p><h2>{following()}</h2><p>{_filler(2, seed=4)} {following()}</p>"  # noqa: E501 - a string as it is
    entries = {
        "META-INF/container.xml": _CONTAINER,
        "OPS/x.opf": _OPF.format(following()),
        "OPS/a.xhtml": chapter,
    }
    _zipped(folder / "book.epub", entries)


def _pdf(folder: Path, following: Next) -> None:
    title, bookmark, *drawn = (
        following(latin=True) for _ in range(5)
    )  # its font has Latin letters alone
    pages = [
        [(50, 700, f"Report {drawn[0]}"), (50, 680, "Net revenue 12.4"), (50, 660, drawn[1])],
        [(50, 700, drawn[2])],
    ]
    (folder / "report.pdf").write_bytes(pdf(pages, title=title, bookmark=bookmark))


def _sheets(folder: Path, following: Next) -> None:
    openpyxl: Any = import_module("openpyxl")
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet()):
        sheet.title = following()
        sheet.append(["Day", following(), "Sum"])
        for n in range(4):
            sheet.append([following(), n * 1.5, f"{n} {following()}"])
    book.properties.title = following()
    book.save(folder / "sheets.xlsx")


def _slides(folder: Path, following: Next) -> None:
    pptx: Any = import_module("pptx")
    deck = pptx.Presentation()
    deck.core_properties.title = following()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = following()
    slide.placeholders[1].text = f"first {following()}\n{following()}"
    slide.notes_slide.notes_text_frame.text = f"say {following()}"
    deck.save(str(folder / "slides.pptx"))


def _rest(folder: Path, following: Next, left: list[str]) -> None:
    """What is left over: a line each, dense."""
    lines = (f"{n}. {following()} and {following()} are {n}% of it" for n in range(len(left) // 2))
    (folder / "dense.txt").write_text(
        "\n".join([*lines, *(following() for _ in range(len(left) % 2))])
    )


def _zipped(path: Path, entries: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
