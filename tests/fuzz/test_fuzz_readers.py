"""Readers, fuzzed: random bytes under every suffix, and good files that were damaged. Only a reason comes out."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minions.corpus.chunking import chunk_document
from minions.corpus.readers import read_document
from minions.corpus.readers.extract import Source
from minions.corpus.readers.html_page import effort
from minions.corpus.readers.pdf import is_bomb
from minions.corpus.readers.registry import choose
from minions.errors import UnreadableError
from tests.hostile import pages, zipped

if TYPE_CHECKING:
    from minions.values.documents import Document

EXAMPLES: Final = 60
MAIL: Final = (
    b"From: a@b.example\nSubject: =?utf-8?q?caf=C3=A9?= x\nContent-Type: multipart/mixed; boundary=B\n\n"
    b"--B\nContent-Type: text/plain; charset=utf-8\n\nhello\n--B\nContent-Type: text/html\n\n<p>x</p>\n--B--\n"
)
PAGE: Final = b"<html><head><title>t</title></head><body><h1>a</h1><ul><li>b<table><tr><td colspan=2>1<td>2</table></ul><pre>c"  # noqa: E501 - a string as it is


def _book() -> bytes:
    openpyxl: Any = pytest.importorskip("openpyxl")
    book, data = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["a", 1, 0.5])
    book.save(data)
    return data.getvalue()


SEEDS: Final[dict[str, bytes]] = {
    "txt": "Grüße, 41 metres\n".encode(),
    "md": b"---\ntitle: 'x'\n---\n# One #\n\ntext\n===\n```\ncode\n```\n| a | b |\n| --- | --- |\n| 1 | 2 |\n",
    "html": PAGE,
    "csv": b'a;b\n"x\ny";2\n',
    "json": b'{"a": [1, {"b": "\\u00e9"}], "c": "' + b"x" * 1000 + b'"}',
    "jsonl": b'{"a": 1}\n{"a": 2}\n',
    "eml": MAIL,
    "mbox": b"From a Mon Jan  1 10:00:00 2024\n"
    + MAIL
    + b"\nFrom b Mon Jan  1 10:00:00 2024\n"
    + MAIL,
    "pdf": pages.page(b"BT /F1 10 Tf 40 700 Td (hello) Tj ET"),
    "docx": zipped.docx("<w:p><w:r><w:t>hello</w:t></w:r></w:p>"),
    "xlsx": zipped.xlsx('<row r="1"><c t="s"><v>0</v></c><c><v>1</v></c></row>'),
    "pptx": zipped.pptx(["hello"]),
    "epub": zipped.epub("<h1>a</h1><p>b</p>"),
    "py": b"def f():\n    return 1\n",
}
_OTHER: Final = ("unknown", "xml", "zip")


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """A file with a few of its bytes flipped, cut out, repeated or put elsewhere."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(changed))), draw(st.integers(1, 64))
        match draw(st.sampled_from(("flip", "cut", "repeat", "insert", "end"))):
            case "flip":
                changed[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "cut":
                del changed[at : at + length]
            case "repeat":
                changed[at:at] = changed[at : at + length] * draw(st.integers(1, 40))
            case "insert":
                changed[at:at] = draw(st.binary(max_size=32))
            case _:
                del changed[at:]
    return bytes(changed)


def _is_read_or_refused(folder: Path, suffix: str, data: bytes) -> None:
    path = folder / f"a.{suffix}"
    path.write_bytes(data)
    try:
        document = read_document(path)
    except UnreadableError as error:
        told = (error.path, bool(error.reason))
    else:
        told = (str(path), True)
        _assert_whole(document)
    assert told == (str(path), True)


def _assert_whole(document: Document) -> None:
    chunks = chunk_document(document)
    assert "".join(chunk.text for chunk in chunks) == document.text
    assert all(0 <= heading.start <= len(document.text) for heading in document.outline)
    assert "\n" not in document.title
    document.text.encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are written."""
    return tmp_path_factory.mktemp("fuzzed")


@pytest.mark.parametrize("suffix", [*SEEDS, *_OTHER])
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_random_bytes_are_read_or_refused(folder: Path, suffix: str, data: st.DataObject) -> None:
    """Whatever stands in a file, under whatever suffix: its text, whole in its chunks, or a reason."""
    head = data.draw(st.sampled_from([b"", *(seed[:12] for seed in SEEDS.values())]))
    _is_read_or_refused(folder, suffix, head + data.draw(st.binary(max_size=400)))


@pytest.mark.parametrize("suffix", SEEDS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(folder: Path, suffix: str, data: st.DataObject) -> None:
    """A good file with bytes flipped, cut out, repeated or cut off: its text, or a reason, and no crash of a parser."""
    _is_read_or_refused(folder, suffix, data.draw(damaged(SEEDS[suffix])))


@pytest.mark.parametrize("suffix", SEEDS)
def test_the_files_are_good_to_begin_with(folder: Path, suffix: str) -> None:
    """What is damaged above is read before: otherwise only the refusals would be tested."""
    data = _book() if suffix == "xlsx" else SEEDS[suffix]
    for content in {data, SEEDS[suffix]}:
        (folder / f"good.{suffix}").write_bytes(content)
        assert read_document(folder / f"good.{suffix}").text.strip()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=400))
def test_the_reader_is_chosen_or_the_file_is_refused(data: bytes) -> None:
    """Looking at a file's first bytes takes a decision, and nothing else."""
    with suppress(UnreadableError):
        assert callable(choose(Source(Path("a"), data)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(st.sampled_from("<>/=\"' \n!-abspuli"), max_size=200), st.binary(max_size=300))
def test_looking_for_bombs_never_fails(markup: str, data: bytes) -> None:
    """What is told before a page or a PDF is parsed is a number and a yes or no, whatever it looks at."""
    assert effort(markup * 200) >= 0
    assert is_bomb(b"stream\n\x78\x9c" + data) is False
