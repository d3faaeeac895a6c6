"""Hostile text, Markdown, HTML, CSV and JSON."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Final

from tests.hostile import texts
from tests.hostile.texts import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG: Final = 5 * 2**20
DEEP: Final = 100_000


def files() -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    for number, text in enumerate(texts.ALL):
        suffix = ("txt", "md", "html", "csv", "json")[number % 5]
        yield f"said-{number:02}.{suffix}", _as(suffix, text).encode("utf-8", "surrogatepass")
    for name in texts.NAMES:
        yield name, f"{texts.TO_THE_WORKER[0]}\n".encode()
    yield from _long()
    yield from _nested()
    yield from _tables()
    yield "nul.txt", b"text \0\0\0 more " + MARK.encode() * 3
    yield "marks.txt", b"\xff\xfea\0b\0" + b"\xef\xbb\xbf" + MARK.encode()
    yield "halves.json", json.dumps({MARK: "\ud800 \udfff \ud83d"}).encode() + b" " * 2000
    yield "polyglot.txt", b"%PDF-1.7\n<html><script>PK\x03\x04 {\\rtf1 \x7fELF" + MARK.encode()
    yield "comments.unknown", b"<!---->" * 140 + b"x" + MARK.encode()
    yield "mailbox.unknown", b"From a" + b"11:11 " * 160 + MARK.encode()


def _as(suffix: str, text: str) -> str:
    if suffix == "html":
        return f"<html><head><title>{escape(text[:200])}</title></head><body><h1>{escape(text[:200])}</h1><p>{text}</p>"
    if suffix == "csv":
        return f'name,"{text.replace(chr(34), chr(39))}"\n=cmd|\'/C calc\'!A0,"=HYPERLINK(""http://127.0.0.1:9/{MARK}"")"\n'
    if suffix == "json":
        return json.dumps({text: [text, {"answer": text}]})
    return (
        f"---\ntitle: {text.splitlines()[0]}\n---\n# {text}\n\n{text}\n\n## {text}\n"
        if suffix == "md"
        else text
    )


def _long() -> Iterator[tuple[str, bytes]]:
    """Lines without an end, of what patterns stumble over."""
    for name, unit in {
        "words": b"zqx5150 ",
        "letters": b"a",
        "spaces": b" ",
        "hashes": b"#",
        "quotes": b'"',
        "stops": b".)",
        "dashes": b"-",
        "pipes": b"|",
        "digits": b"19 ",
    }.items():
        yield f"long-{name}.md", b"# " + MARK.encode() + unit * (LONG // len(unit)) + b"x\n"
    yield "front.md", b"---\ntitle: " + b" " * LONG + b"x\n"
    yield "blank.md", b"# a" + b" \t" * (LONG // 2) + b"b\n" + MARK.encode()
    yield "marks-upon-marks.txt", ("e" + "\u0301" * 2**20 + MARK).encode()
    yield "lines.txt", b"\n" * 2**18 + MARK.encode()
    yield "fences.md", b"```\n~~~\n" * 2**15 + MARK.encode()


def _nested() -> Iterator[tuple[str, bytes]]:
    yield "deep.json", b"[" * DEEP + b"]" * DEEP
    yield "deep-and-wide.json", b"[" * 900 + b"0," * 2**16 + b"0" + b"]" * 900
    for tag in ("div", "b", "ul><li", "blockquote", "pre", "svg", "font size=1"):
        yield f"deep-{tag[:2]}.html", f"<p>{MARK}</p>".encode() + f"<{tag}>".encode() * DEEP + b"x"
    yield "deep-tables.html", b"<table><tr><td>a<td>" * DEEP + MARK.encode()
    yield "lists.html", b"<ul><li>x" * 10_000
    yield "unclosed.html", b"<!--" + b"<a " * DEEP + MARK.encode()
    yield (
        "attributes.html",
        b"<p " + b"".join(b"a%d=1 " % n for n in range(DEEP)) + b">" + MARK.encode(),
    )


def _tables() -> Iterator[tuple[str, bytes]]:
    yield (
        "spans.html",
        b"<table>" + b"<tr><td colspan=1000000000 rowspan=1000000000>x<td>1</tr>" * 2000,
    )
    yield (
        "digits.html",
        f"<table><tr><td colspan={'9' * 5000}>{MARK}<td>2</table><ol start={'9' * 5000}><li>x".encode(),
    )
    yield (
        "ragged.html",
        b"<table><tr>" + b"<td>1" * 20_000 + b"</tr>" + b"<tr><td>a<td>b</tr>" * 20_000,
    )
    cell = b"<td rowspan=100>" + b"x" * 2**15
    yield (
        "repeated.html",
        b"<table>" + (b"<tr>" + cell + b"<td>1</tr>" + b"<tr><td>2</tr>" * 99) * 100,
    )
    yield "columns.csv", b",".join(b"%d" % n for n in range(2**17)) + b"\n1,2\n"
    yield "rows.csv", b"a,b\n" + b"1,2\n" * 2**16
    yield "quote.csv", b'a,"' + b"x,\n" * 2**17
    yield "delimiters.csv", b";,|\t" * 2**18
