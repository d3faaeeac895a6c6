"""Markdown: the text verbatim, its headings as the outline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.extract import Extract
from minions.values.documents import Heading

if TYPE_CHECKING:
    from minions.corpus.readers.extract import Source

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX_LEVELS: Final = 6
_ATX_INDENT: Final = 3
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FRONT: Final = re.compile(r"\A---\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE: Final = re.compile(r"^title:(.*)$", re.MULTILINE)
# A paragraph's last line, not a list item, a quote or a table row, so that a rule under it makes it a heading.
_PARAGRAPH: Final = re.compile(r" {0,3}(?![-*+>|#]|\d+[.)])\S")


def read_markdown(source: Source) -> Extract:
    """The text as it stands; the title is the front matter's, else the first heading."""
    text = source.text()
    front = _FRONT.match(text)
    found = _FRONT_TITLE.search(front.group(1)) if front else None
    outline = headings(text, start=front.end() if front else 0)
    title = _unquoted(found.group(1)) if found else (outline[0].text if outline else None)
    return Extract(text, "text/markdown", title=title, outline=outline)


def headings(text: str, *, start: int = 0) -> tuple[Heading, ...]:
    """The headings of Markdown ``text`` from ``start`` on, fenced code left out."""
    found: list[Heading] = []
    fence, offset, previous = "", start, ""
    for bare in text[start:].split("\n"):
        mark = _FENCE.match(bare)
        if mark and (
            not fence or (mark.group(1).startswith(fence) and bare.strip() == mark.group(1))
        ):
            fence = "" if fence else mark.group(1)
        elif not fence and (atx := _atx(bare)) and atx[1]:
            found.append(Heading(level=atx[0], text=atx[1], start=offset))
        elif not fence and (rule := _UNDERLINE.match(bare)) and _PARAGRAPH.match(previous):
            level = 1 if rule.group(1).startswith("=") else 2
            found.append(
                Heading(level=level, text=previous.strip(), start=offset - len(previous) - 1)
            )
        previous = "" if fence or mark or _atx(bare) else bare
        offset += len(bare) + 1
    return tuple(found)


def _atx(line: str) -> tuple[int, str] | None:
    """Level and text of a line like ``## Results ##``. By hand: a pattern takes the square of a long line's length."""
    body = line.lstrip(" ")
    rest = body.lstrip("#")
    level = len(body) - len(rest)
    if (
        len(line) - len(body) > _ATX_INDENT
        or not 1 <= level <= _ATX_LEVELS
        or rest[:1] not in {" ", "\t"}
    ):
        return None
    text = rest.strip(" \t")
    open_end = text.rstrip("#")
    return level, open_end.rstrip(" \t") if open_end.endswith((" ", "\t")) else text


def _unquoted(value: str) -> str:
    bare = value.strip(" \t")
    quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\""
    return bare[1:-1] if quoted else bare
