"""The digest: the few lines that go up. Each finding once, with its heading and the lines around it, best first.

A finding reads ``f1 12.4 million | report.pdf p.12, Results > Revenue: 2021 | 2022 / Net revenue 10.1 12.4 / Cost 3.0
4.1``: its id, the worker's unsure answer, where it stands, then the document's own lines (header row and neighbours
included). Under policy ``strict`` only the id, the answer and the document's number go up. What the egress limit does
not let through stays, and the digest says so.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from minions.evidence.equality import NEARLY, rivals, value_of
from minions.text.tokens import estimate_tokens
from minions.values.findings import Digest, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.evidence.digest_lines import Writer
    from minions.evidence.reduce import Reduction
    from minions.values.plans import Task

_ADJOINING_CHARACTERS = 4
_ALWAYS = 3
_GISTS = 6
_SUMMARY_SHARE = 0.7  # of the budget, over all tasks: lists of names may fill a digest, and leave room for findings
_CHARACTERS_PER_TOKEN = 3
_INSTRUCTION_CHARACTERS = 200
_GIST_CHARACTERS = 160
_ID_BYTES = 4  # that a finding's number may be longer than the one it is measured with
_KEPT_BACK = "the summary stays on the device: the egress limit"
_UNREAD = "the index's best lines, unread:"
_FIRST, _OTHERS, _REPEATS, _LAST = range(4)  # the turns in which findings are chosen
_RIVALS = 4
_RIVAL_CHARACTERS = 40
_RIVAL_TOKENS = 40  # of a line that says which answers differ, about

_Place = tuple[str, int, int, str | None]


class _Chosen:
    """What of one task goes up."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.unread: list[Finding] = []  # beside findings that do not suffice
        self.repeated: list[_Place] = []  # lines that another task brings up already
        self.kept_back = 0  # findings that the egress limit keeps here


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
    """Write the digest within about ``budget_tokens``: task lines and summaries, then findings by confidence, last what
    nobody read.

    ``covered`` says by task id what was read. Summaries and findings take ``room_bytes`` at most; None: as many as they
    need. Findings are numbered from ``first_id`` in the order they stand.
    """
    both = list(zip(tasks, reductions, strict=True))
    limit = int(_SUMMARY_SHARE * budget_tokens / len(tasks) * _CHARACTERS_PER_TOKEN)
    summaries, taken_bytes = _summaries(both, limit, room_bytes, writer)
    room = None if room_bytes is None else room_bytes - taken_bytes
    told = {task.id: [covered[task.id], *summaries[task.id]] for task in tasks}
    taken = sum(estimate_tokens(_head(task, told[task.id], writer)) for task in tasks)
    taken += sum(
        _RIVAL_TOKENS for task, reduction in both if len(rivals(reduction.findings, task)) > 1
    )
    chosen = _choose(both, writer, budget_tokens - taken, room)
    page = _Page(writer, first_id)
    for task, reduction in both:
        page.add(task, reduction, told[task.id], chosen[task.id])
    text = "\n".join(page.rows)
    gists = sorted(page.findings, key=lambda finding: -finding.confidence)[:_GISTS]
    outcomes = (
        f"{task.id} ({writer.squeeze('; '.join(told[task.id]), _GIST_CHARACTERS)})"
        for task in tasks
    )
    return Digest(
        text=text,
        findings=tuple(page.findings),
        gist="; ".join((*map(writer.gist, gists), *outcomes)),
        tokens=estimate_tokens(text),
        document_bytes=taken_bytes + page.document_bytes,
        kept_back=sum(one.kept_back for one in chosen.values()),
    )


