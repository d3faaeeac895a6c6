"""One more question costs no pass over the documents: totals, names, card and scopes are computed once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from minions.corpus.contents import Columns, Contents
from minions.ledger.prices import PriceBook
from minions.privacy.card import card_of
from minions.privacy.outgoing import CloudGate
from minions.run.baseline import baseline_of
from minions.run.condense import Condenser
from minions.run.loop import Parts, answer
from minions.run.result import citation_warnings, compose
from minions.run.transcript import Transcript
from minions.settings import Settings
from minions.values.answers import UsageByRole
from minions.values.documents import Chunk, DocumentFacts
from minions.values.limits import Limits
from minions.values.plans import Decision, Plan
from minions.wiring.lineup import Lineup, terms_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterator, Sequence

    from minions.values.findings import Digest
    from minions.values.jobs import Job, JobResult
from minions.values.plans import History


class Counted(list[Any]):
    """A list that counts the items taken from it, whichever way."""

    taken = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.taken += 1
            yield item

    def __getitem__(self, at: Any) -> Any:
        self.taken += 1
        return super().__getitem__(at)


class LargeCorpus:
    """So many documents of three chunks; search finds the first chunk of the first document in scope."""

    def __init__(self, count: int) -> None:
        self.documents = Counted(
            DocumentFacts(
                id=f"id{n}",
                path=f"docs/{n % 7}/file-{n}.txt",
                title="",
                tokens=30,
                chunks=3,
                pages=n % 2,
            )
            for n in range(count)
        )
        self.contents = Contents(self.documents)
        counted: list[Any] = [Counted(column) for column in self.contents.columns]
        self.contents.columns = Columns(*counted)
        self.unreadable: list[Any] = []

    @property
    def taken(self) -> int:
        """Items taken from the documents and from the columns of their facts."""
        columns: Any = self.contents.columns
        return self.documents.taken + sum(int(column.taken) for column in columns)

    def search(
        self, phrases: Sequence[str], *, documents: Collection[str] | None = None, limit: int
    ) -> list[Chunk]:
        return [self._chunk(next(iter(documents)) if documents else "id0")]

    def chunks(self, *, documents: Collection[str] | None = None) -> Iterator[Chunk]:
        yield from (self._chunk(id_) for id_ in documents or ["id0"])

    def page_at(self, document_id: str, offset: int) -> int | None:
        return 1

    def text(self, document_id: str) -> str:
        return "Some text.\n"

    def _chunk(self, id_: str) -> Chunk:
        text = "Some text.\n"
        return Chunk(
            id=f"{id_}:0",
            document_id=id_,
            path=id_,
            index=0,
            start=0,
            end=len(text),
            text=text,
            tokens=3,
        )


class FixedPlanner:
    """Plans one task over everything, one over two files and one over a glob, and answers."""

    def __init__(self, make: Any, name: str) -> None:
        self._tasks = (
            make.task("Find it.", id="t1", search=("text",)),
            make.task("Find it here.", id="t2", search=("text",), documents=(name, "d3")),
            make.task("Find it there.", id="t3", search=("text",), documents=("file-3*",)),
        )

    async def plan(self, question: str, card: Any) -> Plan:
        return Plan(tasks=self._tasks)

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        return Decision(answer="yes", findings=(), confidence=0.5)


class NoExecutor:
    """Runs nothing."""

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[JobResult]:
        for job in jobs[:0]:
            yield job  # type: ignore[misc]  # there are none


def _ask(corpus: LargeCorpus, make: Any, question: str, name: str) -> None:
    """One question, from its estimate to its answer."""
    limits, settings = Limits(), Settings.load()
    baseline_of(
        question, corpus, terms_of(Lineup.unchecked(settings), settings), PriceBook.parse(())
    )
    transcript, gate = Transcript("run", question, lambda _: None), CloudGate(settings.policy)
    parts = Parts(
        corpus, FixedPlanner(make, name), NoExecutor(), Condenser(corpus, limits, gate), limits
    )
    decision = asyncio.run(answer(parts, transcript))
    compose(
        transcript, corpus, "answered", usage=UsageByRole(), egress=gate.report(), elapsed_s=1.0
    )
    warnings = citation_warnings(transcript, decision)
    assert warnings == ["the answer cites no finding: it may not come from the documents"]


def _taken_by_one_more_question(count: int, make: Any) -> int:
    corpus = LargeCorpus(count)
    _ask(corpus, make, "What is it?", "file-7.txt")
    before = corpus.taken
    _ask(corpus, make, "What else is it?", "file-8")
    return corpus.taken - before


def test_one_more_question_costs_no_pass_over_the_documents(make: Any) -> None:
    """A batch's last question looks at as few documents' facts among 10,000 as among 100: those it names."""
    few, many = _taken_by_one_more_question(100, make), _taken_by_one_more_question(10_000, make)
    assert few == many < 40


def test_the_card_is_written_once(make: Any) -> None:
    """Each question of a batch sees the same card, a policy's own."""
    corpus = LargeCorpus(50)
    assert card_of(corpus, "findings") is card_of(corpus, "findings")
    assert card_of(corpus, "strict").text != card_of(corpus, "findings").text
    assert card_of(corpus, "findings").pages == 25


def test_totals_and_parts_add_up() -> None:
    """Sizes of the whole and of a scope come from the same facts."""
    contents = LargeCorpus(10).contents
    assert (len(contents), contents.tokens, contents.chunks, contents.pages) == (10, 300, 30, 5)
    part = contents.of(frozenset({"id7", "id2", "unknown"}))
    assert (part.columns.ids, part.tokens, part.chunks) == (["id2", "id7"], 60, 6)
    assert [facts.id for facts in part.documents] == ["id2", "id7"]
    assert contents.chunks_in(frozenset({"id2", "unknown"})) == 3
    assert contents.of(frozenset(contents.columns.ids)) is contents


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("id3", {"id3"}),
        ("d1", {"id0"}),
        ("FILE-4.txt", {"id4"}),
        ("file-4", {"id4"}),
        ("docs/4/FILE-4.txt", {"id4"}),
        ("docs/[12]/*", {"id1", "id2", "id8", "id9"}),
        ("*-9.TXT", {"id9"}),
        ("*", {f"id{n}" for n in range(10)}),
    ],
)
def test_documents_are_chosen_as_users_write_them(wanted: str, meant: set[str]) -> None:
    """Id, number, name, stem, path and glob choose the documents of a question; the case of a name does not matter."""
    chosen = LargeCorpus(10).contents.select((wanted, "d11", "nowhere*"))
    assert chosen == (frozenset(meant), ("d11", "nowhere*"))


def test_a_name_with_the_signs_of_a_glob_is_a_name_first() -> None:
    """A file called ``report[1].txt`` can be named."""
    names = ("report[1].txt", "report1.txt")
    contents = Contents(
        [DocumentFacts(id=name, path=name, title=name, tokens=1, chunks=1) for name in names]
    )
    assert contents.select(["report[1].txt"]).ids == set(names)
    assert contents.select(["report[[]1].txt"]).ids == {"report[1].txt"}
