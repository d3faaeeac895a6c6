"""What may go up, by policy.

strict    answers and counts only: no quotes, no names; documents are d1, d2, ...
findings  grounded findings with the lines around them, names, titles and headings (the default)
open      chunks may go; the baselines that read in the cloud need it
"""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value

Policy = Literal["strict", "findings", "open"]


def shows_names(policy: Policy) -> bool:
    """Whether the planner may see file names, titles and headings."""
    return policy != "strict"


def shows_quotes(policy: Policy) -> bool:
    """Whether the planner may see the documents' own lines."""
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
