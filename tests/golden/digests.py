"""The text that goes up for fixed findings, under each policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.golden import given, parts

if TYPE_CHECKING:
    from tests.golden.parts import Digest, Finding, Task

_POLICIES: Final[tuple[Any, ...]] = ("strict", "findings", "open")
_ABOUT: Final = ("sea", "money", "neither", "sea", "sea", "money", "sea", "sea")


def digests() -> dict[str, Any]:
    """Findings with table rows, headings, disputes and counts; unread lines; limits; later rounds; whole passages."""
    told = {}
    for policy in _POLICIES:
        names = given.NUMBERS if policy == "strict" else given.NAMES
        writer = parts.Writer(names, policy)
        cases = _cases(writer, policy)
        cases["whole"] = parts.pack_whole(given.FINDINGS, writer)
        told[policy] = {name: _shown(digest) for name, digest in cases.items()}
    return told


def _cases(writer: Any, policy: str) -> dict[str, Digest]:
    tasks = given.TASKS
    text, number = tasks["text"], tasks["number"]
    hollin = [_of("t2", "17", 0), _of("t2", "23", 400, confidence=0.6), _of("t2", "unknown", 900)]
    judged = [
        _of("t8", value, 0, document=f"c{place}", confidence=0.9 - place / 50)
        for place, value in enumerate(_ABOUT)
    ]
    lights = [_of("t4", "Skerrow, Hollin", 0), _of("t4", "Garrow", 800), _of("t4", "Garrow", 1_800)]
    unread = given.finding(None, "| Garrow | 23 |", start=32, confidence=0.1)
    nothing = parts.Reduction(task_id="t1", findings=(), unread=(unread,))
    found = parts.Reduction(task_id="t1", findings=given.FINDINGS, unread=(unread,))
    reduced = [
        (text, given.FINDINGS),
        (number, hollin),
        (tasks["judged category"], judged),
        (tasks["list"], lights),
    ]
    both = [
        (task, parts.reduce_findings(task, findings, _names(findings, policy)))
        for task, findings in reduced
    ]
    return {
        "all": _packed(both, writer),
        "few tokens": _packed(both, writer, budget_tokens=160),
        "few bytes": _packed(both, writer, room_bytes=300),
        "no bytes": _packed(both, writer, room_bytes=0),
        "later": _packed(both[:1], writer, first_id=12),
        "same evidence": _packed([both[0], (number, both[0][1])], writer),
        "nothing found": _packed([(text, parts.Reduction(task_id="t1", findings=()))], writer),
        "unread alone": _packed([(text, nothing)], writer),
        "unread beside": _packed([(text, found)], writer),
        "counted": _packed([_judged(tasks["judged yes_no"], policy)], writer),
        **{
            how: _packed([_reduced(number, how, hollin, policy)], writer)
            for how in ("sum", "min", "mean", "vote", "collect")
        },
    }


def _of(task: str, answer: str, start: int, **changes: Any) -> Finding:
    found = given.finding(answer, f"It is {answer}, they say.", start=start, **changes)
    return found.model_copy(update={"task_id": task})


def _names(findings: Any, policy: str) -> dict[str, str]:
    known = sorted({finding.citation.document_id for finding in findings})
    names = (
        f"d{number}" if policy == "strict" else f"contract {name}.txt"
        for number, name in enumerate(known, 1)
    )
    return dict(zip(known, names, strict=True))


def _reduced(task: Task, how: str, findings: list[Finding], policy: str) -> tuple[Task, Any]:
    asked = task.model_copy(update={"reduce": how})
    return asked, parts.reduce_findings(asked, findings, _names(findings, policy))


def _judged(task: Task, policy: str) -> tuple[Task, Any]:
    findings = [
        _of(
            "t7",
            "yes" if place % 3 else "no",
            0,
            document=f"c{place}",
            confidence=0.95 - place / 40,
        )
        for place in range(12)
    ]
    return task, parts.reduce_findings(task, findings, _names(findings, policy))


def _packed(both: list[Any], writer: Any, *, budget_tokens: int = 900, **how: Any) -> Digest:
    tasks = [task for task, _ in both]
    covered = {task.id: f"read {place + 2} of 9 passages" for place, task in enumerate(tasks)}
    reductions = [reduction for _, reduction in both]
    return parts.pack(tasks, reductions, covered, writer=writer, budget_tokens=budget_tokens, **how)


def _shown(digest: Digest) -> dict[str, Any]:
    data = digest.model_dump(mode="json", exclude={"findings", "text"})
    places = [
        f"{one.id} = {one.citation.document_id} {one.citation.start}-{one.citation.end}"
        for one in digest.findings
    ]
    return {**data, "text": digest.text.split("\n"), "findings": places}
