"""Text of strangers, as it is shown: what a document, a planner or a file system wrote is text, never a command.

A terminal obeys escape sequences, a reader is misled by characters that reverse the order of others, a table or a
prompt by a line break in a name. The stored text keeps all of these, so that offsets stand.
"""

from __future__ import annotations

import re
from typing import Final

# C0 and C1 controls, DEL, the marks, overrides and isolates of bidirectional text, line and paragraph separators, and
# halves of surrogate pairs, which cannot be written at all. Line feed and tab are left to each function.
_UNSEEN: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
)
_ESCAPED: Final = re.compile(f"[{_UNSEEN}]")
# Tags and the like: a writing that nobody sees, and models read. What joins letters (ZWJ, ZWNJ) is none of it: scripts
# need it.
_HIDDEN: Final = "\u206a-\u206f\U000e0000-\U000e0fff"
_DROPPED: Final = re.compile(f"[{_UNSEEN}{_HIDDEN}]+")
_MANY: Final = 3


def visible(text: str) -> str:
    r"""``text`` with each unseen character written out (``\u001b``), line breaks and tabs kept.

    Within the strings of a JSON text that is the character's own spelling, so JSON stays what it is.
    """
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def one_line(text: str) -> str:
    """`visible`, on one line: white space, line breaks among it, is a space."""
    return visible(" ".join(text.split()))


def without_unseen(text: str) -> str:
    """``text`` without unseen characters and hidden writing; white space stays."""
    return _DROPPED.sub(lambda found: "".join(filter(str.isspace, found[0])), text)


def clean_line(text: str, limit: int) -> str:
    """One line of at most ``limit`` characters without any unseen character: for what stands in lists and prompts."""
    flat = " ".join(_DROPPED.sub(" ", text[: _MANY * limit]).split())
    return flat if len(flat) <= limit else flat[: limit - 3].rstrip() + "..."