def pack_whole(findings: Sequence[Finding], writer: Writer) -> Digest:
    """A digest of every finding, its quote uncut and in its own lines, for protocols that send whole chunks."""
    numbered = tuple(_numbered(finding, f"f{number}") for number, finding in enumerate(findings, 1))
    text = "\n\n".join(writer.whole(finding) for finding in numbered)
    tokens, size = estimate_tokens(text), _size(text)
    return Digest(
        text=text, findings=numbered, gist="", tokens=tokens, whole=True, document_bytes=size
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

    def add(self, task: Task, reduction: Reduction, told: Sequence[str], chosen: _Chosen) -> None:
        """A task's line, its findings, and what of them is left out."""
        found = [self._number(finding) for finding in chosen.findings]
        extreme = [
            self._ids.get(_place(one)) for one in reduction.findings if one.id == reduction.extreme
        ]
        named = [f"{told[-1]} ({finding_id})" for finding_id in extreme if finding_id]
        alone = [_UNREAD] if reduction.unread and not reduction.findings else []
        disputed = _dispute(found, task, self._writer)
        self.rows.append(
            _head(task, [*(told[:-1] if named else told), *named, *disputed, *alone], self._writer)
        )
        self._show(found)
        if known := [self._ids[place] for place in chosen.repeated if place in self._ids]:
            self.rows.append(f"see {', '.join(known)}")
        if left_out := len(reduction.shown) - len(found) - len(chosen.repeated) - chosen.kept_back:
            self.rows.append(f"({left_out} more left out)")
        if chosen.kept_back:
            self.rows.append(f"({chosen.kept_back} more stay on the device: the egress limit)")
        if chosen.unread:
            self.rows.append(_UNREAD)
            self._show([self._number(finding) for finding in chosen.unread])

    def _show(self, findings: Sequence[Finding]) -> None:
        rows = [self._writer.line(finding) for finding in findings]
        self.rows += rows
        self.document_bytes += sum(map(_size, rows))

    def _number(self, finding: Finding) -> Finding:
        numbered = _numbered(finding, f"f{self._first_id + len(self.findings)}")
        self.findings.append(numbered)
        self._ids[_place(finding)] = numbered.id
        return numbered


def _head(task: Task, told: Sequence[str], writer: Writer) -> str:
    return (
        f"{task.id} {writer.squeeze(task.instruction, _INSTRUCTION_CHARACTERS)} ({'; '.join(told)})"
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _summaries(
    both: Sequence[tuple[Task, Reduction]], limit: int, room: int | None, writer: Writer
) -> tuple[dict[str, list[str]], int]:
    """Each task's summary, and the bytes they take in all. One that does not fit stays on the device."""
    summaries: dict[str, list[str]] = {}
    taken = 0
    for task, reduction in both:
        left = None if room is None else room - taken
        summary = _summary(reduction, limit if left is None else min(limit, left), writer)
        size = sum(map(_size, summary)) if reduction.findings else 0
        if left is not None and size > left:
            summary, size = [_KEPT_BACK], 0
        summaries[task.id] = summary
        taken += size
    return summaries, taken


def _summary(reduction: Reduction, limit: int, writer: Writer) -> list[str]:
    if not reduction.findings:
        return ["nothing found"]
    if reduction.groups:
        return [writer.listing([(group.value, group.members) for group in reduction.groups], limit)]
    return [writer.squeeze(reduction.summary, limit)] if reduction.summary else []


def _dispute(found: Sequence[Finding], task: Task, writer: Writer) -> list[str]:
    """``answers differ: 12.4 million (f1, f4), 11 million (f2)``, where they do."""
    groups = rivals(found, task)
    if len(groups) < 2:  # noqa: PLR2004 - it takes two
        return []
    values = (
        f"{writer.squeeze(group[0].answer or '', _RIVAL_CHARACTERS)} ({', '.join(one.id for one in group[:_RIVALS])})"
        for group in groups[:_RIVALS]
    )
    return [f"answers differ: {', '.join(values)}"]


def _numbered(finding: Finding, finding_id: str) -> Finding:
    citation = finding.citation.model_copy(update={"id": finding_id})
    return finding.model_copy(update={"id": finding_id, "citation": citation})


def _choose(
    both: Sequence[tuple[Task, Reduction]], writer: Writer, budget_tokens: int, room: int | None
) -> dict[str, _Chosen]:
    """Findings that fit: the best of each task, then those of other values, then what repeats one, each by confidence;
    last what nobody read. The same lines with the same answer go once.

    What repeats a value comes after, so that no number of documents that say the same crowds out one that does not. In
    what goes up the order is that of confidence again.
    """
    candidates: list[tuple[int, float, str, Finding]] = []
    order: dict[tuple[str, _Place], int] = {}
    for task, reduction in both:
        worth = _worth_sending(task, reduction)
        order |= {(task.id, _place(one)): rank for rank, (_, one) in enumerate(worth)}
        candidates += [(turn, -one.confidence, task.id, one) for turn, one in worth]
        candidates += [
            (_LAST, -one.confidence, task.id, one) for one in reduction.unread if reduction.findings
        ]
    candidates.sort(key=lambda candidate: candidate[:2])
    chosen = {task.id: _Chosen() for task, _ in both}
    seen: set[_Place] = set()
    shown_already: list[Finding] = []
    for turn, _, task_id, candidate in candidates:
        unread = turn == _LAST
        if _place(candidate) in seen:
            if not unread:
                chosen[task_id].repeated.append(_place(candidate))
            continue
        finding = _without_shared_lines(candidate, shown_already)
        line = writer.line(finding)
        cost, size = estimate_tokens(line), _size(line) + _ID_BYTES
        if cost > budget_tokens:
            continue
        if room is not None and size > room:
            chosen[task_id].kept_back += not unread
            continue
        seen.add(_place(candidate))
        budget_tokens -= cost
        room = None if room is None else room - size
        shown_already.append(finding)
        (chosen[task_id].unread if unread else chosen[task_id].findings).append(finding)
    for task, _ in both:
        chosen[task.id].findings.sort(key=lambda finding: order[task.id, _place(finding)])
    return chosen


def _worth_sending(task: Task, reduction: Reduction) -> list[tuple[int, Finding]]:
    """The first three, and those nearly as sure as the best; beside a table of values, a few findings of each. Each
    with its turn, in the order in which they go up.
    """
    shown = reduction.shown
    if reduction.exemplary is not None and reduction.findings:
        each: Counter[str] = Counter()
        few: list[tuple[int, Finding]] = []
        for finding in shown:
            value = (
                value_of(finding.answer or "", task) if task.reduce in {"count", "group"} else ""
            )
            turn = _OTHERS if each[value] else _FIRST
            few += [(turn, finding)] if each[value] < reduction.exemplary else []
            each[value] += 1
        return sorted(few, key=lambda one: one[0])
    least = NEARLY * max((finding.confidence for finding in shown), default=0.0)
    worth = [
        finding
        for rank, finding in enumerate(shown)
        if rank < _ALWAYS or finding.confidence >= least
    ]
    values = [value_of(finding.answer or "", task) for finding in worth]
    first = {value: rank for rank, value in reversed(list(enumerate(values)))}
    repeated = len(first) < len(worth) and bool(reduction.findings)
    turns = (
        _FIRST
        if not rank
        else _REPEATS
        if repeated and (rank != first[value] or one.confidence < least)
        else _OTHERS
        for rank, (value, one) in enumerate(zip(values, worth, strict=True))
    )
    return list(zip(turns, worth, strict=True))


def _without_shared_lines(finding: Finding, others: Sequence[Finding]) -> Finding:
    if any(_adjoins(finding, other) for other in others):
        return finding.model_copy(update={"before": "", "after": "", "table_header": None})
    return finding


def _adjoins(finding: Finding, other: Finding) -> bool:
    """Whether two findings stand next to each other, so that one's neighbours are the other's lines, shown already."""
    one, two = finding.citation, other.citation
    gap = max(one.start, two.start) - min(one.end, two.end)
    return one.document_id == two.document_id and gap <= _ADJOINING_CHARACTERS


def _place(finding: Finding) -> _Place:
    citation = finding.citation
    return citation.document_id, citation.start, citation.end, finding.answer
