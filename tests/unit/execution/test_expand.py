"""From a plan to jobs: which chunks, in what order, and the warnings if a plan cannot be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.corpus.contents import Contents
from minions.execution.expand import chunk_major, expand, scope_of
from minions.values.documents import Chunk, DocumentFacts
from minions.values.jobs import Job
from minions.values.limits import Limits
from minions.values.plans import Plan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from minions.corpus.selecting import Naming


class ShelfCorpus:
    """Three documents of four chunks; search finds the chunks that hold any of the phrases, in
    order.
    """

    def __init__(self, make: Any) -> None:
        names = {"a": "alpha_2022.txt", "b": "beta_2022.txt", "c": "gamma_2023.txt"}
        self.documents = [
            DocumentFacts(id=key, path=f"docs/{name}", title=name, tokens=40, chunks=4)
            for key, name in names.items()
        ]
        self.contents = Contents(self.documents)
        self.unreadable: list[Any] = []
        self.read = 0
        self._chunks: list[Chunk] = [
            make.chunk(
                f"{key} part {n}",
                id=f"{key}:{n}",
                document_id=key,
                path=names[key],
                index=n,
                start=8 * n,
            )
            for key in names
            for n in range(4)
        ]

    def search(
        self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int
    ) -> list[Chunk]:
        return [
            chunk
            for chunk in self.chunks(documents=documents)
            if any(p in chunk.text for p in phrases)
        ][:limit]

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterator[Chunk]:
        for chunk in self._chunks:
            if documents is None or chunk.document_id in documents:
                self.read += 1
                yield chunk

    def page_at(self, document_id: str, offset: int) -> int | None:
        return None

    def text(self, document_id: str) -> str:
        return "".join(chunk.text for chunk in self.chunks(documents={document_id}))


@pytest.fixture
def corpus(make: Any) -> ShelfCorpus:
    """Three documents of four chunks."""
    return ShelfCorpus(make)


def _ids(jobs: Sequence[Job]) -> list[str]:
    return [job.chunk.id for job in jobs]


def test_a_task_with_phrases_reads_the_best_chunks_only(make: Any, corpus: ShelfCorpus) -> None:
    """A task with search phrases reads no more chunks than the limit for a task."""
    plan = Plan(tasks=(make.task("x", search=("part 2",)),))
    assert _ids(expand(plan, "q", corpus, Limits(chunks_per_task=2)).jobs) == ["a:2", "b:2"]


def test_a_task_without_phrases_reads_everything_in_scope(make: Any, corpus: ShelfCorpus) -> None:
    """An exhaustive task misses nothing."""
    plan = Plan(tasks=(make.task("x", documents=("beta*",)),))
    assert _ids(expand(plan, "q", corpus, Limits()).jobs) == ["b:0", "b:1", "b:2", "b:3"]


def test_phrases_that_find_nothing_fall_back_to_reading(make: Any, corpus: ShelfCorpus) -> None:
    """A planner's wrong word does not hide the answer."""
    plan = Plan(tasks=(make.task("x", search=("zebra",), documents=("gamma_2023.txt",)),))
    assert len(expand(plan, "q", corpus, Limits()).jobs) == 4


NAMES: dict[Naming, list[str]] = {
    "any": [
        "b",
        "d2",
        "beta_2022.txt",
        "beta_2022",
        "docs/beta_2022.txt",
        "BETA*",
        "*/beta*",
        "docs/b*",
    ],
    "shown": ["d2", "beta_2022.txt", "beta_2022", "BETA*", "*/beta*", "**/b*.txt"],
    "numbers": ["d2", "D2", "d[2]"],
}


@pytest.mark.parametrize(
    ("naming", "name"), [(naming, name) for naming, names in NAMES.items() for name in names]
)
def test_a_document_is_found_however_its_name_is_written(
    make: Any, corpus: ShelfCorpus, naming: Naming, name: str
) -> None:
    """By id, number, name, stem, path or glob, as far as the plan's author knows them."""
    plan = Plan(tasks=(make.task("x", documents=(name,)),))
    assert {
        job.chunk.document_id for job in expand(plan, "q", corpus, Limits(), naming=naming).jobs
    } == {"b"}


UNSEEN: list[tuple[Naming, str]] = [
    ("shown", pattern) for pattern in ("docs/{}.txt", "docs/{}*", "/*s/{}*", "*ocs*{}*")
]
UNSEEN += [("numbers", pattern) for pattern in ("docs/{}*", "{}.txt", "{}", "*{}*", "/{}.txt")]


