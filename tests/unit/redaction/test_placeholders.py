"""Placeholders: what was replaced comes back exactly, and nothing that was replaced is left anywhere in the text."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minions.redaction.detector import Sensitive, detector
from minions.redaction.placeholders import Placeholders

WORDS = ("Project Heron", "Ünïque", "mail")
PATTERNS = (r"\bKX-\d+", r"[<].*?[>]")
DETECT = detector(words=WORDS, patterns=PATTERNS)
VALUES = (
    "jane.roe@example.com",
    "JANE.ROE@example.com",
    "4111 1111 1111 1111",
    "4111111111111111",
    "DE89 3704 0044 0532 0130 00",
    "Project  Heron",
    "pROJECT hERON",
    "KX-4471",
    "<KX-1 jane.roe@example.com>",
    "[EMAIL_1]",
    "EMAIL_1",
    "email_1b",
    "TEXT_1",
    "[ANSWER_3]",
    "CARD_4111111111111111",
    "[[",
    "]",
    " / ",
    "\n",
    "\u200b",
    "\uff4aane.roe@example.com",
)
PIECES = st.one_of(st.sampled_from(VALUES), st.text(max_size=8))
TEXTS = st.lists(PIECES, max_size=14).map("".join)
_ISSUED = re.compile(r"\[[A-Z]+_\d+[a-z]?\]")


@settings(max_examples=4 * settings().max_examples, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_whatever_the_texts_they_come_back_as_they_were(texts: list[str]) -> None:
    """restore(redact(text)) is the text, for each text of a run, before and after others were redacted."""
    placeholders = Placeholders(DETECT)
    redacted = [placeholders.redact(text) for text in texts]
    assert [placeholders.restore(text) for text in redacted] == texts


@settings(max_examples=4 * settings().max_examples, deadline=None)
@given(TEXTS)
def test_no_redacted_value_is_left_in_what_goes_up(text: str) -> None:
    """A value that was found once is replaced wherever it stands, inside of longer words too."""
    placeholders = Placeholders(DETECT)
    rest = _ISSUED.sub("\0", placeholders.redact(text))
    for sensitive in DETECT(text):
        assert text[sensitive.start : sensitive.end] not in rest


def test_one_value_has_one_number_however_it_is_spelt() -> None:
    """The planner sees that two spellings are one account; each comes back as it was written."""
    placeholders = Placeholders(DETECT)
    text = "4111 1111 1111 1111, 4111111111111111 and 5500 0055 5555 5559"
    assert placeholders.redact(text) == "[CARD_1], [CARD_1b] and [CARD_2]"
    assert placeholders.restore("[CARD_1b] [CARD_2]") == "4111111111111111 5500 0055 5555 5559"
    assert placeholders.redacted == {"card": 2}


def test_a_value_seen_once_is_known_from_then_on() -> None:
    """A value that its context gave away in one request is withheld in the next, without that context."""
    placeholders = Placeholders(detector(patterns=(r"(?<=code )\w+",)))
    assert placeholders.redact("the code zebra7") == "the code [TERM_1]"
    assert placeholders.redact("zebra7, xzebra7x") == "[TERM_1], x[TERM_1]x"


@pytest.mark.parametrize("end", [". Then", ", and", "; or", ") and", ".", '" and', "\n"])
def test_a_password_at_the_end_of_a_sentence_is_the_same_in_the_next(end: str) -> None:
    """What ends the sentence is no part of it."""
    text = f'(the "password: hunter22{end} hunter22'
    assert Placeholders(detector()).redact(text) == f'(the "password: [SECRET_1]{end} [SECRET_1]'


def test_the_mapping_is_the_runs_own() -> None:
    """Another run's placeholder means nothing here."""
    one, other = Placeholders(DETECT), Placeholders(DETECT)
    one.redact("jane.roe@example.com")
    assert other.restore("[EMAIL_1]") == "[EMAIL_1]"


def test_held_words_are_looked_for_as_words_only() -> None:
    """A held "reef" does not tear "reefer" apart, and nothing is looked for in the question."""
    placeholders = Placeholders(None)
    placeholders.hold("reef")
    assert placeholders.redact("no reefer, no reef", held=True) == "no reefer, no [ANSWER_1]"
    assert placeholders.redact("reef") == "reef"


@pytest.mark.parametrize("words", ["Xq", "Q", "\u5317\u4eac", "\u2665"])
def test_held_words_are_looked_for_however_short(words: str) -> None:
    """A planner that asks for two letters at a time, and for their placeholder's words in its next task, gets none."""
    placeholders = Placeholders(None)
    restored = placeholders.restore(f"Is it {placeholders.hold(words)}?")
    assert words in restored
    assert placeholders.redact(restored, held=True) == "Is it [ANSWER_1]?"


