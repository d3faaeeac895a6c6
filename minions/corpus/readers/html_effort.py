"""What parsing a page will take, told before it is parsed.

The parser walks through the open elements at each tag, and through a tag's attributes at each attribute, so the time
goes with the square of how deep they nest and how many they are: half a megabyte of ``<ul><li>`` takes minutes.
"""

from __future__ import annotations

import re
from typing import Final

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
