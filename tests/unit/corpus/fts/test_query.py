"""Search: its matches, their order, and its safety for any text that a user types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.corpus.fts.query import fuse, match_expression
from minions.corpus.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.local import LocalCorpus
    from minions.corpus.port import Corpus

TEXTS = {
    "apples.txt": "The net price of apples in 2022 was 3.50 euros. Apples are sold by weight.",
    "pears.txt": "Pears were harvested in autumn. Their price is not known.",
    "contract.txt": "Either party may terminate this agreement with thirty days notice.",
    "notice.txt": "This agreement is a notice about thirty apples; days pass.",
    "strasse.txt": "Die Straße nach Łódź führt über Zürich; naïve Übersetzung. 价格是三十欧元。",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCorpus]:
    """Five documents of one chunk each, in an index that also holds another folder."""
    folder = tmp_path_factory.mktemp("search")
    for part in ("docs", "others"):
        (folder / part).mkdir()
    for name, text in TEXTS.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    (folder / "others" / "hidden.txt").write_text(
        "Apples, apples, apples: terminate this agreement."
    )
    with Index.open(folder / "index.sqlite3") as index:
        index.update([folder / "others"])
        yield index.update([folder / "docs"])[0]


def _names(corpus: LocalCorpus, *phrases: str, limit: int = 9) -> list[str]:
    return [Path(chunk.path).name for chunk in corpus.search(phrases, limit=limit)]


def test_it_is_a_corpus(corpus: LocalCorpus) -> None:
    """The index satisfies the port that the loop is written against."""
    port: Corpus = corpus
    assert len(port.documents) == len(TEXTS)
    assert not port.unreadable


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("What was the net price of apples?", "apples.txt"),
        ("terminating agreements", "contract.txt"),
        ('"thirty days"', "contract.txt"),
        ("harv*", "pears.txt"),
        ("strasse LODZ zurich", "strasse.txt"),
        ("3.50", "apples.txt"),
        ("pears.txt", "pears.txt"),
    ],
)
def test_the_best_chunk_comes_first(corpus: LocalCorpus, query: str, best: str) -> None:
    """Words, word forms, phrases, prefixes, numbers, names and unaccented spellings find their document."""
    assert _names(corpus, query)[0] == best


def test_a_quoted_phrase_matches_only_as_it_stands(corpus: LocalCorpus) -> None:
    """Quotes ask for the words in sequence."""
    assert _names(corpus, '"thirty days notice"') == ["contract.txt"]
    assert _names(corpus, '"days thirty"') == []


def test_common_words_do_not_decide(corpus: LocalCorpus) -> None:
    """A question's small words find nothing by themselves, unless there are no others."""
    assert _names(corpus, "what was in the harvest") == ["pears.txt"]
    assert _names(corpus, "is not") == ["pears.txt", "notice.txt"]


def test_phrases_are_fused(corpus: LocalCorpus) -> None:
    """Each phrase of a task brings its best chunk to the top, and the number of chunks is limited."""
    assert set(_names(corpus, "pears harvest", "terminate agreement", limit=2)) == {
        "pears.txt",
        "contract.txt",
    }
    assert _names(corpus) == []
    assert _names(corpus, "apples", limit=0) == []


def test_other_folders_of_the_index_are_not_searched(corpus: LocalCorpus) -> None:
    """A run never sees a document that its paths do not reach."""
    assert "hidden.txt" not in _names(corpus, "apples terminate agreement")
    assert len(list(corpus.chunks())) == len(TEXTS)


def test_a_search_can_be_kept_to_some_documents(corpus: LocalCorpus) -> None:
    """A search within two documents finds only their chunks, whatever was searched before."""
    ids = {Path(facts.path).name: facts.id for facts in corpus.documents}
    for wanted in (["pears.txt"], ["apples.txt", "notice.txt"], ["pears.txt"]):
        found = corpus.search(["price apples"], documents=[ids[name] for name in wanted], limit=9)
        assert {Path(chunk.path).name for chunk in found} == set(wanted)
        assert {
            chunk.path for chunk in corpus.chunks(documents=[ids[name] for name in wanted])
        } == {chunk.path for chunk in found}
    assert corpus.search(["apples"], documents=[], limit=9) == []
    assert corpus.search(["apples"], documents=["unknown"], limit=9) == []


def test_scored_hits_show_the_place(corpus: LocalCorpus) -> None:
    """`minions search` prints scores, best first, and the matching words."""
    hits = corpus.search_scored("price of apples", limit=3)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].score > 0
    assert "[price" in hits[0].snippet.lower()
    assert "[apples]" in hits[0].snippet.lower()


@given(
    query=st.text(st.characters())
    | st.text(alphabet='"*()^:-+{}ANDORT NEAR,\0\ud800 x1.', max_size=40)
)
def test_no_text_breaks_the_search(corpus: LocalCorpus, query: str) -> None:
    """Any text is searched for, and never read as the database's own syntax."""
    assert len(corpus.search([query], limit=3)) <= 3
    assert len(corpus.search_scored(query, limit=3)) <= 3


@pytest.mark.parametrize(
    "query",
    ["heads : price", "apples NOT price", "apples AND pears", "NEAR(apples price, 1)", "-apples"],
)
def test_operators_are_words(corpus: LocalCorpus, query: str) -> None:
    """A question that says NOT or AND is a question, not a formula."""
    assert "apples.txt" in _names(corpus, query) or "pears.txt" in _names(corpus, query)


def test_a_very_long_query_is_cut() -> None:
    """A page pasted as a query becomes a bounded number of terms."""
    assert match_expression(" ".join(f"word{number}" for number in range(5000))).count(" OR ") < 50


_RANKING = st.dictionaries(st.integers(0, 30), st.floats(1e-6, 40.0), max_size=9).map(
    lambda scores: sorted(scores.items(), key=lambda item: -item[1])
)


@given(st.lists(_RANKING, max_size=5), st.integers(0, 40))
def test_fusion_keeps_what_was_ranked_and_nothing_else(
    rankings: list[list[tuple[int, float]]], limit: int
) -> None:
    """Every ranked chunk appears once, what all rankings put first by itself stays first, and one ranking stays."""
    fused = fuse(rankings, limit)
    everything = {key for ranking in rankings for key, _ in ranking}
    assert len(fused) == len(set(fused)) == min(limit, len(everything))
    assert set(fused) <= everything
    best = [
        {key for key, score in ranking if score == ranking[0][1]} for ranking in rankings if ranking
    ]
    if best and limit and all(keys == best[0] and len(keys) == 1 for keys in best):
        assert fused[0] in best[0]
    for ranking in rankings:
        assert fuse([ranking], limit) == [key for key, _ in ranking][:limit]


def test_the_best_of_one_phrase_goes_before_what_is_middling_in_all() -> None:
    """Phrases are other words for one thing: a chunk that matches one of them best is kept."""
    assert fuse([[(1, 9.0), (2, 3.0)], [(3, 8.0), (2, 4.0)]], 3) == [1, 3, 2]


def test_scores_of_phrases_compare_by_their_own_best() -> None:
    """A long question's scores are larger than a short phrase's, and weigh no more."""
    assert fuse([[(1, 40.0), (2, 39.0)], [(3, 2.0), (2, 1.0)]], 1) == [2]
