"""Selectors and search phrases are data: they match documents of the corpus only, in a moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.corpus.contents import Contents
from minions.corpus.fts.query import match_expression
from minions.corpus.index import Index
from minions.values.documents import DocumentFacts

if TYPE_CHECKING:
    from pathlib import Path

    from minions.corpus.selecting import Naming

DOCUMENTS = [
    DocumentFacts(id=f"{number:032x}", path=path, title="", tokens=1, chunks=1)
    for number, path in enumerate(
        ["docs/a.txt", "docs/b.md", "other/a.txt", "docs/report 2022.pdf"]
    )
]
IDS = {facts.id for facts in DOCUMENTS}
OPERATORS = [
    '"',
    "*",
    "(",
    ")",
    "NEAR(",
    "AND",
    "OR",
    "NOT",
    "^",
    "heads:",
    "-",
    "{",
    "a",
    "\0",
    "\ud800",
    "'",
    ";",
]
OUTSIDE = [
    "../../*",
    "/etc/passwd",
    "/etc/*",
    "~/.ssh/*",
    "../a.txt",
    "docs/../other/a.txt",
    "file:///etc/passwd",
    "d99",
]
HUGE = ["a" * 10**6, "a " * 500_000, '"' * 10**6, "a*" * 500_000, '"a" ' * 250_000, "\0" * 10**6]
MOMENT_S = 2.0  # on a busy machine; a pattern that backtracks takes hours
PIECES = st.sampled_from(
    [
        "*",
        "**",
        "?",
        "[",
        "]",
        "[!",
        "a",
        "d1",
        "../",
        "/etc/passwd",
        "\\",
        "\0",
        "(",
        "|",
        "{9}",
        "~",
    ]
)


@given(st.lists(st.one_of(st.text(), st.lists(PIECES, max_size=20).map("".join)), max_size=10))
def test_any_selector_means_documents_of_the_corpus_or_none(patterns: list[str]) -> None:
    """No pattern raises or reaches outside; each means documents, or is reported as meaning none."""
    selection = Contents(DOCUMENTS).select(patterns)
    assert selection.ids <= IDS
    assert set(selection.unmatched) <= set(patterns)
    assert selection.ids or len(selection.unmatched) == len(set(patterns))


@pytest.mark.parametrize("pattern", OUTSIDE)
def test_no_selector_leaves_the_corpus(pattern: str) -> None:
    """A path that leads out names nothing: selectors are compared with names, never with the file system."""
    assert Contents(DOCUMENTS).select([pattern]) == (frozenset(), (pattern,))


TITLED = [
    DocumentFacts(
        id="1f0c", path="/home/ann/acme/a.txt", title="The year: 2022; a review", tokens=1, chunks=1
    ),
    DocumentFacts(id="9d3e", path="/home/ann/other/a.txt", title="Untold", tokens=1, chunks=1),
    DocumentFacts(
        id="77aa", path="/home/ann/b\n.md", title="A long title " * 20, tokens=1, chunks=1
    ),
]


@pytest.mark.parametrize(
    ("naming", "pattern", "meant"),
    [
        ("shown", "acme/a.txt", {"1f0c"}),
        ("shown", "*/acme/*", {"1f0c"}),
        ("shown", "a.txt", {"1f0c", "9d3e"}),
        ("shown", "The year: 2022_ a review", {"1f0c"}),
        ("shown", "The year: 2022; a review", set()),
        ("shown", "d2", {"9d3e"}),
        ("shown", "b .md", {"77aa"}),
        ("shown", "b\n.md", set()),
        ("shown", "", set()),
        ("numbers", "D2", {"9d3e"}),
        ("numbers", "*", {"1f0c", "9d3e", "77aa"}),
        ("numbers", "", set()),
        *(
            ("shown", pattern, set())
            for pattern in ("1f0c", "/home/*", "*ann*", "/home/ann/acme/a.txt", "ann/acme/*")
        ),
        *(
            ("numbers", pattern, set())
            for pattern in ("1f0c", "/home/*", "*acme*", "a.txt", "a", "Untold", "b.md")
        ),
    ],
)
def test_a_planner_names_documents_by_what_it_was_shown(
    naming: Naming, pattern: str, meant: set[str]
) -> None:
    """Names and titles as they stand on the card, or numbers; ids, folders and what the policy hides mean nothing."""
    selection = Contents(TITLED).select([pattern], naming)
    assert selection.ids == meant
    assert selection.unmatched == (() if meant else (pattern,))


@pytest.mark.parametrize(
    "pattern", ["1f0c", "/home/ann/ac*", "*/acme/*", "/home/ann/acme/a.txt", "acme/a"]
)
def test_a_user_names_documents_in_any_way(pattern: str) -> None:
    """An earlier selection by a planner changes nothing."""
    contents = Contents(TITLED)
    contents.select([pattern], "numbers")
    assert contents.select([pattern]).ids == {"1f0c"}


@pytest.mark.parametrize(
    "pattern", ["*" * 10_000, "*a" * 200 + "!", "?" * 10_000, "[" * 10_000, "*[!x]" * 90]
)
def test_a_selector_takes_a_moment(pattern: str) -> None:
    """Stars without end, over names that nearly match, in their hundreds: a moment."""
    names = [f"docs/{'a' * 200}{number}.txt" for number in range(200)]
    facts = [DocumentFacts(id=name, path=name, title="", tokens=1, chunks=1) for name in names]
    started = time.perf_counter()
    Contents(facts).select([f"{pattern}{number}" for number in range(500)])
    assert time.perf_counter() - started < 5 * MOMENT_S


QUERY = st.one_of(st.text(), st.lists(st.sampled_from(OPERATORS), max_size=30).map(" ".join))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a document."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "a.txt").write_text("The lighthouse at Skerrow is 41 metres tall.")
    return folder


@given(queries=st.lists(QUERY, max_size=12))
def test_any_phrase_can_be_searched(index: Path, queries: list[str]) -> None:
    """Operators of the index's language, quotes, zero bytes and half characters are words, or nothing."""
    with Index.open(index / "index.db") as opened:
        corpus, _ = opened.update([index / "a.txt"])
        assert len(corpus.search(queries, limit=3)) <= 1
        for query in queries:
            assert len(corpus.search_scored(query, limit=3)) <= 1


@pytest.mark.parametrize("query", HUGE)
def test_a_phrase_of_a_megabyte_takes_a_moment(index: Path, query: str) -> None:
    """A planner that sends a book as a search phrase slows nothing down."""
    started = time.perf_counter()
    assert len(match_expression(query)) < 10_000
    with Index.open(index / "index.db") as opened:
        corpus, _ = opened.update([index / "a.txt"])
        corpus.search([query] * 8, limit=3)
    assert time.perf_counter() - started < MOMENT_S