@pytest.mark.parametrize(("naming", "pattern"), UNSEEN)
def test_a_name_that_is_not_shown_is_no_name(
    make: Any, corpus: ShelfCorpus, naming: Naming, pattern: str
) -> None:
    """A planner that guesses a name gets the same jobs if such a document exists or not, and learns
    nothing.
    """
    there, not_there = (
        expand(
            Plan(tasks=(make.task("x", documents=(pattern.format(name),)),)),
            "q",
            corpus,
            Limits(),
            naming=naming,
        )
        for name in ("beta_2022", "delta_2022")
    )
    assert [job.chunk for job in there.jobs] == [job.chunk for job in not_there.jobs]
    assert len(there.warnings) == len(not_there.warnings) == 2


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("2022/filing.txt", {"a"}),
        ("2022/filing", {"a"}),
        ("2023/*", {"b"}),
        ("filing.txt", {"a", "b"}),
        ("d2", {"b"}),
    ],
)
def test_documents_of_one_name_are_meant_as_the_card_names_them(
    make: Any, wanted: str, meant: set[str]
) -> None:
    """The folder that tells two files of one name apart chooses between them; the name alone means
    both.
    """
    documents = [
        DocumentFacts(
            id=key, path=f"/home/x/{year}/filing.txt", title="filing.txt", tokens=1, chunks=1
        )
        for key, year in (("a", "2022"), ("b", "2023"))
    ]
    warnings: list[str] = []
    assert scope_of(
        make.task("x", documents=(wanted,)), Contents(documents), warnings, "shown"
    ) == frozenset(meant)
    assert warnings == []


def test_a_document_that_does_not_exist_is_told_and_all_are_read(
    make: Any, corpus: ShelfCorpus
) -> None:
    """A plan over documents that do not exist still answers, with a warning."""
    plan = Plan(tasks=(make.task("x", documents=("delta.pdf",)),))
    expansion = expand(plan, "q", corpus, Limits())
    assert len(expansion.jobs) == 12
    assert "'delta.pdf'" in expansion.warnings[0]


def test_jobs_stand_chunk_by_chunk(make: Any, corpus: ShelfCorpus) -> None:
    """All tasks on a chunk follow each other, so that a server reads it once."""
    plan = Plan(tasks=(make.task("x", id="t1"), make.task("y", id="t2")))
    jobs = expand(plan, "q", corpus, Limits()).jobs
    assert [job.task.id for job in jobs] == ["t1", "t2"] * 12
    assert _ids(jobs)[::2] == _ids(jobs)[1::2]


def test_what_a_limit_leaves_out_is_counted_and_promised_least(
    make: Any, corpus: ShelfCorpus
) -> None:
    """A cap on jobs drops the worst-ranked ones and says how many."""
    plan = Plan(tasks=(make.task("x", search=("part",)),))
    expansion = expand(plan, "q", corpus, Limits(max_jobs=3))
    assert (_ids(expansion.jobs), expansion.skipped) == (["a:0", "a:1", "a:2"], 5)
    assert "5 of 8 jobs were skipped" in expansion.warnings[0]


def test_a_limit_leaves_something_of_every_document(make: Any, corpus: ShelfCorpus) -> None:
    """If not all can be read, each document is read from its beginning, instead of the first ones
    to their end.
    """
    plan = Plan(tasks=(make.task("x", id="t1"), make.task("y", id="t2")))
    expansion = expand(plan, "q", corpus, Limits(max_jobs=10))
    assert (
        _ids(expansion.jobs)[::2]
        == _ids(expansion.jobs)[1::2]
        == ["a:0", "b:0", "c:0", "a:1", "b:1"]
    )
    assert expansion.skipped == 14
    assert "14 of 24 jobs were skipped" in expansion.warnings[0]


def test_a_limit_leaves_what_the_instruction_finds(make: Any, corpus: ShelfCorpus) -> None:
    """If not all can be read, chunks that share words with the instruction come first, each of them
    once.
    """
    plan = Plan(tasks=(make.task("part 3"),))
    jobs = expand(plan, "q", corpus, Limits(max_jobs=5)).jobs
    assert _ids(jobs) == ["a:3", "b:3", "c:3", "a:0", "b:0"]
    assert len(expand(plan, "q", corpus, Limits(max_jobs=11)).jobs) == 11


def test_a_limit_keeps_to_the_documents_of_each_task(make: Any, corpus: ShelfCorpus) -> None:
    """Tasks over different documents share a limit, and each reads its own documents only; a search
    comes first.
    """
    plan = Plan(
        tasks=(
            make.task("x", id="t1", documents=("d1",)),
            make.task("y", id="t2", documents=("d2", "d3")),
            make.task("z", id="t3", search=("a part 3",)),
        )
    )
    expansion = expand(plan, "q", corpus, Limits(max_jobs=6, samples=2))
    assert [(job.task.id, job.chunk.id, job.sample) for job in expansion.jobs] == [
        ("t1", "a:0", 0),
        ("t1", "a:0", 1),
        ("t3", "a:3", 0),
        ("t3", "a:3", 1),
        ("t2", "b:0", 0),
        ("t2", "b:0", 1),
    ]
    assert expansion.skipped == 2 * (4 + 8 + 1) - 6


