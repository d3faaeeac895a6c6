"""How a finding is written for the planner, as the policy allows."""

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

    Values = Callable[[str], Sequence[tuple[int, int]]]

_QUOTE_CHARACTERS = 700
_NEIGHBOUR_CHARACTERS = 160
_HEADING_CHARACTERS = 80
_GIST_CHARACTERS = 120
_ANSWER_CHARACTERS = (
    400  # an answer is short, whoever wrote it: longer ones would take a passage up
)
_GROUP_CHARACTERS = 60
_MORE_NAMES = ":  and 999 more; "
_MORE_VALUES = "; 999 more values"


class Writer:
    """Writes findings. ``names`` maps document ids to the names that go up; a corpus of one document is not named.
    ``values`` says where in a text values stand that no cut may go through; ``escape`` is done to each text of a
    document.
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
        """``f1 ANSWER | PLACE: LINES`` without line breaks; under ``strict`` neither headings nor lines."""
        parts = [part for part in (self.place(finding), self._lines(finding)) if part]
        return (
            f"{finding.id} {self._answer(finding)} | {': '.join(parts)}"
            if parts
            else f"{finding.id} {self._answer(finding)}"
        )

    def gist(self, finding: Finding) -> str:
        """What later rounds see of it: the lines are trusted then too, so they go along, cut short."""
        if not shows_quotes(self._policy):
            return f"{finding.id} {self._answer(finding)}"
        return f"{finding.id} {self._answer(finding)} | {self._escaped(finding.citation.quote, _GIST_CHARACTERS)}"

    def place(self, finding: Finding) -> str:
        """Document, page and headings, as far as the policy allows."""
        citation = finding.citation
        name = (
            self._names.get(citation.document_id, PurePath(citation.path).name)
            if len(self._names) > 1
            else ""
        )
        if not shows_names(self._policy):
            return name
        page = f"p.{citation.page}" if citation.page is not None else ""
        headings = " > ".join(uncut(heading, TITLE_CHARS) for heading in finding.headings[-2:])
        heading = self._escaped(headings, _HEADING_CHARACTERS, keep_end=True)
        return ", ".join(part for part in (f"{self._escape(name)} {page}".strip(), heading) if part)

    def _lines(self, finding: Finding) -> str:
        if not shows_quotes(self._policy):
            return ""
        around = (
            self._escaped(uncut(finding.table_header or "", HEADER_CHARS), _QUOTE_CHARACTERS),
            self._escaped(finding.before, _NEIGHBOUR_CHARACTERS, keep_end=True),
            self._escaped(finding.citation.quote, _QUOTE_CHARACTERS),
            self._escaped(finding.after, _NEIGHBOUR_CHARACTERS),
        )
        return " / ".join(part for part in around if part)

    def whole(self, finding: Finding) -> str:
        """Its place, and below it the quote, uncut and in its own lines."""
        lines = "\n".join(without_unseen(finding.citation.quote).splitlines())
        return f"{finding.id} {self.place(finding)}\n{self._escape(lines)}"

    def listing(self, groups: Sequence[tuple[str, Sequence[str]]], limit: int) -> str:
        """See `listing`."""
        named = [(value, [self._escape(name) for name in members]) for value, members in groups]
        return listing(named, limit, self.values)

    def _escaped(self, text: str, limit: int, *, keep_end: bool = False) -> str:
        return self._escape(self.squeeze(text, limit, keep_end=keep_end))

    def squeeze(self, text: str, limit: int, *, keep_end: bool = False) -> str:
        """One line of about ``limit`` characters at most; see `squeeze`."""
        return squeeze(text, limit, keep_end=keep_end, values=self.values)

    def _answer(self, finding: Finding) -> str:
        return self.squeeze(" ".join((finding.answer or "?").split()), _ANSWER_CHARACTERS)


def squeeze(text: str, limit: int, *, keep_end: bool = False, values: Values = lambda _: ()) -> str:
    """One line of about ``limit`` characters at most, without unseen ones, cut at a word and through no value; lines
    are divided by `` / ``. ``values`` are looked for in what is left.
    """
    lines = (" ".join(line.split()) for line in without_unseen(text).splitlines())
    flat = " / ".join(line for line in lines if line)
    if len(flat) <= limit:
        return flat
    if keep_end:
        cut = len(flat) - limit
        cut = flat.find(" ", cut) + 1 or cut
        return (
            "..."
            + flat[next((end for start, end in values(flat) if start < cut < end), cut) :].lstrip()
        )
    cut = flat.rfind(" ", 0, limit)
    cut = cut if cut > 0 else limit
    return (
        flat[: next((start for start, end in values(flat) if start < cut < end), cut)].rstrip()
        + "..."
    )


def listing(
    groups: Sequence[tuple[str, Sequence[str]]], limit: int, values: Values = lambda _: ()
) -> str:
    """``yes (312): a.txt, b.txt and 310 more; no (188): ...`` in about ``limit`` characters: first the counts, then as
    many names as fit, those of "yes" and of small groups before others.
    """
    heads: list[str] = []
    room = limit - len(_MORE_VALUES)
    for value, members in groups:
        heads.append(f"{squeeze(value, _GROUP_CHARACTERS, values=values)} ({len(members)})")
        room -= len(heads[-1]) + len(_MORE_NAMES)
        if room < 0 and len(heads) > 1:
            heads.pop()
            break
    named = [0] * len(heads)
    for place in sorted(
        range(len(heads)), key=lambda n: (groups[n][0] != "yes", len(groups[n][1]))
    ):
        for name in groups[place][1]:
            if len(name) + 2 > room:
                break
            room -= len(name) + 2
            named[place] += 1
    parts = [
        _named(head, members, count)
        for head, (_, members), count in zip(heads, groups, named, strict=False)
    ]
    return "; ".join(parts) + (
        f"; {len(groups) - len(heads)} more values" if len(heads) < len(groups) else ""
    )


def _named(head: str, members: Sequence[str], count: int) -> str:
    if not count:
        return head
    more = f" and {len(members) - count} more" if count < len(members) else ""
    return f"{head}: {', '.join(members[:count])}{more}"
