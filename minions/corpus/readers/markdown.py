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
# The last line of a paragraph, which a rule under it makes a heading; not a list item, quote or
# table row.
_PARAGRAPH: Final = re.compile(r" {0,3}(?![-*+>|#]|\d+[.)])\S")


def read_markdown(source: Source) -> Extract:
    """The text, verbatim; the title is the front matter's, else the first heading."""
    text = source.text()
    front = _FRONT.match(text)
    outline = headings(text, start=front.end() if front else 0)
    title = None
    if outline:
        title = outline[0].text
    if front:
        named = _FRONT_TITLE.search(front.group(1))
        if named:
            title = named.group(1).strip(" \t")
            if len(title) > 1 and title[0] == title[-1] and title[0] in "'\"":
                title = title[1:-1]
    return Extract(text, "text/markdown", title=title, outline=outline)


def headings(text: str, *, start: int = 0) -> tuple[Heading, ...]:
    """The headings of Markdown ``text`` from ``start`` on, outside of fenced code."""
    found: list[Heading] = []
    fence = ""
    offset = start
    previous = ""
    for line in text[start:].split("\n"):
        mark = _FENCE.match(line)
        atx = _atx(line)
        rule = _UNDERLINE.match(line)
        if fence:
            # Code ends at a fence of the same signs that is at least as long and stands alone.
            if mark and mark.group(1).startswith(fence) and line.strip() == mark.group(1):
                fence = ""
        elif mark:
            fence = mark.group(1)
        elif atx:
            level, title = atx
            if title:
                found.append(Heading(level=level, text=title, start=offset))
        elif rule and _PARAGRAPH.match(previous):
            level = 1 if rule.group(1).startswith("=") else 2
            above = offset - len(previous) - 1
            found.append(Heading(level=level, text=previous.strip(), start=above))
        previous = line
        if fence or mark or atx:
            previous = ""
        offset += len(line) + 1
    return tuple(found)


def _atx(line: str) -> tuple[int, str] | None:
    """The level and text of a line like ``## Results ##``; None for any other line.

    By hand, because a regular expression takes time that grows with the square of a long line's
    length.
    """
    body = line.lstrip(" ")
    if not body.startswith("#") or len(line) - len(body) > _ATX_INDENT:
        return None
    rest = body.lstrip("#")
    level = len(body) - len(rest)
    if level > _ATX_LEVELS or not rest.startswith((" ", "\t")):
        return None
    title = rest.strip(" \t")
    # Signs at the end close the heading if white space stands before them.
    without_signs = title.rstrip("#")
    if without_signs.endswith((" ", "\t")):
        title = without_signs.rstrip(" \t")
    return level, title
