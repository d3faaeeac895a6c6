"""HTML: what a reader of the page sees, in order, in Markdown conventions."""

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
# Stands for <br> until white space is collapsed.
_BREAK: Final = "\x1f"

# Not part of what the page says: code, forms, ways to other pages.
_DROPPED_TAGS: Final = """
script style nav noscript template head iframe object embed svg canvas audio video select button input
textarea dialog ix:header
"""
_DROPPED: Final = frozenset(_DROPPED_TAGS.split())
_BLOCK_TAGS: Final = """
address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer
form header hr html legend li main ol p section summary table tbody td tfoot th thead tr ul
"""
_BLOCKS: Final = frozenset(_BLOCK_TAGS.split())
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}


def read_html(source: Source) -> Extract:
    """The page's text; the title is its ``<title>``, else its first heading."""
    declared = _CHARSET.search(source.data[:2048])
    markup = source.text(
        declared=declared.group(1).decode("ascii", "replace") if declared else None
    )
    return convert_html(markup)


def convert_html(markup: str) -> Extract:
    """HTML to text: headings as ``#`` lines, tables as rows, lists as ``-`` lines, ``pre`` as fenced code."""
    from selectolax.lexbor import LexborHTMLParser

    if markup.count("<") - markup.count("</") + markup.count("=") > MAX_HTML_NODES:
        raise too_much(f"HTML holds more than {MAX_HTML_NODES:,} elements: split it")
    if effort(markup) > MAX_HTML_EFFORT:
        raise too_much("HTML nests its elements beyond measure: it is broken, or an attack")
    tree = LexborHTMLParser(markup)
    page = _Page()
    if tree.root is not None:
        _walk(tree.root, page)
    page.close_block()
    title = tree.css_first("head > title")
    named = _SPACE.sub(" ", title.text()).strip() if title is not None else ""
    first = page.outline[0].text if page.outline else None
    return Extract(page.text(), "text/html", title=named or first, outline=tuple(page.outline))


def _walk(root: LexborNode, page: _Page) -> None:
    """Depth first without recursion: real pages nest deeper than Python's stack."""
    node: LexborNode | None = root
    while node is not None:
        inside = node.child if page.enter(node) else None
        if inside is not None:
            node = inside
            continue
        while node is not None:
            page.leave(node)
            if node.mem_id == root.mem_id:
                return
            if node.next is not None:
                node = node.next
                break
            node = node.parent


@dataclass(slots=True)
class _Page:
    """The text so far: closed blocks, and the words of the open one."""

    blocks: list[str] = field(default_factory=list)
    length: int = 0
    words: list[str] = field(default_factory=list)
    lists: list[int | None] = field(default_factory=list)
    marker: str = ""
    outline: list[Heading] = field(default_factory=list)

    def text(self) -> str:
        """The blocks joined, ending in a line break."""
        return "".join(self.blocks) + ("\n" if self.blocks else "")

    def enter(self, node: LexborNode) -> bool:
        """Take a node as it begins; True when its children are to be visited."""
        tag = node.tag or ""
        if tag == "-text":
            self.words.append(node.text_content or "")
            return False
        if tag in _DROPPED or tag.startswith("-comment") or _is_hidden(node):
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
        """Take a node as it ends."""
        tag = node.tag or ""
        if tag in _HEADINGS:
            self._heading(_HEADINGS[tag])
        elif tag in _BLOCKS:
            self.close_block()
        if tag in {"ul", "ol"} and self.lists:
            self.lists.pop()
        elif tag == "li":
            self.marker = ""

    def close_block(self) -> None:
        """End the open paragraph or list item, if it has words."""
        lines = (_SPACE.sub(" ", line).strip() for line in self._taken().split(_BREAK))
        text = "\n".join(line for line in lines if line)
        if text:
            marker, self.marker = self.marker, " " * len(self.marker)
            self._append(marker + text.replace("\n", "\n" + " " * len(marker)), tight=bool(marker))

    def _taken(self) -> str:
        words, self.words = "".join(self.words), []
        return words

    def _open(self, tag: str, node: LexborNode) -> None:
        if tag in {"ul", "ol"}:
            self.lists.append(None if tag == "ul" else number_in(node, "start"))
        elif tag == "li":
            indent = "  " * min(MAX_DEPTH, max(0, len(self.lists) - 1))
            number = self.lists[-1] if self.lists else None
            self.marker = f"{indent}- " if number is None else f"{indent}{number}. "
            if number is not None:
                self.lists[-1] = number + 1

    def _heading(self, level: int) -> None:
        title = _SPACE.sub(" ", self._taken()).strip()
        if title:
            self.marker = ""
            start = self._append("#" * level + " " + title)
            self.outline.append(Heading(level=level, text=title, start=start))

    def _code(self, node: LexborNode) -> None:
        self.close_block()
        code = plain(node.text(deep=True)).strip("\n")
        inner = node.css_first("code")
        classes = f"{node.attributes.get('class') or ''} {(inner.attributes.get('class') if inner else '') or ''}"
        language = _LANGUAGE.search(classes)
        if code.strip():
            fence = "````" if "```" in code else "```"
            self._append(f"{fence}{language.group(1) if language else ''}\n{code}\n{fence}")

    def _append(self, block: str, *, tight: bool = False) -> int:
        """Add a block after a blank line (``tight``: an item after another, on the next line); return its start."""
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
        if (
            self.length > MAX_EXTRACTED_CHARS
        ):  # a cell that spans a hundred rows is repeated in each
            raise too_much("HTML repeats its cells beyond measure: it is broken, or an attack")


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return (
        "hidden" in attributes
        or "display:none" in (attributes.get("style") or "").replace(" ", "").lower()
    )


# Tags as the HTML standard reads them; what stands in comments, scripts and styles is none.
_NAME: Final = r"[a-zA-Z][^\s/>]*+"

_ATTRIBUTE: Final = r"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?|'[^']*+'?|[^\s>]*+))?"""

_TAG: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<raw>script|style)\b.*?(?:</(?P=raw)|\Z)"
    rf"|<(?P<end>/?)(?P<name>{_NAME})(?P<attributes>(?:[\s/]*+{_ATTRIBUTE})*+)",
    re.DOTALL | re.IGNORECASE,
)

_ATTRIBUTES: Final = re.compile(_ATTRIBUTE)

# Elements that have no end, and those that end by themselves where the next one begins, so that nobody closes them.
_FLAT_NAMES: Final = """
area base br col embed hr img input link meta source track wbr p li td th tr dt dd option thead tbody tfoot colgroup
"""

_FLAT: Final = frozenset(_FLAT_NAMES.split())

_SMALL_CHARS: Final = 20_000  # whatever it holds, it takes no time

_SHORT_CHARS: Final = 200


def effort(markup: str) -> int:
    """About how often the parser looks at an open element or an attribute; 0 for a small page. Linear in the text."""
    if len(markup) <= _SMALL_CHARS:
        return 0
    total = depth = 0
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
            total += sum(1 for _ in _ATTRIBUTES.finditer(tag["attributes"])) ** 2
    return total
