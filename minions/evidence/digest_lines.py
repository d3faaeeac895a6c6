"""Writes a finding for the planner, as far as the policy allows."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.corpus.chunking import HEADER_CHARS
from minions.corpus.structure import TITLE_CHARS
from minions.redaction.shown_names import uncut
from minions.text.visible import without_unseen
from minions.values.policy import Policy, shows_names, shows_quotes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from minions.values.findings import Finding

    # Start and end of each value in a text that no cut may go through.
    Values = Callable[[str], Sequence[tuple[int, int]]]

_QUOTE_CHARACTERS = 700
_NEIGHBOUR_CHARACTERS = 160
_HEADING_CHARACTERS = 80
_GIST_CHARACTERS = 120
# An answer is short, so that no model can send a whole chunk as its answer.
_ANSWER_CHARACTERS = 400
_GROUP_CHARACTERS = 60
# Room kept for the longest endings of a list.
_MORE_NAMES = ":  and 999 more; "
_MORE_VALUES = "; 999 more values"


class Writer:
    """Writes findings for the planner.

    ``names`` maps document ids to the names that are sent; a corpus of one document is not named.
    ``values`` gives the spans of a text that no cut may go through. ``escape`` is applied to each
    text of a document.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        policy: Policy,
        values: Values = lambda _: (),
        escape: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._names = names
        self._policy = policy
        self.values = values
        self._escape = escape

    def line(self, finding: Finding) -> str:
        """The finding as one line: ``f1 ANSWER | PLACE: LINES``.

        Under ``strict`` neither headings nor lines are written.
        """
        place = self.place(finding)
        lines = self._lines(finding)
        answered = self._answered(finding)
        if place and lines:
            return f"{answered} | {place}: {lines}"
        if place or lines:
            return f"{answered} | {place or lines}"
        return answered

    def gist(self, finding: Finding) -> str:
        """The finding as later rounds see it: its answer, and its quote cut short."""
        answered = self._answered(finding)
        if not shows_quotes(self._policy):
            return answered
        return f"{answered} | {self._escaped(finding.citation.quote, _GIST_CHARACTERS)}"

    def place(self, finding: Finding) -> str:
        """Document, page and headings, as far as the policy allows."""
        citation = finding.citation
        name = ""
        if len(self._names) > 1:
            name = self._names.get(citation.document_id, PurePath(citation.path).name)
        if not shows_names(self._policy):
            return name
        headings = " > ".join([uncut(heading, TITLE_CHARS) for heading in finding.headings[-2:]])
        heading = self._escaped(headings, _HEADING_CHARACTERS, keep_end=True)
        document = self._escape(name)
        if citation.page is not None:
            document = f"{document} p.{citation.page}"
        return ", ".join(filter(None, (document.strip(), heading)))

    def _lines(self, finding: Finding) -> str:
        if not shows_quotes(self._policy):
            return ""
        header = uncut(finding.table_header or "", HEADER_CHARS)
        lines = (
            self._escaped(header, _QUOTE_CHARACTERS),
            self._escaped(finding.before, _NEIGHBOUR_CHARACTERS, keep_end=True),
            self._escaped(finding.citation.quote, _QUOTE_CHARACTERS),
            self._escaped(finding.after, _NEIGHBOUR_CHARACTERS),
        )
        return " / ".join(filter(None, lines))

    def whole(self, finding: Finding) -> str:
        """The finding's place, and below it the quote, uncut and in its own lines."""
        lines = "\n".join(without_unseen(finding.citation.quote).splitlines())
        return f"{finding.id} {self.place(finding)}\n{self._escape(lines)}"

    def listing(self, groups: Sequence[tuple[str, Sequence[str]]], limit: int) -> str:
        """See `listing`."""
        escaped: list[tuple[str, list[str]]] = []
        for value, members in groups:
            names = [self._escape(name) for name in members]
            escaped.append((value, names))
        return listing(escaped, limit, self.values)

    def _escaped(self, text: str, limit: int, *, keep_end: bool = False) -> str:
        return self._escape(self.squeeze(text, limit, keep_end=keep_end))

    def squeeze(self, text: str, limit: int, *, keep_end: bool = False) -> str:
        """One line of about ``limit`` characters at most; see `squeeze`."""
        return squeeze(text, limit, keep_end=keep_end, values=self.values)

    def _answered(self, finding: Finding) -> str:
        answer = " ".join((finding.answer or "?").split())
        return f"{finding.id} {self.squeeze(answer, _ANSWER_CHARACTERS)}"


def squeeze(text: str, limit: int, *, keep_end: bool = False, values: Values = lambda _: ()) -> str:
    """One line of about ``limit`` characters at most, without invisible ones.

    Lines are divided by `` / ``. A longer text is cut at a word, at its end or, with ``keep_end``,
    at its beginning, and never inside one of the ``values``, which are looked for in that line.
    """
    lines = [" ".join(line.split()) for line in without_unseen(text).splitlines()]
    flat = " / ".join(filter(None, lines))
    if len(flat) <= limit:
        return flat
    if keep_end:
        cut = len(flat) - limit
        cut = flat.find(" ", cut) + 1 or cut
        for start, end in values(flat):
            if start < cut < end:
                cut = end
                break
        return f"...{flat[cut:].lstrip()}"
    cut = flat.rfind(" ", 0, limit)
    if cut <= 0:
        cut = limit
    for start, end in values(flat):
        if start < cut < end:
            cut = start
            break
    return f"{flat[:cut].rstrip()}..."


def listing(
    groups: Sequence[tuple[str, Sequence[str]]], limit: int, values: Values = lambda _: ()
) -> str:
    """Groups as a text: ``yes (312): a.txt, b.txt and 310 more; no (188): ...``.

    It has at most about ``limit`` characters. Counts come first, then as many names as fit: the
    names in "yes" and in small groups before others.
    """
    heads: list[str] = []
    room = limit - len(_MORE_VALUES)
    for value, members in groups:
        heads.append(f"{squeeze(value, _GROUP_CHARACTERS, values=values)} ({len(members)})")
        room -= len(heads[-1]) + len(_MORE_NAMES)
        if room < 0 and len(heads) > 1:
            heads.pop()
            break
    shown = groups[: len(heads)]
    named = [0] * len(shown)
    by_interest = sorted(
        range(len(shown)), key=lambda place: (shown[place][0] != "yes", len(shown[place][1]))
    )
    for place in by_interest:
        for name in shown[place][1]:
            if len(name) + 2 > room:
                break
            room -= len(name) + 2
            named[place] += 1
    parts: list[str] = []
    for head, (_, members), count in zip(heads, shown, named, strict=True):
        part = head
        if count:
            part += f": {', '.join(members[:count])}"
            if count < len(members):
                part += f" and {len(members) - count} more"
        parts.append(part)
    if len(heads) < len(groups):
        parts.append(f"{len(groups) - len(heads)} more values")
    return "; ".join(parts)
