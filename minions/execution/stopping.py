"""A stopping rule: a task has read enough when its best chunks agree; its other chunks are skipped.

The rule is a sequential test (Wald 1945; for votes: first to be ahead by k). Chunks vote in the
order in which they are read, and reading ends when one answer leads every other by
``Enough.findings`` votes. It depends on nothing but results in their order, so it can be replayed.
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

_PartId = tuple[str, str]  # the ids of a task and of a chunk


class Enough(Value):
    """The lead at which a task's reading ends.

    ``findings``: the number of chunks by which one answer must lead every other; 0: read all.
    ``confidence``: the least confidence of a finding that counts, in [0, 1].
    """

    findings: int
    confidence: float


def may_stop(task: Task) -> bool:
    """True if a part of the chunks can be enough for a task.

    False for a task that counts, gathers or judges, and for one that wants every chunk (it has no
    search phrases).
    """
    return (
        bool(task.search)
        and task.unit == "chunk"
        and task.output != "list"
        and task.reduce in {"collect", "vote"}
    )


def reads(results: Sequence[JobResult], enough: Enough) -> int:
    """The number of a task's results that are read, in the order given, until it has enough."""
    stopping = Stopping([result.job for result in results], enough)
    for number, result in enumerate(results, 1):
        if stopping.ends(result):
            return number
    return len(results)


def answer_form(task: Task, answer: str | None) -> str | None:
    """The normal form of an answer: two answers to a task agree if their forms are equal.

    Letter case, white space, final points and the way a number is written make no difference. None
    for an answer that agrees with nothing: none was given, or no number where one was asked for.
    """
    if answer is None:
        return None
    if task.output == "number":
        number = parse_number(answer)
        if number is None:
            return None
        return f"{number.normalize():f}"
    form = " ".join(with_plain_numbers(answer).casefold().split()).strip(".,;: ")
    return form or None


class Stopping:
    """Watches the results of a round's jobs, and says when a task has read enough."""

    def __init__(self, jobs: Sequence[Job], enough: Enough) -> None:
        self._votes: dict[str, _Votes] = {}  # of the tasks that may still stop, by task id
        self._samples_left: Counter[_PartId] = Counter()
        self._found: dict[_PartId, list[Finding]] = {}
        if not enough.findings:
            return
        for job in jobs:
            if may_stop(job.task):
                self._votes[job.task.id] = _Votes(job.task, enough)
                self._samples_left[_part(job)] += 1

    def ends(self, result: JobResult) -> bool:
        """Note a result; True if the task has now read enough. It is True once for each task.

        A chunk votes when all its samples are in.
        """
        task_id = result.job.task.id
        if task_id not in self._votes:
            return False
        part = _part(result.job)
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
    """The votes of the chunks that a task has read: one for every answer that a chunk gives."""

    def __init__(self, task: Task, enough: Enough) -> None:
        self._task = task
        self._enough = enough
        self._votes: Counter[str] = Counter()

    def add(self, findings: Iterable[Finding]) -> None:
        """Count the findings of one chunk."""
        forms: set[str] = set()
        for finding in findings:
            if finding.confidence >= self._enough.confidence:
                form = answer_form(self._task, finding.answer)
                if form is not None:
                    forms.add(form)
        self._votes.update(forms)

    @property
    def are_enough(self) -> bool:
        """True if one answer leads by enough votes.

        ``no`` never does: most chunks do not say what a question asks about.
        """
        ranking = self._votes.most_common(2)
        if not ranking:
            return False
        leader, most = ranking[0]
        if self._task.output == "yes_no" and leader == "no":
            return False
        second = ranking[1][1] if len(ranking) > 1 else 0
        return most - second >= self._enough.findings


def _part(job: Job) -> _PartId:
    return job.task.id, job.chunk.id
