"""What may go up, by policy.

strict    answers and counts only: no quotes, no names; documents are d1, d2, ...
findings  grounded findings with the lines around them, names, titles and headings (the default)
open      chunks may go; the baselines that read in the cloud need it
"""

from __future__ import annotations

from typing import Literal

Policy = Literal["strict", "findings", "open"]


def shows_names(policy: Policy) -> bool:
    """Whether the planner may see file names, titles and headings."""
    return policy != "strict"


def shows_quotes(policy: Policy) -> bool:
    """Whether the planner may see the documents' own lines."""
    return policy != "strict"
