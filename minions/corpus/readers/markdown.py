"""Markdown: the text verbatim, its headings as the outline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.extract import Extract
from minions.documents import Heading

if TYPE_CHECKING:
    from minions.corpus.readers.extract import Source

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FRONT: Final = re.compile(r"\A---\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE: Final = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)
# A paragraph's last line, not a list item, a quote or a table row, so that a rule under it makes it a heading.
_PARAGRAPH: Final = re.compile(r" {0,3}(?![-*+>|#]|\d+[.)])\S")


def read_markdown(source: Source) -> Extract:
    """The text as it stands; the title is the front matter's, else the first heading."""
    text = source.text()
    front = _FRONT.match(text)
    found = _FRONT_TITLE.search(front.group(1)) if front else None
    outline = headings(text, start=front.end() if front else 0)
    title = found.group(2) if found else (outline[0].text if outline else None)
    return Extract(text, "text/markdown", title=title, outline=outline)


def headings(text: str, *, start: int = 0) -> tuple[Heading, ...]:
    """The headings of Markdown ``text`` from ``start`` on, fenced code left out."""
    found: list[Heading] = []
    fence, offset, previous = "", start, ""
    for bare in text[start:].split("\n"):
        mark = _FENCE.match(bare)
        if mark and (not fence or (mark.group(1).startswith(fence) and bare.strip() == mark.group(1))):
            fence = "" if fence else mark.group(1)
        elif not fence and (atx := _ATX.match(bare)) and atx.group(2):
            found.append(Heading(level=len(atx.group(1)), text=atx.group(2), start=offset))
        elif not fence and (rule := _UNDERLINE.match(bare)) and _PARAGRAPH.match(previous):
            level = 1 if rule.group(1).startswith("=") else 2
            found.append(Heading(level=level, text=previous.strip(), start=offset - len(previous) - 1))
        previous = "" if fence or mark or _ATX.match(bare) else bare
        offset += len(bare) + 1
    return tuple(found)
