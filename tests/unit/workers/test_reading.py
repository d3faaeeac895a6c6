"""A worker's reply is read, or refused with one error."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ReplyError
from minions_workers.reading import read_reply

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.text(alphabet="0123456789-: to\n", max_size=40)
    | st.sampled_from(["9" * 5000, "1-" + "9" * 5000, "\ud800", 10**4200, 1e308])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
)


@given(lines=VALUES, quote=VALUES, answer=VALUES)
def test_no_value_ends_a_run(lines: object, quote: object, answer: object) -> None:
    """Any JSON in place of lines, quote and answer is read, or refused with ReplyError."""
    text = json.dumps({"lines": lines, "quote": quote, "answer": answer})
    with suppress(ReplyError):
        reply = read_reply(text)
        assert all(0 <= number < 10**6 for number in reply.lines)
        for words in (reply.quote, reply.answer):
            assert words is None or words.encode()


@pytest.mark.parametrize(
    "lines", ["[1e999]", "[NaN]", "[-Infinity]", '"' + "7" * 5000 + '"', "[1" + "0" * 400 + "]"]
)
def test_numbers_that_are_no_lines_point_at_nothing(lines: str) -> None:
    """Infinity is not a line, nor is a number of 5,000 digits."""
    assert read_reply(f'{{"lines": {lines}, "answer": "12"}}').lines == []


@pytest.mark.parametrize(
    ("lines", "numbers"), [('["2-4", 7]', [2, 3, 4, 7]), ("2.0", [2]), ('"lines 1 and 3"', [1, 3])]
)
def test_lines_are_understood_however_they_are_written(lines: str, numbers: list[int]) -> None:
    """A range, a decimal and words name lines too."""
    assert read_reply(f'{{"lines": {lines}, "answer": "12"}}').lines == numbers


@pytest.mark.parametrize("answer", ["a line of the document " * 100, "x" * 5000])
def test_an_answer_is_no_longer_than_was_asked_for(answer: str) -> None:
    """Some servers do not enforce the schema, and an answer is sent whole: it must not be a whole
    chunk.
    """
    read = read_reply(json.dumps({"lines": [1], "answer": answer})).answer
    assert read is not None
    assert 350 < len(read) <= 400
    assert answer.startswith(read)


def test_nesting_without_end_is_refused() -> None:
    """A model that loops on a bracket fails its job, not the run."""
    with pytest.raises(ReplyError):
        read_reply('{"lines": ' + "[" * 3000 + "]" * 3000 + ', "answer": "12"}')


def test_a_reply_without_end_is_bounded() -> None:
    """Without an enforced schema, lines and quote are still bounded, whatever the worker wrote."""
    reply = read_reply(json.dumps({"lines": list(range(5000)), "quote": "a word " * 50_000}))
    assert reply.lines == list(range(100))
    assert reply.quote is not None
    assert 1000 < len(reply.quote) <= 1600


def test_line_numbers_are_taken_out_of_a_quote_at_once() -> None:
    """A hundred thousand empty lines before a number take no time."""
    assert read_reply(
        json.dumps({"quote": "\n" * 100_000 + " 7: the line\n8: and the next"})
    ).quote == ("the line and the next")
