"""Scores: what counts as the same answer, by kind of question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minions.evals.dataset import Example, Kind, read_dataset
from minions.evals.scorers import (
    contains,
    exact,
    figures_found,
    items,
    normalised,
    same_choice,
    same_number,
    same_verdict,
    score,
    set_f1,
    token_f1,
)

if TYPE_CHECKING:
    from pathlib import Path

SETS = (
    "altered_facts",
    "contracts",
    "covid_papers",
    "filings",
    "papers",
    "papers_pdf",
    "passages",
    "reviews_counts",
)
CITIES = ("Paris", "Rome", "New York")


def example(*answers: str, kind: Kind = "extractive", **changes: Any) -> Example:
    """A question with these answers."""
    return Example(**{"id": "q", "question": "?", "answers": answers, "kind": kind, **changes})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The  Noahic Covenant.", "noahic covenant"),
        ("6\u201314 July", "6 14 july"),
        ("1,000 U.S. dollars", "1000 us dollars"),
        ("Crohn\u2019s disease", "crohns disease"),
        ("review_0119", "review 0119"),
        ("co\ufb03n", "coffin"),
        ("cafe\u0301", "caf\u00e9"),
        ("3.5 years, v1.2.", "3.5 years v1.2"),
        ("p.5 .5", "p 5 5"),
        ("The", "the"),
        ("+", "+"),
        ("", ""),
    ],
)
def test_case_punctuation_and_articles_do_not_count(text: str, words: str) -> None:
    """Answers are compared by their words, however a document writes them; what has no words stays itself."""
    assert normalised(text) == words


@pytest.mark.parametrize(
    ("answer", "truth", "same"),
    [
        ("$4.2 billion", "4,200 million", True),
        ("4.2e9", "$4.2 billion", True),
        ("4.2E+09", "4,200 million", True),
        ("USD 4,187 million", "$4.2 billion", True),
        ("$4.3 billion", "$4.2 billion", False),
        ("$4.2 million", "$4.2 billion", False),
        ("696.2%", "696.2 %", True),
        ("696.2 percent", "696.2%", True),
        ("7 per cent", "7%", True),
        ("8%", "7%", False),
        ("$(362) million", "-$362 million", True),
        ("(35)", "-35", True),
        ("35", "(35)", False),
        ("\u22127 %", "-7%", True),
        ("2004", "2004", True),
        ("2005", "2004", False),
        ("In 1966.", "1966", True),
        ("on 12 March 2004", "2004", True),
        ("12", "2004", False),
        ("1788", "1788", True),
        ("In 2022 there were 12 of them", "12", True),
        ("12 of 20 reviews", "12", True),
        ("13", "12", False),
        ("1,296 runs", "1296", True),
        ("six", "6", False),
        ("", "6", False),
        ("6", "several", False),
        ("In Q3 2022 revenue was $4.2 billion", "$4.2 billion", True),
        ("In Q3 2022, of 7.5 million units, revenue was 4.2 billion dollars", "$4.2 billion", True),
        ("Revenue rose 5 % to $4.2 billion", "$4.2 billion", True),
        ("Revenue rose 5 % to $4.2 billion", "5 %", True),
        ("$4.2 billion, 5 % more", "5 percent", True),
        ("Item 7 shows 12.4 million", "12.4 million", True),
        ("With 1.2 million moves it earned 81.1 million euros", "EUR 81.1 million", True),
        ("12.4 million; in 2021 it was 9 million", "9 million", False),
        ("On set 2 the F1 was 85.99", "85.99", True),
        ("In Q3 2022 there were 12, 5.5 % more", "12", True),
        ("Q3", "Q3", True),
    ],
)
def test_a_number_is_the_same_however_it_is_written(answer: str, truth: str, same: bool) -> None:
    """Units, scales and signs are understood; amounts may be off by 1 %, years and counts must be exact."""
    assert same_number(answer, truth) is same
    assert score(example(truth, kind="numeric"), answer).value == same


@pytest.mark.parametrize(
    ("answer", "truth", "numeric", "count"),
    [
        ("1,230", "1,234", True, False),
        ("1,234", "1,234", True, True),
        ("1234 people", "1,234", True, True),
        ("about 1.2 thousand", "1200", True, True),
        ("1,230", "1234", False, False),
    ],
)
def test_a_count_is_exact_however_it_is_written(
    answer: str, truth: str, numeric: bool, count: bool
) -> None:
    """A thousands separator makes an amount of a measured number, never of a count."""
    assert score(example(truth, kind="numeric"), answer).value == numeric
    assert score(example(truth, kind="count"), answer).value == count


@pytest.mark.parametrize(
    ("answer", "truth", "share"),
    [
        (
            "It rose from $10,776 million to $12,831 million.",
            "from $10,776 million to $12,831 million",
            1.0,
        ),
        ("It was $12.8 billion.", "from $10,776 million to $12,831 million", 0.5),
        ("696.2 percent, then 642.0 percent", "696.2% and 642.0% in 2023", 1.0),
        (
            "85.99, 75.15 and 71.53",
            "F1 scores of 85.99 on DL-PS, 75.15 on EC-MT and 71.53 on EC-UQ",
            1.0,
        ),
        (
            "$7.7 billion for the nine months",
            "$7.7 billion for the nine months ended October 1, 2022",
            1.0,
        ),
        ("It rose.", "$7.7 billion", 0.0),
        (
            "7934 messages",
            "Resulting dataset was 7934 messages for train and 700 messages for test.",
            None,
        ),
        ("Yes", "copy, copy-marked, copy-dummies", None),
    ],
)
def test_a_summary_is_scored_by_the_figures_it_keeps(
    answer: str, truth: str, share: float | None
) -> None:
    """Each amount of the known answer counts once, wherever it stands; without amounts the words decide."""
    assert figures_found(answer, truth) == share
    got = score(example(truth, kind="abstractive"), answer)
    assert got.metric == ("token F1" if share is None else "figures")
    assert got.value == (token_f1(answer, truth) if share is None else share)


@pytest.mark.parametrize(
    ("answer", "truth", "same"),
    [
        ("Yes", "yes", True),
        ("Yes, because both were tested.", "Yes", True),
        ("**Yes.** Both were.", "Yes", True),
        ("No; the corpus is small.", "No", True),
        ("Not true: it was built later.", "no", True),
        ("False", "No", True),
        ("True", "Yes", True),
        ("No", "Yes", False),
        ("Not mentioned in the paper.", "No", False),
        ("Nobody knows", "No", False),
        ("Yesterday", "Yes", False),
        ("It depends", "Yes", False),
        ("", "No", False),
    ],
)
def test_a_verdict_is_how_the_answer_begins(answer: str, truth: str, same: bool) -> None:
    """Explanations after yes or no do not change it; what is neither is never right."""
    assert same_verdict(answer, truth) is same
    assert score(example(truth, kind="yesno"), answer).value == same


@pytest.mark.parametrize(
    ("answer", "truth", "choices", "same"),
    [
        ("B", "Rome", CITIES, True),
        ("(b)", "Rome", CITIES, True),
        ("B.", "Rome", CITIES, True),
        ("2", "Rome", CITIES, True),
        ("rome", "B", CITIES, True),
        ("Rome", "2", CITIES, True),
        ("B. Rome", "Rome", CITIES, True),
        ("C) New York, as the letter says", "C", CITIES, True),
        ("It was Rome.", "B", CITIES, True),
        ("A", "Rome", CITIES, False),
        ("Rome or Paris", "Rome", CITIES, False),
        ("The", "A", CITIES, False),
        ("", "A", CITIES, False),
        ("D", "B", CITIES, False),
        ("1", "1", ("3", "1", "2"), True),
        ("3", "1", ("3", "1", "2"), False),
        ("2.5", "2.5", ("1.5", "2.5"), True),
        ("2.5 years", "1.5", ("2.5", "1.5"), False),
        ("Rome", "rome", (), True),
    ],
)
def test_a_choice_is_made_by_letter_number_or_text(
    answer: str,
    truth: str,
    choices: tuple[str, ...],
    same: bool,
) -> None:
    """Whether the answer or the data set says "B", "2", "Rome" or "B. Rome": the choice is the same one."""
    assert same_choice(answer, [truth], choices) is same
    assert score(example(truth, kind="multiple_choice", choices=choices), answer).value == same


@pytest.mark.parametrize(
    ("answer", "truth", "value"),
    [
        ("review_0119, review_0541", ("review_0119", "review_0541"), 1.0),
        ("review_0119.txt and docs/review_0541.txt", ("review_0119", "review_0541"), 1.0),
        ("- review_0119.txt\n- review_0541.txt", ("review_0541", "review_0119"), 1.0),
        ('["review_0119.txt", "review_0541.txt"]', ("review_0119", "review_0541"), 1.0),
        ("1. annual report.pdf\n2) other.md", ("annual report", "other"), 1.0),
        ("review_0119", ("review_0119", "review_0541"), 2 / 3),
        ("review_0119, review_0119", ("review_0119",), 1.0),
        ("review_0633", ("review_0119", "review_0541"), 0.0),
        ("Smith, John; Doe, Jane", ("Smith, John", "Doe, Jane"), 1.0),
        ("3.5, 3.7", ("3.5", "3.6"), 0.5),
        ("English, German and French", ("English", "German", "French"), 1.0),
        ("", ("review_0119",), 0.0),
        ("Smith and Wesson, Colt and Remington", ("Smith and Wesson", "Colt", "Remington"), 1.0),
        ("Smith, John and Doe, Jane", ("Smith, John", "Doe, Jane"), 1.0),
        ("They are:\n- Smith and Wesson\n- Colt", ("Smith and Wesson", "Colt"), 1.0),
        ("They are:\nColt, Remington.", ("Colt", "Remington"), 1.0),
        ("The makers are the following: Colt and Remington", ("Colt", "Remington"), 1.0),
        ("It is review_0119.txt.", ("review_0119",), 1.0),
        ("The answer is 42", ("The answer is 42",), 1.0),
    ],
)
def test_a_list_is_scored_as_a_set(answer: str, truth: tuple[str, ...], value: float) -> None:
    """Order, bullets and file suffixes do not count; what is missing and what is too much does."""
    assert score(example(*truth, kind="list"), answer).value == pytest.approx(value)


CLAUSE = "Upon termination of the Agreement, VerticalNet and LeadersOnline shall jointly own all User Data."


@pytest.mark.parametrize(
    ("answer", "forms", "value"),
    [
        ("6-14 July", ("6\u201314 July",), 1.0),
        ("It runs from 6 to 14 July", ("6\u201314 July",), 6 / 10),
        ("It was directed by Wilt Chamberlain.", ("Wilt Chamberlain",), 1.0),
        ("8 December 1985", ("December 1985", "8 December 1985"), 1.0),
        (f"The agreement says: \u201c{CLAUSE}\u201d", (CLAUSE,), 1.0),
        ("They jointly own all User Data", (CLAUSE,), 10 / 19),
        ("26", ("2026",), 0.0),
        ("3.5 years", ("5 years",), 1 / 2),
        ("Section 1.12", ("12",), 0.0),
        ("Fructose", ("Fructose, or fruit sugar", "Fructose"), 1.0),
        ("I cannot tell.", (CLAUSE,), 0.0),
        ("", ("The",), 0.0),
    ],
)
def test_a_passage_is_right_where_it_holds_the_answer(
    answer: str, forms: tuple[str, ...], value: float
) -> None:
    """An answer in a sentence is right; else the words it shares count, with the best of the accepted forms."""
    assert score(example(*forms), answer).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("answer", "value"),
    [("It is a_1.txt.", 1.0), ("a_1", 1.0), ("It is a_2.txt", 0.5), ("None", 0.0)],
)
def test_one_document_by_its_name_is_an_answer_like_another(answer: str, value: float) -> None:
    """It may stand in a sentence, with its suffix or without."""
    one = example("a_1.txt", documents=("a_1.txt", "a_2.txt"))
    assert score(one, answer).value == pytest.approx(value, abs=0.2)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (None, 1.0),
        ("The documents do not state it.", 1.0),
        ("$7.7 billion", 0.0),
        ("No.", 0.0),
        ("0", 0.0),
    ],
)
def test_what_cannot_be_answered_must_not_be(answer: str | None, value: float) -> None:
    """Where the documents do not say, no answer is right, and one that says so; a no is an answer."""
    points = score(example(kind="numeric", unanswerable=True), answer)
    assert (points.value, points.exact, points.contains, points.f1) == (value, value, value, value)


@pytest.mark.parametrize("answer", [None, "The 6 documents do not say."])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_no_answer_is_no_success(kind: Kind, answer: str | None) -> None:
    """An abstention scores 0 wherever there is an answer, in words, too."""
    points = score(example("6", kind=kind), answer)
    assert (points.value, points.metric) == (0, "abstained")


def test_an_answer_that_happens_to_be_such_words_counts() -> None:
    """Where the known answer, or a choice, says that nothing is known, saying so is no abstention."""
    assert score(example("Unknown", "Not known"), "unknown").value == 1
    choosing = example("B", kind="multiple_choice", choices=("Anna Reid", "Not stated"))
    assert score(choosing, "Not stated").value == 1
    assert (
        score(example("A", kind="multiple_choice", choices=choosing.choices), "Not stated").metric
        == "choice"
    )


def test_a_count_tells_how_far_it_is_off() -> None:
    """The absolute error of a number; None where none was given or none is due."""
    assert score(example("6", kind="numeric"), "9 reviews").error == 3
    assert score(example("6", "10", kind="count"), "9").error == 1
    assert score(example("6", kind="count"), "none").error is None
    assert score(example("6"), "9").error is None


@pytest.mark.parametrize("name", SETS)
def test_the_known_answer_of_real_questions_is_right_and_others_are_not(
    dev_set: Path, name: str
) -> None:
    """Over the questions of public data sets, every accepted answer scores 1, an empty or unrelated one little."""
    for one in read_dataset(dev_set / name / "questions.jsonl"):
        forms = [", ".join(one.answers)] if one.kind == "list" else one.answers
        assert [(one.id, score(one, form).value) for form in forms] == [(one.id, 1.0)] * len(forms)
        for other in (
            "",
            "Ships call there." if one.unanswerable else "I do not know, it says nothing about it.",
        ):
            assert score(one, other).value <= 0.2, (one.id, other)


texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="0123456789.,-()$%e kmb/\\\n;abA", max_size=30),
    st.lists(
        st.sampled_from(["yes", "B.", "$4.2 billion", "(35)", "2004", "a.txt", "and", "the", ","]),
        max_size=6,
    ).map(" ".join),
)


@settings(deadline=None)
@given(
    st.sampled_from(get_args(Kind)),
    st.lists(texts, min_size=1, max_size=3),
    st.lists(texts, max_size=4),
    texts,
)
def test_every_score_is_a_share(
    kind: Kind, answers: list[str], choices: list[str], answer: str
) -> None:
    """No text raises, whatever the kind, and every score is from 0 to 1."""
    got = score(example(*answers, kind=kind, choices=tuple(choices)), answer)
    assert all(0 <= share <= 1 for share in (got.value, got.exact, got.contains, got.f1))
    assert got.exact <= got.f1


@settings(deadline=None)
@given(texts, texts)
def test_symmetric_metrics_are_symmetric(one: str, two: str) -> None:
    """What compares two answers does not care which of them is the known one."""
    assert token_f1(one, two) == token_f1(two, one)
    assert exact(one, two) == exact(two, one)
    assert same_verdict(one, two) == same_verdict(two, one)
    assert set_f1(items(one), items(two)) == set_f1(items(two), items(one))


@settings(deadline=None)
@given(texts)
def test_an_answer_agrees_with_itself(text: str) -> None:
    """The same words are the same answer."""
    assert exact(text, text)
    assert token_f1(text, text) == 1
    assert contains(text, text) or not text.split()
    assert same_choice(text, [text], CITIES)