def test_a_limit_bounds_what_is_built(
    make: Any, corpus: ShelfCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question about all of a very large corpus costs the limit's time and memory, not the
    corpus's.
    """
    built: list[str] = []

    def counted(**values: Any) -> Job:
        built.append(values["id"])
        return Job(**values)

    monkeypatch.setattr("minions.execution.expand.Job", counted)
    plan = Plan(tasks=tuple(make.task("x", id=f"t{n}") for n in range(3)))
    expansion = expand(plan, "q", corpus, Limits(max_jobs=4))
    assert len(built) == len(expansion.jobs) == 4
    assert corpus.read <= 12 + 2  # the fake's search looks at all twelve


JUDGING: dict[str, Any] = {"output": "yes_no", "unit": "document"}


def test_a_document_that_fits_is_judged_whole(make: Any, corpus: ShelfCorpus) -> None:
    """The worker sees the whole document, once, and all its chunks count as read."""
    expansion = expand(Plan(tasks=(make.task("x", **JUDGING),)), "q", corpus, Limits())
    assert _ids(expansion.jobs) == ["a:0-3", "b:0-3", "c:0-3"]
    first = expansion.jobs[0]
    assert first.chunks == ("a:0", "a:1", "a:2", "a:3")
    assert (first.chunk.text, first.chunk.start) == (corpus.text("a"), 0)
    assert expansion.skipped == 0


@pytest.mark.parametrize(
    "limits",
    [Limits(context_tokens=40), Limits(whole_documents=False)],
    ids=["too long", "switched off"],
)
def test_a_document_that_does_not_fit_is_judged_by_its_chunks(
    make: Any, corpus: ShelfCorpus, limits: Limits
) -> None:
    """A document that is too long for the worker's context is judged chunk by chunk."""
    jobs = expand(Plan(tasks=(make.task("x", **JUDGING),)), "q", corpus, limits).jobs
    assert (len(jobs), jobs[0].chunks) == (12, ("a:0",))


@pytest.mark.parametrize(
    "task", [{"output": "text", "unit": "document"}, {"output": "yes_no", "unit": "chunk"}]
)
def test_only_a_judgement_takes_the_whole_document(
    make: Any, corpus: ShelfCorpus, task: dict[str, Any]
) -> None:
    """A task that looks for a fact reads chunks, not whole documents."""
    assert len(expand(Plan(tasks=(make.task("x", **task),)), "q", corpus, Limits()).jobs) == 12


def test_a_search_chooses_the_documents_to_judge(make: Any, corpus: ShelfCorpus) -> None:
    """Two chunks of one document are one document to judge; the others are not read."""
    plan = Plan(tasks=(make.task("x", search=("b part",), **JUDGING),))
    assert _ids(expand(plan, "q", corpus, Limits()).jobs) == ["b:0-3"]


def test_judgements_share_a_limit_by_documents(make: Any, corpus: ShelfCorpus) -> None:
    """A limit counts documents, not their chunks, and a warning says how many it leaves out."""
    plan = Plan(tasks=(make.task("x", id="t1", **JUDGING), make.task("y", id="t2")))
    expansion = expand(plan, "q", corpus, Limits(max_jobs=4))
    assert [(job.task.id, job.chunk.id) for job in expansion.jobs] == [
        ("t2", "a:0"),
        ("t1", "a:0-3"),
        ("t2", "b:0"),
        ("t1", "b:0-3"),
    ]
    assert expansion.skipped == 3 + 12 - 4


def test_every_job_has_an_id_of_its_own(make: Any, corpus: ShelfCorpus) -> None:
    """Samples, tasks and chunks never share an id."""
    plan = Plan(tasks=(make.task("x", id="t1"), make.task("y", id="t2")))
    jobs = expand(plan, "q", corpus, Limits(samples=2)).jobs
    assert len({job.id for job in jobs}) == len(jobs) == 48


def test_chunk_major_keeps_the_best_rank_first(make: Any) -> None:
    """A chunk that one task ranks first is read first, with every job on it."""
    first, second = make.chunk("one", id="d:0"), make.chunk("two", id="d:1")
    jobs = [
        Job(id="1", task=make.task(), chunk=first, rank=1),
        Job(id="2", task=make.task(), chunk=second, rank=0),
        Job(id="3", task=make.task(), chunk=first, rank=5),
    ]
    assert [job.id for job in chunk_major(jobs)] == ["2", "1", "3"]
