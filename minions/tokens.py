"""Token counts without a tokenizer: an estimate for packing, and a bound for reserving.

Exact counts come only from a server's usage. The estimate is calibrated in docs/experiments.md.
"""

from __future__ import annotations

import re

_PIECE = re.compile(r"[A-Za-zÀ-ÿ]+|\d|[^\w\s]|\s+|\w")
_LETTERS_PER_TOKEN = 6.0


def estimate_tokens(text: str) -> int:
    """About how many tokens a modern byte-pair vocabulary makes of ``text``.

    Counts words (one token each six letters or part), digits and signs; white space joins what follows it.
    """
    total = 0
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece.isalpha() and piece.isascii():
            total += -(-len(piece) // int(_LETTERS_PER_TOKEN)) if len(piece) > _LETTERS_PER_TOKEN else 1
        elif piece.isspace():
            total += "\n" in piece
        else:
            total += 1
    return total


def bound_tokens(text: str) -> int:
    """A number that no byte-level tokenizer exceeds: one token a UTF-8 byte."""
    return len(text.encode("utf-8", "surrogatepass"))
