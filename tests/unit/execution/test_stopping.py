"""Reading ends when chunks agree: the rule itself, and the chunks that are left unread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from minions.execution.executor import LocalExecutor
from minions.execution.stopping import Enough, Stopping, answer_form, may_stop, reads
from minions.values.jobs import Job, JobResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.values.plans import Task

TWO = Enough(findings=2, confidence=0.6)
Given = (
    str | tuple[str | None, float] | None
)  # an answer, with its confidence where that matters; None: nothing found


def _task(make: Any, **changes: Any) -> Task:
    task: Task = make.task(**{"search": ("net revenue",), **changes})
    return task


def _jobs(task: Task, make: Any, chunks: str, *, samples: int = 1, run: str = "") -> list[Job]:
    """A job for each letter, a chunk in the order of its rank, and sample."""
    return [
        Job(
            id=f"{run}{task.id}.{chunk}.{sample}",
            task=task,
            chunk=make.chunk("x", id=chunk),
            rank=rank,
            sample=sample,
        )
        for rank, chunk in enumerate(chunks)
        for sample in range(samples)
    ]


def _result(job: Job, given: Given, make: Any) -> JobResult:
    if given is None:
        return JobResult(job=job, status="abstained")
    answer, confidence = given if isinstance(given, tuple) else (given, 0.9)
    finding = make.finding(answer, confidence=confidence, task_id=job.task.id, passage=job.chunk.id)
    return JobResult(job=job, status="found", findings=(finding,))


def _read(make: Any, answers: Sequence[Given], *, enough: Enough = TWO, **task: Any) -> int:
    jobs = _jobs(_task(make, **task), make, "abcdefgh"[: len(answers)])
    return reads(
        [_result(job, given, make) for job, given in zip(jobs, answers, strict=True)], enough
    )


@pytest.mark.parametrize(
    ("answers", "read"),
    [
        (["12.4", "12.4", "12.4", "12.4"], 2),
        (["12.4", None, "12.4", "12.4"], 3),
        (["12.4", "13.0", "12.4", "12.4", "12.4"], 4),
        (["12.4", "13.0", "12.4"], 3),
        (["12.4", ("12.4", 0.5), "12.4", "12.4"], 3),
        ([(None, 0.9), (None, 0.9), "12.4", "12.4"], 4),
        (["$12.4 million", "$ 12,400  Thousand", None], 2),
        (["Ms Hall", "ms hall.", None], 2),
        ([None, None, None], 3),
        ([], 0),
    ],
)
def test_reading_ends_when_one_answer_leads_by_two_chunks(
    make: Any, answers: list[Given], read: int
) -> None:
    """Two chunks that agree with enough confidence are enough; each chunk that disagrees has to be
    outvoted.
    """
    assert _read(make, answers) == read


def test_never_is_the_default_of_zero(make: Any) -> None:
    """Unless it is asked for, no chunk is left unread."""
    assert _read(make, ["12.4"] * 8, enough=Enough(findings=0, confidence=0.0)) == 8


@pytest.mark.parametrize(
    "task",
    [
        {"reduce": "count"},
        {"reduce": "sum"},
        {"reduce": "unique"},
        {"reduce": "group"},
        {"output": "list"},
        {"unit": "document"},
        {"search": ()},
    ],
)
def test_what_needs_every_chunk_reads_every_chunk(make: Any, task: dict[str, Any]) -> None:
    """Counts, lists, judgements and tasks without search phrases read all their chunks."""
    assert not may_stop(_task(make, **task))
    assert _read(make, ["12.4"] * 5, **task) == 5


def test_a_vote_may_stop(make: Any) -> None:
    """A vote asks for the answer that most chunks give, so it may stop."""
    assert _read(make, ["12.4"] * 5, reduce="vote") == 2


def test_no_is_never_enough(make: Any) -> None:
    """Chunks that say no do not prove that no other chunk says yes."""
    assert _read(make, ["no", "No", "no", "yes", "yes"], output="yes_no") == 5
    assert _read(make, ["yes", "Yes.", "no"], output="yes_no") == 2


@pytest.mark.parametrize(
    ("output", "first", "second", "agree"),
    [
        ("number", "31.6 moves", "31.60", True),
        ("number", "4.2 billion", "4,200 million", True),
        ("number", "none given", "none given", False),
        ("text", "$4.2 billion in 2022", "$4,200 million in 2022", True),
        ("text", "(35) % of sales", "-35 % of Sales.", True),
        ("text", "7 %", "7", False),
        ("text", "$5", "\u20ac5", False),
        ("text", "30 m", "30 k", False),
        ("text", "the north quay", "the south quay", False),
        ("text", " . ", " . ", False),
        ("category", "Lease", "lease", True),
    ],
)
def test_answers_agree_however_they_are_written(
    make: Any, output: Any, first: str, second: str, agree: bool
) -> None:
    """Letter case, white space and ways to write a number make no difference; currencies, units and
    percent do.
    """
    task = _task(make, output=output)
    form = answer_form(task, first)
    assert (form is not None and form == answer_form(task, second)) is agree


def test_a_chunk_votes_once_and_when_all_its_samples_are_in(make: Any) -> None:
    """Samples of one chunk are one vote; samples that disagree give no answer a lead."""
    jobs = _jobs(_task(make), make, "abcd", samples=2)
    same = [_result(job, "12.4", make) for job in jobs]
    assert reads(same, TWO) == 4
    torn = [_result(jobs[0], "12.4", make), _result(jobs[1], "13.0", make), *same[2:]]
    assert reads(torn, TWO) == 6
    lines = same[0].model_copy(update={"findings": same[0].findings * 3})
    assert reads([lines, same[1]], TWO) == 2


def test_a_task_ends_once(make: Any) -> None:
    """Results that come after the end, from jobs that were under way, do not end the task again."""
    jobs = _jobs(_task(make), make, "abcd")
    stopping = Stopping(jobs, TWO)
    assert [stopping.ends(_result(job, "12.4", make)) for job in jobs] == [
        False,
        True,
        False,
        False,
    ]


class Sayer:
    """Answers each chunk as the script says, after a turn; waits at chunks that are held back."""

    def __init__(self, make: Any, script: Mapping[str, Given]) -> None:
        self._make, self._script = make, script
        self.read: list[str] = []
        self.held_back: dict[str, asyncio.Event] = {}

    async def run(self, job: Job) -> JobResult:
        self.read.append(job.id)
        await asyncio.sleep(0)
        if job.chunk.id in self.held_back:
            await self.held_back[job.chunk.id].wait()
        return _result(job, self._script[job.chunk.id], self._make)


async def _collect(executor: LocalExecutor, jobs: list[Job]) -> dict[str, str]:
    """Statuses by job; each job has one result."""
    results = [result async for result in executor.run(jobs)]
    assert sorted(result.job.id for result in results) == sorted(job.id for job in jobs)
    return {result.job.id: result.status for result in results}


async def _turns(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_what_is_left_is_skipped_with_its_reason(make: Any) -> None:
    """The best chunks are read, and the others are reported as skipped, so that coverage is true."""
    worker = Sayer(make, dict.fromkeys("abcd", "12.4"))
    jobs = _jobs(_task(make), make, "abcd")
    executor = LocalExecutor(worker, concurrency=1, enough=TWO)
    results = [result async for result in executor.run(jobs)]
    assert worker.read == ["t1.a.0", "t1.b.0"]
    assert executor._readings == {}, "nothing of it is kept"
    assert [(result.job.rank, result.status) for result in results[2:]] == [
        (2, "skipped"),
        (3, "skipped"),
    ]
    assert {result.reason for result in results[2:]} == {"enough findings agree without it"}


async def test_jobs_under_way_end(make: Any) -> None:
    """A job that is under way when the others agree is read to its end, and counts."""
    worker = Sayer(make, dict.fromkeys("abcdef", "12.4"))
    worker.held_back["a"] = asyncio.Event()
    executor = LocalExecutor(worker, concurrency=2, enough=TWO)
    running = asyncio.create_task(_collect(executor, _jobs(_task(make), make, "abcdef")))
    await _turns()
    assert worker.read == ["t1.a.0", "t1.b.0", "t1.c.0"]
    worker.held_back["a"].set()
    statuses = await running
    assert [statuses[f"t1.{chunk}.0"] for chunk in "abcdef"] == ["found"] * 3 + ["skipped"] * 3


async def test_another_task_reads_on(make: Any) -> None:
    """Each task of a question has its own end; a chunk that one task no longer needs is still read
    for the other.
    """
    worker = Sayer(make, dict.fromkeys("abcd", "12.4"))
    looks_up, counts = _task(make), _task(make, id="t2", instruction="Count", reduce="count")
    jobs = [
        job
        for pair in zip(*(_jobs(task, make, "abcd") for task in (looks_up, counts)), strict=True)
        for job in pair
    ]
    statuses = await _collect(LocalExecutor(worker, concurrency=1, enough=TWO), jobs)
    assert {job for job, status in statuses.items() if status == "skipped"} == {"t1.c.0", "t1.d.0"}
    assert [job for job in worker.read if job.startswith("t2")] == [
        f"t2.{chunk}.0" for chunk in "abcd"
    ]


async def test_a_task_ends_in_passages_that_are_being_read_too(make: Any) -> None:
    """A slot that is busy with another task of a chunk does not begin the task that has enough."""
    worker = Sayer(make, dict.fromkeys("abcd", "12.4"))
    worker.held_back["a"] = asyncio.Event()
    counts, looks_up = _task(make, id="t2", instruction="Count", reduce="count"), _task(make)
    jobs = [
        job for chunk in "abcd" for task in (counts, looks_up) for job in _jobs(task, make, chunk)
    ]
    executor = LocalExecutor(worker, concurrency=2, enough=TWO)
    running = asyncio.create_task(_collect(executor, jobs))
    await _turns(60)
    worker.held_back["a"].set()
    statuses = await running
    assert {job for job, status in statuses.items() if status == "skipped"} == {"t1.a.0", "t1.d.0"}


async def test_a_job_that_another_question_wants_is_read_for_it(make: Any) -> None:
    """Two questions share jobs: the one that has enough ends, and takes nothing from the other,
    which ends later.
    """
    worker = Sayer(make, {"a": "12.4", "b": "12.4", "c": "13.0", "d": "13.0", "e": "13.0"})
    executor = LocalExecutor(worker, concurrency=1, enough=TWO)
    task = _task(make)
    with executor.held():
        first = asyncio.create_task(_collect(executor, _jobs(task, make, "abcd", run="first ")))
        await _turns()
        second = asyncio.create_task(_collect(executor, _jobs(task, make, "bcde", run="second ")))
        await _turns()
    mine, yours = await asyncio.gather(first, second)
    assert list(mine.values()) == ["found", "found", "skipped", "skipped"]
    assert list(yours.values()) == ["found"] * 4
    assert worker.read == [
        "first t1.a.0",
        "first t1.b.0",
        "second t1.c.0",
        "second t1.d.0",
        "second t1.e.0",
    ]


async def test_both_questions_of_a_shared_job_may_end_with_it(make: Any) -> None:
    """A job that neither question wants any more is not begun, whichever of them gets the result
    first.
    """
    worker = Sayer(make, dict.fromkeys("abcdef", "12.4"))
    executor = LocalExecutor(worker, concurrency=2, enough=TWO)
    with executor.held():
        runs = [
            asyncio.create_task(_collect(executor, _jobs(_task(make), make, "abcdef", run=run)))
            for run in "xy"
        ]
        await _turns()
    for statuses in await asyncio.gather(*runs):
        assert list(statuses.values()).count("skipped") >= 3
    assert len(worker.read) <= 3


async def test_samples_that_were_begun_are_finished(make: Any) -> None:
    """A chunk is sampled as often as was asked for, or not at all."""
    worker = Sayer(make, dict.fromkeys("abcdef", "12.4"))
    worker.held_back["a"] = asyncio.Event()
    executor = LocalExecutor(worker, concurrency=2, enough=TWO)
    running = asyncio.create_task(_collect(executor, _jobs(_task(make), make, "abcdef", samples=3)))
    await _turns(40)
    worker.held_back["a"].set()
    statuses = await running
    for chunk in "abcdef":
        assert len({statuses[f"t1.{chunk}.{sample}"] for sample in range(3)}) == 1
    assert (statuses["t1.a.2"], statuses["t1.f.0"]) == ("found", "skipped")


async def test_what_is_known_already_is_not_thrown_away(make: Any) -> None:
    """A question that is asked again, or resumed, has all results that it had, and sends the same."""
    worker = Sayer(make, dict.fromkeys("abcde", "12.4"))

    def known(job: Job) -> JobResult | None:
        return _result(job, "12.4", make) if job.chunk.id == "d" else None

    executor = LocalExecutor(worker, concurrency=1, enough=TWO, known=known)
    statuses = await _collect(executor, _jobs(_task(make), make, "abcde"))
    assert list(statuses.values()) == ["found", "found", "skipped", "found", "skipped"]
    assert len(worker.read) == 2


async def test_trouble_with_what_is_known_is_the_questions(make: Any) -> None:
    """A cache that cannot be read ends the run with its error, and leaves no slot waiting."""

    def known(job: Job) -> JobResult | None:
        raise OSError(job.id)

    executor = LocalExecutor(
        Sayer(make, dict.fromkeys("abc", "12.4")), concurrency=1, enough=TWO, known=known
    )
    async with asyncio.timeout(5):
        with pytest.raises(OSError, match="t1\\.c"):
            await _collect(executor, _jobs(_task(make), make, "abc"))
        assert await _collect(executor, _jobs(_task(make), make, "a")) == {"t1.a.0": "found"}


async def test_more_skipped_jobs_than_results_may_wait(make: Any) -> None:
    """A long task that ends early reports each job that it leaves out, however slow the consumer
    is.
    """
    chunks = "".join(chr(number) for number in range(0x4E00, 0x4E00 + 300))
    executor = LocalExecutor(Sayer(make, dict.fromkeys(chunks, "12.4")), concurrency=2, enough=TWO)
    async with asyncio.timeout(10):
        statuses = await _collect(executor, _jobs(_task(make), make, chunks))
    assert 296 <= list(statuses.values()).count("skipped") <= 298
    before = asyncio.all_tasks()
    async for _ in (leaving := executor.run(_jobs(_task(make), make, chunks))):
        break
    async with asyncio.timeout(10):
        await leaving.aclose()
    assert asyncio.all_tasks() == before
