"""Results by content: the same chunk is not read twice, wherever it stands, and no other result is
mistaken for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minions.evidence.finding import find
from minions.evidence.grounding import Location
from minions.execution.cache import CachingWorker, ResultCache, adapted
from minions.store import Store
from minions.testing import FakeClock
from minions.values.chat import Usage
from minions.values.documents import Chunk
from minions.values.jobs import Job, JobResult
from minions.values.plans import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "# Results\n\nNet revenue was 12.4 million.\nCosts were lower.\n"
QUOTE = "Net revenue was 12.4 million."


class Reader:
    """Finds the quote in every chunk; counts its jobs."""

    def __init__(self, status: Any = "found") -> None:
        self.asked, self.status = 0, status

    async def run(self, job: Job) -> JobResult:
        self.asked += 1
        start = job.chunk.text.find(QUOTE)
        location = Location(start, start + len(QUOTE), "exact", 1.0)
        found = (
            (find(job, location, answer="12.4", confidence=0.8),) if self.status == "found" else ()
        )
        return JobResult(
            job=job, status=self.status, findings=found, relevance=0.9, usage=Usage(input_tokens=50)
        )


@pytest.fixture
def clock() -> FakeClock:
    """The time at which results are kept."""
    return FakeClock()


@pytest.fixture
def cache(clock: FakeClock) -> Iterator[ResultCache]:
    """An empty cache."""
    with Store.memory() as store:
        yield ResultCache(store, clock)


def job(
    text: str = TEXT, *, start: int = 0, sample: int = 0, task: Any = None, **chunk: Any
) -> Job:
    fields = {
        "id": "d:0",
        "document_id": "d",
        "path": "docs/report.txt",
        "index": 0,
        "tokens": 9,
        **chunk,
    }
    asked = {"id": "t1", "instruction": "State net revenue.", **(task or {})}
    placed = Chunk(**fields, start=start, end=start + len(text), text=text)
    return Job(id="r1.t1.d:0.0", task=Task(**asked), chunk=placed, sample=sample)


def caching(
    reader: Reader, cache: ResultCache, *, model: str = "m", fingerprint: str = "prompts"
) -> CachingWorker:
    return CachingWorker(reader, cache, model=model, fingerprint=fingerprint)


async def test_a_judgement_is_kept_under_what_judges(cache: ResultCache) -> None:
    """A new judging fingerprint finds no earlier judgement, and extractions are still found."""
    judged = {"output": "yes_no", "unit": "document"}
    reader = Reader()
    for way in ("written", "probabilities", "probabilities"):
        worker = CachingWorker(reader, cache, model="m", fingerprint="prompts", judging=way)
        await worker.run(job(task=judged))
        await worker.run(job())
    assert reader.asked == 2 + 1


async def test_the_same_text_elsewhere_is_known(cache: ResultCache) -> None:
    """A file that moved, or grew above the chunk, costs nothing: the finding is cited where the
    text stands now.
    """
    reader = Reader()
    await caching(reader, cache).run(job())
    place: dict[str, Any] = {
        "id": "e:7",
        "document_id": "e",
        "path": "archive/report.txt",
        "index": 7,
        "page": 3,
    }
    known = await caching(reader, cache).run(job(start=1000, task={"id": "t2"}, **place))
    (finding,) = known.findings
    citation = finding.citation
    assert (reader.asked, known.cached, known.usage, known.relevance) == (1, True, Usage(), 0.9)
    assert (citation.path, citation.document_id, citation.page) == ("archive/report.txt", "e", 3)
    assert (citation.start, citation.quote) == (1000 + TEXT.index(QUOTE), QUOTE)
    assert (finding.task_id, finding.answer, finding.headings) == ("t2", "12.4", ("Results",))


@settings(deadline=None)
@given(above=st.text(max_size=30), below=st.text(max_size=30), start=st.integers(0, 10_000))
def test_what_is_kept_is_what_was_found(above: str, below: str, start: int) -> None:
    """A result comes back the same to the letter, and its quote stands at its offsets."""
    asked = job(f"{above}\n{QUOTE}\n{below}", start=start)
    at = asked.chunk.text.find(QUOTE)
    found = find(asked, Location(at, at + len(QUOTE), "fuzzy", 0.9), answer=None, confidence=0.25)
    result = JobResult(job=asked, status="found", findings=(found,), ungrounded=True, reason="why")
    with Store.memory() as store:
        cache = ResultCache(store, FakeClock())
        cache.put(b"key", "m", result)
        known = cache.get(b"key", asked)
    assert known == result.model_copy(update={"cached": True})
    citation = found.citation
    assert asked.chunk.text[citation.start - start : citation.end - start] == QUOTE


@pytest.mark.parametrize(
    "other",
    [
        job(TEXT + " "),
        job(path="docs/draft.txt"),
        job(headings=("Draft",)),
        job(table_header="| a | b |"),
        job(sample=1),
        job(task={"instruction": "State net revenue"}),
        job(task={"output": "number"}),
        job(task={"output": "category", "options": ("yes", "no")}),
        job(task={"unit": "document"}),
    ],
    ids=["text", "name", "headings", "table", "sample", "instruction", "output", "options", "unit"],
)
async def test_another_question_or_passage_is_read(cache: ResultCache, other: Job) -> None:
    """All that a worker is given decides its result: if any of it differs, the worker is asked."""
    reader = Reader("abstained")
    for each in (job(), other):
        await caching(reader, cache).run(each)
    assert reader.asked == 2


async def test_another_model_or_prompt_reads_anew(cache: ResultCache) -> None:
    """A new model or a new prompt gets no result of the old one."""
    reader = Reader()
    await caching(reader, cache).run(job())
    await caching(reader, cache, fingerprint="better prompts").run(job())
    assert reader.asked == 2


@pytest.mark.parametrize(("status", "asked"), [("failed", 2), ("abstained", 1), ("truncated", 1)])
async def test_failures_are_tried_again(cache: ResultCache, status: str, asked: int) -> None:
    """A failed job may succeed next time, so it is not kept; an abstention is."""
    reader = Reader(status)
    for _ in range(2):
        await caching(reader, cache).run(job())
    assert reader.asked == asked


async def test_what_another_version_kept_is_read_anew(cache: ResultCache) -> None:
    """A cached result that this version cannot read is read anew, and ends no run."""
    reader = Reader()
    worker = caching(reader, cache)
    await worker.run(job())
    cache._store.write("UPDATE results SET result = ?", ('{"status": "odd"}',))
    assert (await worker.run(job())).status == "found"
    assert (await worker.run(job())).cached
    assert reader.asked == 2


async def test_the_user_sees_and_clears_what_is_kept(cache: ResultCache, clock: FakeClock) -> None:
    """Results are listed by model, with times, and cleared as a whole or by age. They hold no text
    of the documents.
    """
    await caching(Reader(), cache, model="a", fingerprint="1").run(job())
    clock.advance(3600)
    await caching(Reader(), cache, model="a", fingerprint="2").run(job())
    await caching(Reader(), cache, model="b", fingerprint="3").run(job())
    first, second = cache.contents()
    assert (first.model, first.results, second.model, second.results) == ("a", 2, "b", 1)
    assert (first.oldest, first.newest) == (
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T01:00:00+00:00",
    )
    assert first.bytes > 0
    assert not any(
        QUOTE in row["result"] for row in cache._store.read("SELECT result FROM results")
    )
    assert cache.clear(before="2026-01-01T00:30:00+00:00") == 1
    assert cache.clear() == 2
    assert cache.contents() == []


async def test_an_identical_job_of_another_run_shares_the_result() -> None:
    """Each run's finding has the ids of its own task, and only one of them has the usage."""
    result = await Reader().run(job())
    other = job(task={"id": "t9"}).model_copy(update={"id": "r1.t9.d:0.0"})
    shared = adapted(result, other)
    assert adapted(result, result.job) is result
    assert (shared.job, shared.usage, shared.cached) == (other, Usage(), True)
    assert (shared.findings[0].id, shared.findings[0].task_id) == ("r1.t9.d:0.0.0", "t9")
    assert shared.findings[0].citation.start == result.findings[0].citation.start
