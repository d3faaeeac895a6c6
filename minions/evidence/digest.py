"""The digest: the few lines of the documents that are sent to the planner.

Each finding stands once, best first. It reads ``f1 12.4 million | report.pdf p.12, Results >
Revenue: 2021 | 2022 / Net revenue 10.1 12.4 / Cost 3.0 4.1``: its id, the worker's unsure answer,
its place (document, page, headings), then the document's own lines (header row and neighbours
included). Under policy ``strict`` only the id, the answer and the document's number are sent. The
digest counts the findings that the egress limit withholds.
"""

from __future__ import annotations

import math
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from minions.evidence.equality import NEARLY, rivals, value_of
from minions.text.tokens import estimate_tokens
from minions.values.findings import Digest, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.evidence.digest_lines import Writer
    from minions.evidence.reduce import Reduction
    from minions.values.plans import Task

_ADJOINING_CHARACTERS = 4
_ALWAYS = 3  # findings of a task that are worth sending however unsure they are
_GISTS = 6
# Of the budget, over all tasks: lists of names may fill a digest, and must leave room for findings.
_SUMMARY_SHARE = 0.7
_CHARACTERS_PER_TOKEN = 3
_INSTRUCTION_CHARACTERS = 200
_GIST_CHARACTERS = 160
_ID_BYTES = 4  # by which a finding's final id may be longer than the id it is measured with
_KEPT_BACK = "the summary stays on the device: the egress limit"
_UNREAD = "the index's best lines, unread:"
_RIVALS = 4
_RIVAL_CHARACTERS = 40
_RIVAL_TOKENS = 40  # estimate for a line that says which answers differ

_Place = tuple[str, int, int, str | None]


class _Turn(IntEnum):
    """The turns in which findings are chosen."""

    FIRST = 0  # the best of a task, or of a value
    OTHERS = 1  # findings of other values
    REPEATS = 2  # findings whose value an earlier one has
    UNREAD = 3  # lines that no worker read


class _Candidate(NamedTuple):
    """A finding that is sent if it fits."""

    turn: _Turn
    task_id: str
    finding: Finding


