"""Finds the values that must stay on the device: one pure function over all families of detectors.

Kinds: EMAIL PHONE ACCOUNT CARD ID SECRET ADDRESS, the user's own TERM, and PERSON and ORGANISATION where a detector of
people is given. Detection reads through dressed-up Unicode and over line breaks; spans index the text as it was given.
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
_YEAR = re.compile(
    r"(?:19|20)[0-9]{2}"
)  # "passport 2022": every other 2022 of the run would go as well


def detector(
    *,
    words: Sequence[str] = (),
    patterns: Sequence[str] = (),
    people: Detector | None = None,
    families: Sequence[Family] = FAMILIES,
) -> Detector:
    """A pure function from a text to its sensitive values: sorted, not overlapping, in time linear in the text.

    ``words`` match in any case, inside longer words too, with any white space between their parts. ``patterns`` are
    Python regular expressions; how long they take is theirs. Raises ConfigError for a word of fewer than three
    characters and for a pattern that is invalid or matches the empty string. ``families`` find the other kinds.
    """
    finding = (*families, find_words(words))
    expressions = compile_patterns(patterns)

    def detect(text: str) -> list[Sensitive]:
        folded = fold(text)
        joined = folded.text.replace(" / ", " \n ")
        view = View(joined, lower(joined))
        found = [value for family in finding for value in family(view)]
        found = [
            one
            for one in found
            if one.kind == TERM or not _YEAR.fullmatch(joined, one.start, one.end)
        ]
        for shown in dict.fromkeys((folded.text, joined)):
            found += find_patterns(expressions, shown)
        found = [Sensitive(value.kind, *folded.span(value.start, value.end)) for value in found]
        if folded.text != text:
            found += find_patterns(expressions, text)
        if people is not None:
            found += people(text)
        return _apart(found)

    return detect


def _apart(found: Iterable[Sensitive]) -> list[Sensitive]:
    """Values that overlap become one, of the kind of the longest (the user's TERM where they are equally long), so that
    no part of any of them is left out.
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
        kind = value.kind if rank > best else last.kind
        best = max(best, rank)
        apart[-1] = Sensitive(kind, last.start, max(last.end, value.end))
    return apart
