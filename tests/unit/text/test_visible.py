"""Text of strangers, as it is shown."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from minions.text.visible import clean_line, one_line, visible, without_unseen

ODD = "\x00\x07\x08\x1b\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ud800\r\x0b\x0c"
TEXTS = st.text(st.one_of(st.sampled_from(ODD + "a;|\n\t "), st.characters()))


def shown(letter: str) -> bool:
    """Return whether a terminal only draws the text."""
    return letter not in ODD and unicodedata.category(letter) not in {"Cc", "Cs", "Zl", "Zp"}


@given(TEXTS)
def test_no_terminal_obeys_what_is_shown(text: str) -> None:
    """No control, no reordering, no half character is left, whatever the text; line breaks and tabs are."""
    assert all(shown(letter) for letter in visible(text) if letter not in "\n\t")
    assert visible(text).encode().decode() == visible(text)
    assert (visible(text).count("\n"), visible(text).count("\t")) == (
        text.count("\n"),
        text.count("\t"),
    )


@given(
    st.recursive(
        TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    )
)
def test_json_stays_the_json_it_was(value: object) -> None:
    """A result that is piped on holds every character, and printed it is only text."""
    written = visible(json.dumps(value, ensure_ascii=False))
    assert all(map(shown, written))
    assert json.loads(written) == value


@given(TEXTS)
def test_one_line_is_one_line(text: str) -> None:
    """A file name with a line break cannot look like another line of output; plain text is as it was."""
    assert one_line(text).splitlines() in ([], [one_line(text)])
    assert all(map(shown, one_line(text)))
    plain = " ".join("".join(filter(shown, text)).split())
    assert one_line(plain) == plain


@given(TEXTS, st.integers(10, 60))
def test_a_clean_line_is_bounded_and_has_nothing_odd_left(text: str, limit: int) -> None:
    """A line in a list or a prompt is never longer than its limit."""
    line = clean_line(text, limit)
    assert len(line) <= limit
    assert all(map(shown, line))
    assert clean_line(line, limit) == line


@given(TEXTS)
def test_what_a_model_reads_holds_nothing_that_people_do_not_see(text: str) -> None:
    """White space stays, so that lines are lines, and so does what joins letters."""
    left = without_unseen(text)
    assert all(shown(letter) or letter.isspace() for letter in left)
    assert without_unseen(left) == left
    plain = "".join(filter(shown, left))
    assert without_unseen(plain) == plain


def test_hidden_writing_is_left_out_and_joined_letters_stay() -> None:
    """Tags spell orders that only a model reads; Persian and emoji are written with joiners."""
    assert without_unseen(
        "a\U000e0049\U000e0067b \u0645\u06cc\u200c\u0634\u0648\u062f \U0001f469\u200d\U0001f52c"
    ) == ("ab \u0645\u06cc\u200c\u0634\u0648\u062f \U0001f469\u200d\U0001f52c")