class _Chosen:
    """The findings of one task that are sent.

    ``unread`` are lines beside findings that do not suffice, ``repeated`` the places that another
    task's findings show already, ``kept_back`` counts the findings that the egress limit withholds.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.unread: list[Finding] = []
        self.repeated: list[_Place] = []
        self.kept_back = 0

    def add(self, finding: Finding, turn: _Turn) -> None:
        """Send a finding."""
        if turn == _Turn.UNREAD:
            self.unread.append(finding)
        else:
            self.findings.append(finding)


def pack(
    tasks: Sequence[Task],
    reductions: Sequence[Reduction],
    covered: Mapping[str, str],
    *,
    writer: Writer,
    budget_tokens: int,
    room_bytes: int | None = None,
    first_id: int = 1,
) -> Digest:
    """Write the digest within about ``budget_tokens``.

    Task lines and summaries come first, then findings by confidence, last the lines nobody read.
    ``covered`` maps a task's id to a phrase on how much was read for it. Summaries and findings
    take at most ``room_bytes``; None means no limit. Findings are numbered from ``first_id`` in
    the order they stand.
    """
    both = list(zip(tasks, reductions, strict=True))
    summary_limit = int(_SUMMARY_SHARE * budget_tokens / len(tasks) * _CHARACTERS_PER_TOKEN)
    room: float = math.inf
    if room_bytes is not None:
        room = room_bytes
    summaries, summary_bytes = _summaries(both, summary_limit, room, writer)
    notes: dict[str, list[str]] = {}
    head_tokens = 0
    for task, reduction in both:
        notes[task.id] = [covered[task.id], *summaries[task.id]]
        head_tokens += estimate_tokens(_head(task, notes[task.id], writer))
        if len(rivals(reduction.findings, task)) > 1:
            head_tokens += _RIVAL_TOKENS
    chosen = _choose(both, writer, budget_tokens - head_tokens, room - summary_bytes)
    page = _Page(writer, first_id)
    for task, reduction in both:
        page.add(task, reduction, notes[task.id], chosen[task.id])
    text = "\n".join(page.rows)
    surest = sorted(page.findings, key=lambda finding: -finding.confidence)
    gists = [writer.gist(finding) for finding in surest[:_GISTS]]
    for task in tasks:
        outcome = writer.squeeze("; ".join(notes[task.id]), _GIST_CHARACTERS)
        gists.append(f"{task.id} ({outcome})")
    return Digest(
        text=text,
        findings=tuple(page.findings),
        gist="; ".join(gists),
        tokens=estimate_tokens(text),
        document_bytes=summary_bytes + page.document_bytes,
        kept_back=sum(of_task.kept_back for of_task in chosen.values()),
    )


def pack_whole(findings: Sequence[Finding], writer: Writer) -> Digest:
    """A digest of every finding, its quote uncut and in its own lines.

    It is for protocols that send whole chunks.
    """
    numbered = [_numbered(finding, f"f{number}") for number, finding in enumerate(findings, 1)]
    text = "\n\n".join([writer.whole(finding) for finding in numbered])
    return Digest(
        text=text,
        findings=tuple(numbered),
        gist="",
        tokens=estimate_tokens(text),
        whole=True,
        document_bytes=_size(text),
    )


class _Page:
    """The rows of a digest as they are written, and its findings with their ids."""

    def __init__(self, writer: Writer, first_id: int) -> None:
        self.rows: list[str] = []
        self.findings: list[Finding] = []
        self.document_bytes = 0
        self._writer = writer
        self._first_id = first_id
        self._ids: dict[_Place, str] = {}

    def add(self, task: Task, reduction: Reduction, notes: Sequence[str], chosen: _Chosen) -> None:
        """Add a task's line, its findings, and a count of those left out.

        ``notes`` stand in the task's line: how much was read, and the summary.
        """
        found = [self._number(finding) for finding in chosen.findings]
        head = list(notes)
        for finding in reduction.findings:
            extreme_id = self._ids.get(_place(finding))
            if finding.id == reduction.extreme and extreme_id:
                head[-1] = f"{notes[-1]} ({extreme_id})"
        groups = rivals(found, task)
        if len(groups) > 1:
            # answers differ: 12.4 million (f1, f4), 11 million (f2)
            values: list[str] = []
            for group in groups[:_RIVALS]:
                answer = self._writer.squeeze(group[0].answer or "", _RIVAL_CHARACTERS)
                ids = [finding.id for finding in group[:_RIVALS]]
                values.append(f"{answer} ({', '.join(ids)})")
            head.append(f"answers differ: {', '.join(values)}")
        if reduction.unread and not reduction.findings:
            head.append(_UNREAD)
        self.rows.append(_head(task, head, self._writer))
        self._show(found)
        known = [self._ids[place] for place in chosen.repeated if place in self._ids]
        if known:
            self.rows.append(f"see {', '.join(known)}")
        dealt_with = len(found) + len(chosen.repeated) + chosen.kept_back
        left_out = len(reduction.shown) - dealt_with
        if left_out:
            self.rows.append(f"({left_out} more left out)")
        if chosen.kept_back:
            self.rows.append(f"({chosen.kept_back} more stay on the device: the egress limit)")
        if chosen.unread:
            self.rows.append(_UNREAD)
            self._show([self._number(finding) for finding in chosen.unread])

    def _show(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            row = self._writer.line(finding)
            self.rows.append(row)
            self.document_bytes += _size(row)

    def _number(self, finding: Finding) -> Finding:
        numbered = _numbered(finding, f"f{self._first_id + len(self.findings)}")
        self.findings.append(numbered)
        self._ids[_place(finding)] = numbered.id
        return numbered


def _head(task: Task, notes: Sequence[str], writer: Writer) -> str:
    instruction = writer.squeeze(task.instruction, _INSTRUCTION_CHARACTERS)
    return f"{task.id} {instruction} ({'; '.join(notes)})"


def _size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def _summaries(
    both: Sequence[tuple[Task, Reduction]], limit: int, room: float, writer: Writer
) -> tuple[dict[str, list[str]], int]:
    """Each task's summary by task id, and the bytes they take in all.

    A summary has at most ``limit`` characters. A summary that exceeds the rest of ``room`` (bytes;
    infinite without an egress limit) is withheld.
    """
    summaries: dict[str, list[str]] = {}
    taken = 0
    for task, reduction in both:
        summary = _summary(reduction, int(min(limit, room - taken)), writer)
        size = 0
        if reduction.findings:
            size = sum(map(_size, summary))
        if size > room - taken:
            summary = [_KEPT_BACK]
            size = 0
        summaries[task.id] = summary
        taken += size
    return summaries, taken


def _summary(reduction: Reduction, limit: int, writer: Writer) -> list[str]:
    """The summary as a list: empty where the findings speak for themselves."""
    if not reduction.findings:
        return ["nothing found"]
    if reduction.groups:
        groups = [(group.value, group.members) for group in reduction.groups]
        return [writer.listing(groups, limit)]
    if reduction.summary:
        return [writer.squeeze(reduction.summary, limit)]
    return []


def _numbered(finding: Finding, finding_id: str) -> Finding:
    citation = finding.citation.model_copy(update={"id": finding_id})
    return finding.model_copy(update={"id": finding_id, "citation": citation})


def _choose(
    both: Sequence[tuple[Task, Reduction]], writer: Writer, budget_tokens: int, room: float
) -> dict[str, _Chosen]:
    """Choose the findings that fit into ``budget_tokens`` and ``room`` bytes, by task id.

    First comes the best finding of each task, then findings of other values, then findings that
    repeat a value, each by confidence, last the lines nobody read. Repeats come late so that many
    documents with one value do not crowd out one document with another. The same lines with the
    same answer are sent once. Within a task the result is in order of confidence again.
    """
    candidates: list[_Candidate] = []
    order: dict[tuple[str, _Place], int] = {}
    for task, reduction in both:
        for rank, (turn, finding) in enumerate(_worth_sending(task, reduction)):
            order[task.id, _place(finding)] = rank
            candidates.append(_Candidate(turn, task.id, finding))
        if reduction.findings:
            candidates += [_Candidate(_Turn.UNREAD, task.id, line) for line in reduction.unread]
    candidates.sort(key=lambda candidate: (candidate.turn, -candidate.finding.confidence))
    chosen = {task.id: _Chosen() for task, _ in both}
    places: set[_Place] = set()
    sent: list[Finding] = []
    for turn, task_id, candidate in candidates:
        of_task = chosen[task_id]
        unread = turn == _Turn.UNREAD
        place = _place(candidate)
        if place in places:
            if not unread:
                of_task.repeated.append(place)
            continue
        finding = _without_shared_lines(candidate, sent)
        line = writer.line(finding)
        tokens = estimate_tokens(line)
        size = _size(line) + _ID_BYTES
        if tokens > budget_tokens:
            continue
        if size > room:
            of_task.kept_back += not unread
            continue
        budget_tokens -= tokens
        room -= size
        places.add(place)
        sent.append(finding)
        of_task.add(finding, turn)
    for task, _ in both:
        chosen[task.id].findings.sort(key=lambda finding: order[task.id, _place(finding)])
    return chosen


def _worth_sending(task: Task, reduction: Reduction) -> list[tuple[_Turn, Finding]]:
    """A task's first three findings and those nearly as sure as the best, each with its turn.

    Beside a table of values, a few examples of each value are enough. The order is the one in
    which the findings stand in the digest.
    """
    if reduction.exemplary is not None and reduction.findings:
        return _examples(task, reduction.findings, reduction.exemplary)
    best = max((finding.confidence for finding in reduction.shown), default=0.0)
    sure = NEARLY * best
    worth: list[Finding] = []
    for rank, finding in enumerate(reduction.shown):
        if rank < _ALWAYS or finding.confidence >= sure:
            worth.append(finding)
    values = [value_of(finding.answer or "", task) for finding in worth]
    has_repeats = bool(reduction.findings) and len(set(values)) < len(values)
    seen: set[str] = set()
    turns: list[tuple[_Turn, Finding]] = []
    for finding, value in zip(worth, values, strict=True):
        turn = _Turn.OTHERS
        if not turns:
            turn = _Turn.FIRST
        elif has_repeats and (value in seen or finding.confidence < sure):
            turn = _Turn.REPEATS
        seen.add(value)
        turns.append((turn, finding))
    return turns


def _examples(task: Task, findings: Sequence[Finding], of_each: int) -> list[tuple[_Turn, Finding]]:
    """The first few findings ``of_each`` value: the best of every value before all others."""
    counts: Counter[str] = Counter()
    examples: list[tuple[_Turn, Finding]] = []
    for finding in findings:
        value = ""
        if task.reduce in {"count", "group"}:
            value = value_of(finding.answer or "", task)
        turn = _Turn.FIRST
        if counts[value]:
            turn = _Turn.OTHERS
        if counts[value] < of_each:
            examples.append((turn, finding))
        counts[value] += 1
    return sorted(examples, key=lambda example: example[0])


def _without_shared_lines(finding: Finding, others: Sequence[Finding]) -> Finding:
    """The finding, without the lines around it where it adjoins a finding that shows them already.

    Two findings adjoin when at most a few characters of the same document are between them.
    """
    here = finding.citation
    for other in others:
        there = other.citation
        gap = max(here.start, there.start) - min(here.end, there.end)
        if here.document_id == there.document_id and gap <= _ADJOINING_CHARACTERS:
            return finding.model_copy(update={"before": "", "after": "", "table_header": None})
    return finding


def _place(finding: Finding) -> _Place:
    citation = finding.citation
    return citation.document_id, citation.start, citation.end, finding.answer
