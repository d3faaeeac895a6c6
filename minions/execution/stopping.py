"""When a task has read enough: its best chunks agree, and the others are left unread.

The rule is that of a sequential test (Wald 1945; for votes: first to be ahead by k): chunks vote in the order they are
read, and reading ends when one answer leads every other by ``Enough.findings`` votes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from minions.text.numbers import parse_number, with_plain_numbers
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.values.findings import Finding
    from minions.values.jobs import Job, JobResult
    from minions.values.plans import Task

_PartId = tuple[str, str]  # of a task and a chunk


class Enough(Value):
    """How many chunks more must give an answer than give any other, before a task's reading ends; 0: it never does.

    A finding counts from ``confidence`` on.
    """

    findings: int
    confidence: float


def may_stop(task: Task) -> bool:
    """Whether a part can be enough: not for a task that counts, gathers or judges, nor for one that wants every chunk
    (it has no search phrases).
    """
    return (
        bool(task.search)
        and task.unit == "chunk"
        and task.output != "list"
        and task.reduce in {"collect", "vote"}
    )


def reads(results: Sequence[JobResult], enough: Enough) -> int:
    """How many of a task's results are read, in the order given, until it has enough; all, where it never has."""
    stopping = Stopping([result.job for result in results], enough)
    return next(
        (number for number, result in enumerate(results, 1) if stopping.ends(result)), len(results)
    )


def answer_form(task: Task, answer: str | None) -> str | None:
    """What two answers to a task share if they agree: letter case, white space, final points and ways to write a number
    do not count. None for one that agrees with nothing: no answer, or no number where one was asked for.
    """
    if answer is None:
        return None
    if task.output == "number":
        number = parse_number(answer)
        return None if number is None else f"{number.normalize():f}"
    return " ".join(with_plain_numbers(answer).casefold().split()).strip(".,;: ") or None


class Stopping:
    """Watches the results of a round's jobs, and says when a task has read enough."""

    def __init__(self, jobs: Sequence[Job], enough: Enough) -> None:
        mine = [job for job in jobs if enough.findings and may_stop(job.task)]
        self._votes = {job.task.id: _Votes(job.task, enough) for job in mine}
        self._samples_left = Counter(map(_part, mine))
        self._found: dict[_PartId, list[Finding]] = {}

    def ends(self, result: JobResult) -> bool:
        """Note a result. True once a task: for the result with which it has read enough.

        A chunk votes when all its samples are in.
        """
        task_id, part = result.job.task.id, _part(result.job)
        if task_id not in self._votes:
            return False
        self._found.setdefault(part, []).extend(result.findings)
        self._samples_left[part] -= 1
        if self._samples_left[part]:
            return False
        votes = self._votes[task_id]
        votes.add(self._found.pop(part))
        if not votes.are_enough:
            return False
        del self._votes[task_id]
        return True


class _Votes:
    """What the chunks that a task has read say: each has one vote for every answer it gives."""

    def __init__(self, task: Task, enough: Enough) -> None:
        self._task, self._enough = task, enough
        self._votes: Counter[str] = Counter()

    def add(self, findings: Iterable[Finding]) -> None:
        """A chunk's findings."""
        sure = (finding for finding in findings if finding.confidence >= self._enough.confidence)
        self._votes.update(
            {
                form
                for finding in sure
                if (form := answer_form(self._task, finding.answer)) is not None
            }
        )

    @property
    def are_enough(self) -> bool:
        """Whether one answer leads. ``no`` never does: that some passages do not say so is true of most questions."""
        (leader, most), (_, second) = [*self._votes.most_common(2), ("", 0), ("", 0)][:2]
        if self._task.output == "yes_no" and leader == "no":
            return False
        return most - second >= self._enough.findings


def _part(job: Job) -> _PartId:
    return job.task.id, job.chunk.id
