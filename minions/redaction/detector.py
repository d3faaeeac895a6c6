"""Finds the values that must not be sent: one pure function over all families of detectors.

Kinds: EMAIL PHONE ACCOUNT CARD ID SECRET ADDRESS, the user's own TERM, and PERSON and ORGANISATION
where a detector of people is given. Detection reads through full-width and other decorated letters
and over line breaks; spans index the text as it was given.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.redaction.detectors import accounts, addresses, email, ids, phones, secrets
from minions.redaction.detectors.folding import fold
from minions.redaction.detectors.spans import Detector, Sensitive, View, lower
from minions.redaction.detectors.terms import KIND as TERM
from minions.redaction.detectors.terms import compile_patterns, find_patterns, find_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.redaction.detectors.spans import Family

__all__ = ["FAMILIES", "Detector", "Sensitive", "detector"]

FAMILIES: tuple[Family, ...] = (
    email.find,
    accounts.find,
    ids.find,
    phones.find,
    secrets.find,
    addresses.find,
)
# "passport 2022": once taken for a value, every other 2022 of the run would be replaced as well.
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")


def detector(
    *,
    words: Sequence[str] = (),
    patterns: Sequence[str] = (),
    people: Detector | None = None,
    families: Sequence[Family] = FAMILIES,
) -> Detector:
    """A pure function from a text to its sensitive values: sorted, not overlapping.

    It takes time linear in the text. ``words`` match in any case, inside longer words too, with any
    white space between their parts. ``patterns`` are Python regular expressions, whose time is not
    bounded. ``families`` find the other kinds. Raises ConfigError for a word of fewer than three
    characters and for a pattern that is invalid or matches the empty string.
    """
    finders = (*families, find_words(words))
    expressions = compile_patterns(patterns)

    def detect(text: str) -> list[Sensitive]:
        folded = fold(text)
        joined = folded.text.replace(" / ", " \n ")
        view = View(joined, lower(joined))
        in_folded: list[Sensitive] = []
        for find in finders:
            for value in find(view):
                is_year = _YEAR.fullmatch(joined, value.start, value.end)
                if is_year and value.kind != TERM:
                    continue
                in_folded.append(value)
        for shown in dict.fromkeys((folded.text, joined)):
            in_folded += find_patterns(expressions, shown)
        found: list[Sensitive] = []
        for value in in_folded:
            start, end = folded.span(value.start, value.end)
            found.append(Sensitive(value.kind, start, end))
        if folded.text != text:
            found += find_patterns(expressions, text)
        if people is not None:
            found += people(text)
        return _apart(found)

    return detect


def _apart(found: Iterable[Sensitive]) -> list[Sensitive]:
    """Join values that overlap, so that no part of any of them is left out.

    A joined value has the kind of the longest, or TERM, the user's own, where both are equally
    long.
    """
    ordered = sorted(found, key=lambda value: value.start)
    apart: list[Sensitive] = []
    best: tuple[int, bool] = (0, False)
    for value in ordered:
        rank = (value.end - value.start, value.kind == TERM)
        if not apart or value.start >= apart[-1].end:
            apart.append(value)
            best = rank
            continue
        last = apart[-1]
        kind = last.kind
        if rank > best:
            kind = value.kind
            best = rank
        apart[-1] = Sensitive(kind, last.start, max(last.end, value.end))
    return apart