@pytest.mark.parametrize(
    ("written", "again"),
    [
        ("Falcon  77", "Falcon 77"),
        ("Falcon\n    77", "Falcon / 77"),
        ("Falcon / 77", "Falcon 77"),
        ("Falcon 77", "Falcon\n77"),
    ],
)
@pytest.mark.parametrize("held", [False, True])
def test_a_value_is_known_whatever_white_space_it_has(
    written: str, again: str, *, held: bool
) -> None:
    """A document's line break is a stroke in a digest and a blank in a planner's task; each comes back as it was."""
    placeholders = Placeholders(detector(patterns=(r"(?<=code )Falcon\s+(?:/ )?77",)))
    name = (
        placeholders.hold(written)
        if held
        else placeholders.redact(f"code {written}").removeprefix("code ")
    )
    text = f"it is {again} now, not Falcon or 77"
    redacted = placeholders.redact(text, held=True)
    assert redacted == f"it is {name[:-1]}b] now, not Falcon or 77"
    assert placeholders.restore(redacted) == text


def test_a_value_that_was_taken_for_another_kind_keeps_its_placeholder() -> None:
    """A detector that wavers between a person and a firm does not make two of one; what is held is apart."""
    kinds = iter(("PERSON", "ORGANISATION", "PERSON"))

    def wavering(text: str) -> list[Sensitive]:
        return [Sensitive(next(kinds), 0, len(text))]

    placeholders = Placeholders(wavering)
    assert [placeholders.redact(name) for name in ("Ann Moss", "Ann Moss", "ANN MOSS")] == [
        "[PERSON_1]",
        "[PERSON_1]",
        "[PERSON_1b]",
    ]
    assert placeholders.hold("Ann Moss") == "[ANSWER_1]"
    assert placeholders.redacted == {"person": 1}


@pytest.mark.parametrize(
    ("text", "values"), [("to jane.roe@example.com now", [(3, 23)]), ("to [EMAIL_1]", [])]
)
def test_a_cut_knows_where_values_stand(text: str, values: list[tuple[int, int]]) -> None:
    """What cuts a text short can keep clear of the values in it."""
    assert Placeholders(DETECT).values_in(text) == values


HELD = (
    "[ANSWER_1]",
    "ANSWER_1",
    "x[ANSWER_1]y",
    "[ANSWER_1]9",
    "[ANSWER_1][ANSWER_1]",
    "[EMAIL_1][ANSWER_1][EMAIL_1]",
)


@pytest.mark.parametrize("written", [*HELD, r"x\u0041[ANSWER_1]\u0041y"])
def test_held_words_stay_however_a_planner_writes_their_placeholder(written: str) -> None:
    """Letters right beside a placeholder do not hide its words when the text is sent again."""
    placeholders = Placeholders(DETECT)
    placeholders.redact("jane.roe@example.com")
    placeholders.hold("Zanzibar")
    restored = json.loads(
        placeholders.restore(
            json.dumps(written) if "\\" not in written else f'"{written}"', in_json=True
        )
    )
    assert "Zanzibar" in restored
    assert "Zanzibar" not in placeholders.redact(restored, held=True)


def test_a_digest_keeps_the_placeholders_that_its_answers_have() -> None:
    """What was replaced before is not replaced again, and what a document writes in their form is no placeholder."""
    placeholders = Placeholders(DETECT)
    answer = placeholders.redact("jane.roe@example.com")
    line = f"{answer} | {placeholders.escape('see [EMAIL_1]')}"
    assert placeholders.redact(line, held=True) == line
    assert placeholders.restore(line) == "jane.roe@example.com | see [EMAIL_1]"


def test_looking_for_values_counts_none() -> None:
    """Looking for values in a text does not count as sending it: the report counts what was replaced."""
    placeholders = Placeholders(DETECT)
    assert placeholders.values_in("jane.roe@example.com")
    assert placeholders.redacted == {}


def test_held_words_that_look_like_a_placeholder_stay_too() -> None:
    """A worker that writes one into its answer does not tear what is held."""
    placeholders = Placeholders(DETECT)
    for words in ("Zanzibar", "[ANSWER_1] Shipping to [ANSWER_1] Bay"):
        placeholders.hold(words)
    restored = placeholders.restore("Is it [ANSWER_2]?")
    assert placeholders.redact(restored, held=True) == "Is it [ANSWER_2]?"
