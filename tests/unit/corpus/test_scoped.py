"""A search within some documents finds the same as a search over these alone, wherever their rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from minions.corpus.fts import matcher
from minions.corpus.fts.matcher import Scope
from minions.corpus.index import Index
from minions.corpus.scoped import ScopedCorpus
from minions.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.local import LocalCorpus
    from minions.corpus.port import Corpus

COUNT = 120


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCorpus]:
    """Documents that all speak of apples, each of its own number too; some have two chunks."""
    folder = tmp_path_factory.mktemp("scoped")
    (folder / "docs").mkdir()
    for number in range(COUNT):
        text = f"Apples of tree number{number} cost {number} euros.\n" * (
            1 + 40 * (number % 3 == 0)
        )
        (folder / "docs" / f"{number:03}.txt").write_text(text)
    (folder / "docs" / "empty.txt").write_text("")
    with Index.open(folder / "index.sqlite3") as index:
        yield index.update([folder / "docs"], chunk_tokens=300)[0]


def _found(corpus: Corpus, phrase: str, documents: list[str] | None = None) -> set[str]:
    return {chunk.document_id for chunk in corpus.search([phrase], documents=documents, limit=500)}


@pytest.mark.parametrize("exact_rows", [20_000, 20])
@pytest.mark.parametrize("step", [1, 2, 3, 50, COUNT])
def test_a_search_finds_the_documents_in_scope_and_no_other(
    corpus: LocalCorpus, monkeypatch: pytest.MonkeyPatch, step: int, exact_rows: int
) -> None:
    """One document or many, side by side or scattered, in a small index or a large one; and the next search with
    another scope is not confused by it.
    """
    monkeypatch.setattr(matcher, "EXACT_ROWS", exact_rows)
    monkeypatch.setattr(matcher, "ASIDE_ROWS", 100)
    scopes = [[facts.id for facts in corpus.documents[start::step]] for start in (0, step - 1, 0)]
    for scope in scopes:
        assert _found(corpus, "apples", scope) == set(scope)
    assert len(_found(corpus, "apples")) == COUNT


def test_a_scoped_corpus_is_a_corpus_of_its_documents(corpus: LocalCorpus) -> None:
    """Documents, numbers, totals, chunks and search are those of the scope."""
    ids, unmatched = corpus.contents.select(("00[0-4].txt", "007", "nothing.txt"))
    assert unmatched == ("nothing.txt",)
    scoped: Corpus = ScopedCorpus(corpus, [*ids, "unknown"])
    assert [facts.title for facts in scoped.documents] == [f"00{n}.txt" for n in (0, 1, 2, 3, 4, 7)]
    assert scoped.documents[-1].id == scoped.documents[-1:][0].id
    assert scoped.contents.chunks == len(list(scoped.chunks())) > len(ids)
    assert _found(scoped, "apples") == ids
    assert list(scoped.contents.names(numbered=True).values())[-1] == "d6"
    assert scoped.unreadable == corpus.unreadable != ()
    assert scoped.text(scoped.documents[1].id).startswith("Apples of tree number1 ")
    assert scoped.page_at(scoped.documents[1].id, 3) is None


def test_what_is_out_of_scope_is_out_of_reach(corpus: LocalCorpus) -> None:
    """A task or a citation that names a document outside of the question's documents gets none of its text."""
    inside, outside = corpus.documents[0].id, corpus.documents[5].id
    scoped = ScopedCorpus(corpus, {inside})
    assert _found(scoped, "apples", [inside, outside]) == {inside}
    assert list(scoped.chunks(documents={outside})) == []
    for read in (lambda: scoped.text(outside), lambda: scoped.page_at(outside, 0)):
        with pytest.raises(CorpusError, match="not among the documents of this question"):
            read()


def test_a_scope_of_everything_is_everything(corpus: LocalCorpus) -> None:
    """``*`` costs a question nothing: its scope shares the contents of the whole corpus."""
    scoped = ScopedCorpus(corpus, corpus.contents.select(("*",)).ids)
    assert scoped.contents is corpus.contents
    assert len(_found(scoped, "apples")) == COUNT


def test_in_a_large_corpus_the_rare_words_decide(
    corpus: LocalCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a question's words are in more chunks than are worth scoring, its rare words choose the chunks. A word that
    all chunks hold still finds something if it is the only one.
    """
    monkeypatch.setattr(matcher, "EXACT_ROWS", 20)
    monkeypatch.setattr(matcher, "SCORED_ROWS", 20)
    monkeypatch.setattr(matcher, "ASIDE_ROWS", 0)
    assert len(_found(corpus, "apples euros")) == COUNT
    wanted = corpus.documents[17]
    assert _found(corpus, "Which apples have number17 euros?") == {wanted.id}
    assert corpus.search(["What do apples number17 number30 cost in euros?"], limit=1)[
        0
    ].document_id in {
        wanted.id,
        corpus.documents[30].id,
    }
    assert _found(corpus, "apples number17", [facts.id for facts in corpus.documents[10:60]]) == {
        wanted.id
    }
    assert _found(corpus, "apples nowhereword") != set()


def test_ranges_of_neighbours_are_joined() -> None:
    """A folder's documents were indexed one after the other: searching it is searching one range."""
    scope = Scope.of([(10, 2), (1, 3), (4, 1), (12, 0), (20, 5)])
    assert scope.ranges == ((1, 4), (10, 11), (20, 24))
    assert scope.rows == 11
