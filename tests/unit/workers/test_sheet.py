"""Many chunks as one text: every number leads back to the line that was shown with it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from minions.values.documents import Chunk
from minions.values.jobs import Job
from minions.values.plans import Task
from minions_workers.reading import Reply
from minions_workers.sheet import Sheet

TEXTS = st.lists(st.text(alphabet="ab1. \n|#:é", max_size=60), min_size=1, max_size=5)
TASK = Task(id="t1", instruction="?")


def jobs_of(texts: list[str], *, gap: int) -> list[Job]:
    """Chunks of one document, ``gap`` characters apart."""
    jobs: list[Job] = []
    start = 0
    for index, text in enumerate(texts):
        place = {
            "id": f"d:{index}",
            "document_id": "d",
            "path": "d.txt",
            "index": index,
            "tokens": 1,
        }
        chunk = Chunk(**place, start=start, end=start + len(text), text=text)  # type: ignore[arg-type]
        jobs.append(Job(id=f"j{index}", task=TASK, chunk=chunk))
        start = chunk.end + gap
    return jobs


@given(texts=TEXTS, gap=st.sampled_from([0, 7]))
def test_every_number_leads_to_its_line(texts: list[str], gap: int) -> None:
    """Each line is shown once with its number, and pointing at it alone brings its own text, from
    its own chunk.
    """
    sheet = Sheet(jobs_of(texts, gap=gap))
    assert [line.number for line in sheet.lines] == list(range(1, len(sheet.lines) + 1))
    shown = sheet.shown()
    for line in sheet.lines:
        ((job, (location,)),) = sheet.locations(Reply(lines=[line.number], quote=None, answer=None))
        text = job.chunk.text[location.start : location.end]
        assert text == text.strip() != ""
        assert re.search(rf"^{line.number}: {re.escape(text)}$", shown, re.MULTILINE)


@given(texts=TEXTS, numbers=st.lists(st.integers(-3, 40), max_size=6))
def test_what_is_pointed_at_stays_within_its_passage(texts: list[str], numbers: list[int]) -> None:
    """No span crosses from one chunk to the next, and numbers without a line are ignored."""
    sheet = Sheet(jobs_of(texts, gap=0))
    found = sheet.locations(Reply(lines=numbers, quote=None, answer=None))
    assert bool(found) == any(1 <= number <= len(sheet.lines) for number in numbers)
    for job, locations in found:
        for location in locations:
            assert 0 <= location.start < location.end <= len(job.chunk.text)
