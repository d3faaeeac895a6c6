"""Make text from outside safe to show: text of a document, a planner or a file system.

A terminal obeys escape sequences, characters that reverse the order of others mislead a reader, and
a line break in a name breaks a table or a prompt. Stored text keeps all of these, so that offsets
stay valid.
"""

from __future__ import annotations

import re
from typing import Final

# C0 and C1 controls, DEL, the marks, overrides and isolates of bidirectional text, line and
# paragraph separators, and halves of surrogate pairs, which cannot be written at all. Each function
# treats line feeds and tabs in its own way.
_UNSEEN: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
)
_ESCAPED: Final = re.compile(f"[{_UNSEEN}]")
# Tags and similar characters: a person does not see them, and a model reads them. Characters that
# join letters (ZWJ, ZWNJ) are not among them, since some scripts need them.
_HIDDEN: Final = "\u206a-\u206f\U000e0000-\U000e0fff"
_DROPPED: Final = re.compile(f"[{_UNSEEN}{_HIDDEN}]+")
_MANY: Final = 3  # times the limit: enough text to fill a line after invisible characters go


def visible(text: str) -> str:
    r"""Return ``text`` with each invisible character escaped, as in ``\u001b``.

    Line breaks and tabs stay. JSON strings spell such characters in the same way, so JSON keeps its
    meaning.
    """
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def one_line(text: str) -> str:
    """Return ``text`` like `visible`, with all white space, line breaks too, turned into blanks."""
    return visible(" ".join(text.split()))


def without_unseen(text: str) -> str:
    """Return ``text`` without invisible characters; white space stays."""
    return _DROPPED.sub(lambda found: "".join(filter(str.isspace, found[0])), text)


def clean_line(text: str, limit: int) -> str:
    """Return one line of at most ``limit`` characters, none of them invisible.

    It is for names and titles in lists and prompts.
    """
    clean = _DROPPED.sub(" ", text[: _MANY * limit])
    flat = " ".join(clean.split())
    if len(flat) <= limit:
        return flat
    return flat[: limit - 3].rstrip() + "..."
