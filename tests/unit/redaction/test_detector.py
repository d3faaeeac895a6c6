"""What every detector promises: spans of the text as it was given, the user's words, and no way to hide a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ConfigError
from minions.redaction.detector import Detector, Sensitive, detector

detect = detector()
_CARD = "4111 1111 1111 1111"
_PIECES = (
    _CARD,
    "ana@example.com",
    "+49 30 5550199",
    "DE89 3704 0044 0532 0130 00",
    "12 Maple Street, Austin, TX 78701",
    "password: hunter22",
    "412-55-8830",
    "Acme Corp",
    "\u200b",
    "\ufb01",
    "\uff14",
    " / ",
    "\n",
    " ",
    ".",
    "@",
    "-",
    "7",
    "a",
)


def found(text: str, using: Detector = detect) -> list[tuple[str, str]]:
    return [(value.kind, text[value.start : value.end]) for value in using(text)]


@given(st.lists(st.sampled_from(_PIECES)).map("".join) | st.text())
def test_spans_are_sorted_apart_and_inside_the_text(text: str) -> None:
    """Whatever the text, redaction can cut along the spans from left to right."""
    values = detector(words=["acme corp"])(text)
    edges = [edge for value in values for edge in (value.start, value.end)]
    assert edges == sorted(edges)
    assert all(0 <= value.start < value.end <= len(text) for value in values)


@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_the_same_text_gives_the_same_values(text: str) -> None:
    """Detection keeps nothing from text to text."""
    assert detect(text) == detect(text)


@pytest.mark.parametrize(
    "text",
    [
        "pay 4111\u00a01111\u00a01111\u00a01111 now",
        "pay \uff14\uff11\uff11\uff11 1111 1111 1111 now",
        "pay 4111\u200b1111\u200d1111\ufeff1111 now",
        "pay 4111\u20111111\u20111111\u20111111 now",
        "pay 4\u0336111 1111 1111 1111 now",
        "pay \u0664\u0661\u0661\u0661 1111 1111 1111 now",
        "pay 4111 1111 / 1111 1111 now",
        "pay 4111 1111\n1111 1111 now",
        "pay 4111 1111 \n 1111 1111 now",
    ],
)
def test_a_value_is_found_however_it_is_dressed(text: str) -> None:
    """Full-width digits, characters nobody sees, odd hyphens and line breaks hide no card."""
    assert found(text) == [("CARD", text[4:-4])]


def test_unseen_characters_inside_a_value_go_with_it() -> None:
    """Nothing of an address with soft hyphens and joiners stays behind."""
    assert found("to j\u00adane@exa\u200bmple.com today") == [
        ("EMAIL", "j\u00adane@exa\u200bmple.com")
    ]


def test_the_users_words_match_in_any_case_inside_words_and_over_line_breaks() -> None:
    """A project's name is redacted in every spelling that a document may give it."""
    using = detector(words=["Blue Heron", "acme", "Zürich", "strasse\u00e9"])
    assert found("BLUE\n heron, Blue / Heron, AcmeSoft in ZÜRICH", using) == [
        ("TERM", "BLUE\n heron"),
        ("TERM", "Blue / Heron"),
        ("TERM", "Acme"),
        ("TERM", "ZÜRICH"),
    ]


def test_a_word_is_found_in_ligatures_and_decomposed_letters() -> None:
    """PDF text spells letters in its own ways, and the accent goes with its letter."""
    using = detector(words=["office", "café"])
    assert found("the o\ufb03ce cafe\u0301", using) == [
        ("TERM", "o\ufb03ce"),
        ("TERM", "cafe\u0301"),
    ]


def test_the_two_forms_of_a_greek_letter_are_one() -> None:
    """Where a word ends, Greek writes its s another way."""
    using = detector(words=["\u03a3\u0391\u03a3"])
    text = "\u03c3\u03b1\u03c2 \u03c3\u03b1\u03c3\u03b1"
    assert found(text, using) == [("TERM", text[:3]), ("TERM", text[4:7])]


def test_the_users_patterns_see_the_plain_view_and_the_text_itself() -> None:
    """A pattern may be written for plain digits, or for the very characters of the text."""
    using = detector(patterns=[r"PRJ-\d{3}", "№ ?x"])
    assert found("\uff30RJ-77\u200b1 and № x", using) == [
        ("TERM", "\uff30RJ-77\u200b1"),
        ("TERM", "№ x"),
    ]


@pytest.mark.parametrize("word", ["", "  ", "ab", "a b", "\u200bab"])
def test_a_word_too_short_is_refused(word: str) -> None:
    """Two letters stand inside half of all words."""
    with pytest.raises(ConfigError, match="too short") as caught:
        detector(words=[word])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "not a regular expression"), ("x*", "empty"), ("", "empty")]
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str, message: str) -> None:
    """A slip in the settings ends the run before anything is sent, and says what to do about it."""
    with pytest.raises(ConfigError, match=message) as caught:
        detector(patterns=[pattern])
    assert caught.value.hint


def test_a_pattern_that_matches_nothing_somewhere_makes_no_empty_value() -> None:
    """A look ahead matches no character; there is nothing to put a placeholder in place of."""
    assert found("xyz", detector(patterns=["(?=x)"])) == []


def test_of_values_that_overlap_the_longer_names_the_whole() -> None:
    """The user's word inside an address does not uncover the rest of the address."""
    assert found("write to ana@acme.example", detector(words=["acme"])) == [
        ("EMAIL", "ana@acme.example")
    ]


def test_what_only_the_shorter_of_two_values_covers_stays_covered() -> None:
    """No end of a value is left because another begins inside it."""
    using = detector(people=lambda _: [Sensitive("PERSON", 0, 8), Sensitive("ORGANISATION", 5, 20)])
    assert found("Anna Berg Holdings Ltd", using) == [("ORGANISATION", "Anna Berg Holdings L")]


def test_the_users_word_names_a_value_that_others_know_too() -> None:
    """Where two are equally long, the user's own list decides."""
    using = detector(words=["Anna Berg"], people=lambda _: [Sensitive("PERSON", 0, 9)])
    assert found("Anna Berg", using) == [("TERM", "Anna Berg")]


def test_people_are_looked_for_in_the_text_as_it_is() -> None:
    """A language model reads what the document says, and its spans are taken as they are."""
    seen: list[str] = []

    def people(text: str) -> list[Sensitive]:
        seen.append(text)
        return [Sensitive("PERSON", 3, 7)]

    assert detector(people=people)("Dr\u00a0Berg") == [Sensitive("PERSON", 3, 7)]
    assert seen == ["Dr\u00a0Berg"]


@pytest.mark.parametrize("between", [" ", "\n", " / "])
def test_a_pattern_sees_a_line_break_where_a_digest_has_its_sign(between: str) -> None:
    r"""A pattern with \s finds in a digest what it finds in the document."""
    text = f"the budget of Heron{between}77 is"
    assert found(text, detector(patterns=[r"Heron\s+\d+"])) == [("TERM", f"Heron{between}77")]


@pytest.mark.parametrize("text", ["PIN: 2022", "passport 2022", "password=1999"])
def test_a_bare_year_is_no_value(text: str) -> None:
    """One document's "passport 2022" would turn every other 2022 of a run into a placeholder."""
    assert detector()(text) == []
    assert [text[found.start : found.end] for found in detector(words=("2022",))(text)] == [
        "2022"
    ] * text.count("2022")
