"""The privacy policies: the parts of the documents that may be sent to a cloud planner.

strict    answers and counts only: no quotes and no names; documents are called d1, d2, ...
findings  grounded findings with the lines around them, names, titles and headings (the default)
open      whole chunks too; the protocols that read in the cloud (``rag``, ``remote``) need it
"""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value

Policy = Literal["strict", "findings", "open"]


def shows_names(policy: Policy) -> bool:
    """Return whether the planner may see file names, titles and headings."""
    return policy != "strict"


def shows_quotes(policy: Policy) -> bool:
    """Return whether the planner may see lines of the documents."""
    return policy != "strict"


class Redaction(Value):
    """The sensitive values that are replaced by placeholders before anything is sent.

    ``on``: values that are found by their form (e-mail addresses, account numbers, ...). ``words``
    and ``patterns`` are the user's own, replaced even where ``on`` is false. ``people``: names of
    people and organisations (None: where the extra that finds them is installed).
    """

    on: bool = True
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    people: bool | None = None
