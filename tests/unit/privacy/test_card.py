"""The card: sizes always, names within policy and budget."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.corpus.contents import Contents
from minions.evidence.finding import names_of
from minions.privacy.card import NAMES_TOKENS, describe
from minions.redaction.detector import detector
from minions.redaction.shown_names import NAME_CHARACTERS, shown_names
from minions.text.paths import distinct_names
from minions.text.tokens import estimate_tokens
from minions.values.documents import DocumentFacts, Heading
from tests.hostile import texts


def _facts(path: str, **changes: object) -> DocumentFacts:
    return DocumentFacts.model_validate(
        {"id": path, "path": path, "title": "", "tokens": 1200, "chunks": 3, **changes}
    )


def test_one_document_is_named_with_its_outline() -> None:
    """The planner can phrase its searches in the document's own headings."""
    outline = (Heading(level=1, text="Results", start=0), Heading(level=2, text="Revenue", start=9))
    card = describe(
        [_facts("docs/report.pdf", title="Annual report", pages=88, outline=outline)], "findings"
    )
    assert (
        card.text
        == '1 document (1.2k tokens, 88 pages): report.pdf "Annual report" (Results, Revenue)'
    )


def test_strict_names_nothing() -> None:
    """Under policy strict documents are numbers."""
    card = describe([_facts("secret.pdf", title="Secret"), _facts("other.pdf")], "strict")
    assert card.text == "2 documents (2.4k tokens): d1 to d2"


@pytest.mark.parametrize("pages", [None, 12])
@pytest.mark.parametrize(
    "names",
    [
        ("filing_2022.txt", "filing_2023.txt"),
        ("contract-0012.md",),
        [f"filing_{n:04}.txt" for n in range(500)],
    ],
)
def test_names_on_a_card_are_no_values_for_what_stands_before_them(
    names: list[str], pages: int | None
) -> None:
    """The planner can ask for a document by the name that it was shown, the first one too."""
    card = describe([_facts(name, pages=pages) for name in names], "findings")
    assert detector()(card.text) == []


@pytest.mark.parametrize(
    "names", [[f"filing_{n:04}.txt" for n in range(5000)], [f"{n}x{n * n}.md" for n in range(900)]]
)
def test_thousands_of_documents_become_patterns_and_counts(names: list[str]) -> None:
    """A large corpus costs no more to describe than a small one."""
    card = describe([_facts(name) for name in names], "findings")
    assert estimate_tokens(card.text) < NAMES_TOKENS + 60
    assert f"({len(names)})" in card.text


def test_a_folder_path_does_not_go_up() -> None:
    """Only file names do: a path tells who and where the user is."""
    assert "alice" not in describe([_facts("/home/alice/clients/report.pdf")], "findings").text


def test_titles_go_before_names_do() -> None:
    """A few documents with long titles are still named one by one."""
    long = "A rather long title of a quarterly report that says little more than its file name does"
    card = describe([_facts(f"2023_Q{n}_report.pdf", title=long) for n in range(1, 8)], "findings")
    assert (
        "2023_Q1_report.pdf; 2023_Q2_report.pdf; 2023_Q3_report.pdf; 2023_Q4_report.pdf"
        in card.text
    )


def test_documents_of_one_name_are_told_apart() -> None:
    """Of a path only as much is sent as tells a file from its namesakes; a title that repeats the name is left out."""
    paths = ["/home/alice/2022/filing.txt", "/home/alice/2023/filing.txt", "/home/alice/notes.txt"]
    card = describe([_facts(path, title=path.rsplit("/", 1)[-1]) for path in paths], "findings")
    assert card.text.endswith(": 2022/filing.txt; 2023/filing.txt; notes.txt")


def test_the_findings_name_documents_as_the_card_does() -> None:
    """A planner that reads a name in a finding knows which document of the card it is; under strict both are
    numbers.
    """
    documents = [_facts("a/2022/filing.txt"), _facts("b/2022/filing.txt")]
    corpus: Any = SimpleNamespace(contents=Contents(documents))
    names = names_of(corpus, numbered=False)
    assert list(names.values()) == ["a/2022/filing.txt", "b/2022/filing.txt"]
    assert all(name in describe(documents, "findings").text for name in names.values())
    assert list(names_of(corpus, numbered=True).values()) == ["d1", "d2"]


@given(
    st.sets(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join),
        min_size=1,
        max_size=12,
    )
)
def test_names_are_distinct_ends_of_paths_and_no_longer_than_needed(paths: set[str]) -> None:
    """Every document has a name of its own, and with one folder less it would not have."""
    names = dict(zip(paths, distinct_names(list(paths)), strict=True))
    assert len(set(names.values())) == len(paths)
    for path, name in names.items():
        assert f"/{path}".endswith(f"/{name}")
        shorter = name.partition("/")[2]
        assert not shorter or any(
            other != path and f"/{other}".endswith(f"/{shorter}") for other in paths
        )


ODD = st.text(st.sampled_from('ab.;|"\n\r\t\x1b\x9b\u202e\u2028 :,()*?['), min_size=1, max_size=30)


@pytest.mark.parametrize("text", [*texts.ALL, *texts.NAMES])
def test_no_name_title_or_heading_forges_the_card(text: str) -> None:
    """Whatever a file and its headings are called, the card is one line of as many documents as there are: nothing in
    it passes for another name, for a line of the prompt, or is a control character.
    """
    outline = tuple(Heading(level=1, text=text, start=n) for n in range(3))
    others = [_facts("real.txt"), _facts("other.txt")]
    card = describe([_facts(f"docs/{text}", title=text, outline=outline), *others], "findings").text
    assert card.count("; ") == 2
    assert card.count('"') <= 2
    assert not set("\n\r\x1b\x9b\u202e\u2028\x7f|") & set(card)
    assert len(card) < 60 + NAME_CHARACTERS + 4 * 80 + len("real.txt; other.txt")


@given(st.lists(ODD.map("/docs/{}".format), min_size=1, max_size=8, unique=True))
def test_a_planner_gets_the_documents_whose_shown_names_it_repeats(paths: list[str]) -> None:
    """A name that had to be changed to be shown still means its document, and only that one where no other is really
    called so.
    """
    contents = Contents([_facts(path) for path in paths])
    assert len(set(contents.shown)) == len(paths)
    for path, shown in zip(paths, contents.shown, strict=True):
        assert len(shown) <= NAME_CHARACTERS + 5
        assert path in contents.select([shown]).ids
        assert path in contents.select([path]).ids


def test_a_long_name_is_shown_shortened_with_its_suffix() -> None:
    """Two names that differ only in their middle stay two, and keep what they end in."""
    one, two = shown_names(
        ["a" * 120 + "1" + "b" * 100 + ".pdf", "a" * 120 + "2" + "b" * 100 + ".pdf"]
    )
    assert one != two
    assert one.endswith(".pdf")
    assert two.endswith(".pdf")
