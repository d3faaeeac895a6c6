"""HTML: the text that a reader of the page sees, in order, in Markdown conventions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.encoding import plain
from minions.corpus.readers.extract import Extract
from minions.corpus.readers.html_table import is_data_table, number_in, table_rows
from minions.corpus.readers.limits import (
    MAX_DEPTH,
    MAX_EXTRACTED_CHARS,
    MAX_HTML_EFFORT,
    MAX_HTML_NODES,
    too_much,
)
from minions.corpus.readers.tables import table_lines
from minions.values.documents import Heading

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from minions.corpus.readers.extract import Source

_CHARSET: Final = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?([\w:.-]+)""", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_LANGUAGE: Final = re.compile(r"(?:^|\s)(?:language-|lang-|highlight-source-)([\w+#-]+)")
_BLANK: Final = "\n\n"
# A stand-in for <br> until white space is collapsed.
_BREAK: Final = "\x1f"

# Elements that are not part of the text: code, forms, links to other pages.
_DROPPED_TAGS: Final = """
script style nav noscript template head iframe object embed svg canvas audio video select button
input textarea dialog ix:header
"""
_DROPPED: Final = frozenset(_DROPPED_TAGS.split())
_BLOCK_TAGS: Final = """
address article aside blockquote body caption center dd details div dl dt fieldset figcaption
figure footer form header hr html legend li main ol p section summary table tbody td tfoot th thead
tr ul
"""
_BLOCKS: Final = frozenset(_BLOCK_TAGS.split())
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}


def read_html(source: Source) -> Extract:
    """The page's text; the title is its ``<title>``, else its first heading."""
    charset = _CHARSET.search(source.data[:2048])
    declared = None
    if charset:
        declared = charset.group(1).decode("ascii", "replace")
    return convert_html(source.text(declared=declared))


def convert_html(markup: str) -> Extract:
    """The text of an HTML page, with its title and outline.

    Headings become ``#`` lines, tables Markdown rows, list items ``-`` lines, ``pre`` fenced code.
    Raises UnreadableError for a page that would take too much memory or time.
    """
    from selectolax.lexbor import LexborHTMLParser

    if markup.count("<") - markup.count("</") + markup.count("=") > MAX_HTML_NODES:
        raise too_much(f"HTML holds more than {MAX_HTML_NODES:,} elements: split it")
    if effort(markup) > MAX_HTML_EFFORT:
        raise too_much("HTML nests its elements beyond measure: it is broken, or an attack")
    tree = LexborHTMLParser(markup)
    page = _Page()
    if tree.root is not None:
        page.walk(tree.root)
    page.close_block()
    title = None
    if page.outline:
        title = page.outline[0].text
    named = tree.css_first("head > title")
    if named is not None:
        title = _SPACE.sub(" ", named.text()).strip() or title
    return Extract(page.text(), "text/html", title=title, outline=tuple(page.outline))


