"""The chunks that a worker holds at once: all if they fit, else the most promising, in the
documents' order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.corpus.index import Index
from minions.corpus.scoped import ScopedCorpus
from minions.execution.whole_context import hold
from minions.models.usage import estimated_prompt_tokens
from minions.testing import ScriptedModel
from minions.values.limits import Limits
from minions.values.plans import Plan
from minions_workers.holder import ChatReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.corpus.local import LocalCorpus
    from minions.execution.expand import Expansion

QUESTION = "How tall is the lighthouse?"


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[LocalCorpus]:
    """Two documents of several chunks; the lighthouse stands in the middle of the second."""
    folder = tmp_path / "documents"
    folder.mkdir()
    filler = [
        f"The year {year} passed without any note in the parish book.\n\n" * 3
        for year in range(1800, 1830)
    ]
    (folder / "a.txt").write_text("".join(filler))
    (folder / "b.txt").write_text(
        "".join([*filler[:15], "The lighthouse is 41 metres tall.\n\n", *filler[15:]])
    )
    with Index.open(tmp_path / "index.sqlite3") as index:
        yield index.update([folder], chunk_tokens=200)[0]


def held(
    make: Any, corpus: LocalCorpus, *, instruction: str = QUESTION, **limits: Any
) -> Expansion:
    plan = Plan(tasks=(make.task(instruction),))
    return hold(plan, QUESTION, corpus, Limits(**limits), round_number=2)


def places(expansion: Expansion) -> list[tuple[str, int]]:
    return [(job.chunk.path[-5:], job.chunk.index) for job in expansion.jobs]


def test_what_fits_is_held_whole_and_in_order(make: Any, corpus: LocalCorpus) -> None:
    """Every chunk of every document is held, in the documents' order, without a warning."""
    expansion = held(make, corpus, context_tokens=32_000)
    assert [job.chunk for job in expansion.jobs] == list(corpus.chunks())
    assert (expansion.skipped, expansion.warnings) == (0, ())
    assert len({job.id for job in expansion.jobs}) == len(expansion.jobs)
    assert all(job.id.startswith("r2.t1.") for job in expansion.jobs)


def test_the_same_is_held_whatever_is_asked_where_all_fits(make: Any, corpus: LocalCorpus) -> None:
    """A second message finds the chunks in the server's cache, as the first one left them."""
    first = held(make, corpus, context_tokens=32_000)
    second = held(make, corpus, instruction="What of 1815?", context_tokens=32_000)
    assert places(first) == places(second)


def test_what_does_not_fit_is_left_out_counted_and_told(make: Any, corpus: LocalCorpus) -> None:
    """The best chunk is held, others fill the context, in order; a warning says how to hold more."""
    expansion = held(make, corpus, context_tokens=2_000)
    assert any("41 metres" in job.chunk.text for job in expansion.jobs)
    assert 2 <= len(expansion.jobs) < corpus.contents.chunks
    assert places(expansion) == sorted(places(expansion))
    assert expansion.skipped == corpus.contents.chunks - len(expansion.jobs)
    (warning,) = expansion.warnings
    assert "--context-tokens 2000" in warning


def test_the_passage_that_promises_most_has_the_first_rank(make: Any, corpus: LocalCorpus) -> None:
    """If even fewer chunks fit the server, the ranks say which to keep."""
    (best,) = [job for job in held(make, corpus, context_tokens=2_000).jobs if job.rank == 0]
    assert "41 metres" in best.chunk.text


@pytest.mark.parametrize("context", [1_500, 4_096])
async def test_what_is_held_fits_the_context(make: Any, corpus: LocalCorpus, context: int) -> None:
    """Prompt and reply together, by the estimate, and most of the room is used."""
    model = ScriptedModel([{"lines": [], "answer": None}])
    await ChatReader(model).read(held(make, corpus, context_tokens=context).jobs)
    (request,) = model.requests
    taken = estimated_prompt_tokens(request) + request.max_output_tokens
    assert context / 2 < taken <= context


def test_something_is_held_however_small_the_context(make: Any, corpus: LocalCorpus) -> None:
    """At least one chunk is held: the server decides if it fits."""
    (only,) = held(make, corpus, context_tokens=512).jobs
    assert "41 metres" in only.chunk.text


def test_without_a_word_in_common_each_document_has_its_turn(
    make: Any, corpus: LocalCorpus
) -> None:
    """If the index finds nothing, the beginnings of all documents are held."""
    plan = Plan(tasks=(make.task("Quousque tandem?"),))
    expansion = hold(plan, "Quousque?", corpus, Limits(context_tokens=2_000))
    assert {path for path, _ in places(expansion)} == {"a.txt", "b.txt"}
    assert ("a.txt", 0) in places(expansion)
    assert ("b.txt", 0) in places(expansion)


def test_the_limit_of_jobs_holds(make: Any, corpus: LocalCorpus) -> None:
    """Samples are jobs, too."""
    expansion = held(make, corpus, context_tokens=32_000, max_jobs=6, samples=2)
    assert len(expansion.jobs) == 6
    assert [job.sample for job in expansion.jobs] == [0, 0, 0, 1, 1, 1]


def test_without_documents_there_are_no_jobs(make: Any, corpus: LocalCorpus) -> None:
    """An empty corpus has no jobs."""
    plan = Plan(tasks=(make.task(QUESTION),))
    assert hold(plan, QUESTION, ScopedCorpus(corpus, []), Limits()) == ((), 0, ())