@dataclass(slots=True)
class _Page:
    """The text so far: closed blocks, and the words of the open one."""

    blocks: list[str] = field(default_factory=list)
    """The closed blocks, and what separates them."""
    length: int = 0
    """The number of characters in ``blocks``."""
    words: list[str] = field(default_factory=list)
    """The text of the open block, piece by piece."""
    lists: list[int | None] = field(default_factory=list)
    """The open lists, innermost last: the next item's number, or None where they have bullets."""
    marker: str = ""
    """The beginning of the open list item's next paragraph: its bullet or number, then spaces."""
    outline: list[Heading] = field(default_factory=list)

    def text(self) -> str:
        """The blocks joined, ending in a line break."""
        if not self.blocks:
            return ""
        return "".join(self.blocks) + "\n"

    def walk(self, root: LexborNode) -> None:
        """Process a whole tree of nodes, depth first.

        It works without recursion, because real pages nest deeper than Python's stack.
        """
        node: LexborNode | None = root
        while node is not None:
            inside = node.child if self.enter(node) else None
            if inside is not None:
                node = inside
                continue
            while node is not None:
                self.leave(node)
                if node.mem_id == root.mem_id:
                    return
                if node.next is not None:
                    node = node.next
                    break
                node = node.parent

    def enter(self, node: LexborNode) -> bool:
        """Process the start of a node; True if its children are to be visited."""
        tag = node.tag or ""
        if tag == "-text":
            self.words.append(node.text_content or "")
            return False
        if tag in _DROPPED or tag.startswith("-comment"):
            return False
        attributes = node.attributes
        style = (attributes.get("style") or "").replace(" ", "").lower()
        if "hidden" in attributes or "display:none" in style:
            return False
        if tag == "br":
            self.words.append(_BREAK)
        elif tag == "pre":
            self._code(node)
            return False
        elif tag == "table" and is_data_table(node):
            self.close_block()
            self._append("\n".join(table_lines(table_rows(node))))
            return False
        elif tag in _HEADINGS or tag in _BLOCKS:
            self.close_block()
            self._open(tag, node)
        return True

    def leave(self, node: LexborNode) -> None:
        """Process the end of a node."""
        tag = node.tag or ""
        if tag in _HEADINGS:
            title = _SPACE.sub(" ", self._taken()).strip()
            if title:
                self.marker = ""
                level = _HEADINGS[tag]
                start = self._append("#" * level + " " + title)
                self.outline.append(Heading(level=level, text=title, start=start))
        elif tag in _BLOCKS:
            self.close_block()
        if tag in {"ul", "ol"} and self.lists:
            self.lists.pop()
        elif tag == "li":
            self.marker = ""

    def close_block(self) -> None:
        """End the open paragraph or list item, if it has words."""
        lines: list[str] = []
        for line in self._taken().split(_BREAK):
            shown = _SPACE.sub(" ", line).strip()
            if shown:
                lines.append(shown)
        if lines:
            marker = self.marker
            self.marker = " " * len(marker)
            text = ("\n" + self.marker).join(lines)
            self._append(marker + text, tight=bool(marker))

    def _taken(self) -> str:
        """The words of the open block, which is empty afterwards."""
        words = "".join(self.words)
        self.words = []
        return words

    def _open(self, tag: str, node: LexborNode) -> None:
        if tag == "ul":
            self.lists.append(None)
        elif tag == "ol":
            self.lists.append(number_in(node, "start"))
        elif tag == "li":
            indent = "  " * min(MAX_DEPTH, max(0, len(self.lists) - 1))
            number = self.lists[-1] if self.lists else None
            if number is None:
                self.marker = f"{indent}- "
            else:
                self.marker = f"{indent}{number}. "
                self.lists[-1] = number + 1

    def _code(self, node: LexborNode) -> None:
        self.close_block()
        code = plain(node.text(deep=True)).strip("\n")
        if not code.strip():
            return
        classes = node.attributes.get("class") or ""
        inner = node.css_first("code")
        if inner:
            classes += " " + (inner.attributes.get("class") or "")
        language = ""
        found = _LANGUAGE.search(classes)
        if found:
            language = found.group(1)
        fence = "````" if "```" in code else "```"
        self._append(f"{fence}{language}\n{code}\n{fence}")

    def _append(self, block: str, *, tight: bool = False) -> int:
        """Add a block after a blank line; return its start.

        ``tight``: the block is a list item, and follows another item without a blank line.
        """
        if not block:
            return self.length
        if self.blocks:
            follows_item = tight and self.blocks[-1].lstrip().startswith(("- ", *"0123456789"))
            self._push("\n" if follows_item else _BLANK)
        start = self.length
        self._push(block)
        return start

    def _push(self, piece: str) -> None:
        self.blocks.append(piece)
        self.length += len(piece)
        # A cell that spans a hundred rows is repeated in each.
        if self.length > MAX_EXTRACTED_CHARS:
            raise too_much("HTML repeats its cells beyond measure: it is broken, or an attack")


# Tags as the HTML standard reads them. Text in comments, scripts and styles holds no tags.
_NAME: Final = r"[a-zA-Z][^\s/>]*+"

_ATTRIBUTE: Final = r"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?|'[^']*+'?|[^\s>]*+))?"""

_TAG: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<raw>script|style)\b.*?(?:</(?P=raw)|\Z)"
    rf"|<(?P<end>/?)(?P<name>{_NAME})(?P<attributes>(?:[\s/]*+{_ATTRIBUTE})*+)",
    re.DOTALL | re.IGNORECASE,
)

_ATTRIBUTES: Final = re.compile(_ATTRIBUTE)

# Elements that have no end tag, and elements that end where the next one begins.
_FLAT_NAMES: Final = """
area base br col embed hr img input link meta source track wbr p li td th tr dt dd option thead
tbody tfoot colgroup
"""

_FLAT: Final = frozenset(_FLAT_NAMES.split())

_SMALL_CHARS: Final = 20_000  # a page of this size takes no time, whatever it holds

_SHORT_CHARS: Final = 200


def effort(markup: str) -> int:
    """An estimate of the times that the parser looks at an open element or an attribute.

    The estimate takes time that is linear in the text; for a small page it is 0.
    """
    if len(markup) <= _SMALL_CHARS:
        return 0
    total = 0
    depth = 0
    for tag in _TAG.finditer(markup):
        name = tag["name"]
        if name is None:
            continue
        flat = name.lower() in _FLAT
        if tag["end"]:
            depth = max(0, depth - (not flat))
            continue
        depth += not flat
        total += depth
        if len(tag["attributes"]) > _SHORT_CHARS:
            attributes = sum(1 for _ in _ATTRIBUTES.finditer(tag["attributes"]))
            total += attributes**2  # the parser compares each with each
    return total
