"""Replies of models, broken in the ways that were seen: one table of cases."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ReplyError
from minions.text.json_reply import as_text, as_texts, parse_reply

CASES = {
    "plain": '{"answer": "12"}',
    "fenced": '```json\n{"answer": "12"}\n```',
    "fence never closed": '```json\n{"answer": "12"}',
    "thought first": '<think>The passage says {12}.</think>\n{"answer": "12"}',
    "words around": 'Sure! Here it is: {"answer": "12"} I hope this helps.',
    "single quotes": "{'answer': '12'}",
    "trailing comma": '{"answer": "12",}',
    "in a list": '[{"answer": "12"}]',
    "cut off after the value": '{"answer": "12", "lines": [1, 2',
    "cut off in a string": '{"answer": "12',
    "unquoted key": '{answer: "12"}',
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_bent_json_is_read(text: str) -> None:
    """A reply whose meaning is plain counts, whatever its shape."""
    assert parse_reply(text)["answer"] == "12"


@pytest.mark.parametrize(
    "text", ["", "   ", "I do not know.", "<think>hm", "12", '"12"', "[]", "{}{"]
)
def test_what_is_no_object_is_refused(text: str) -> None:
    """Prose is not data."""
    with pytest.raises(ReplyError):
        parse_reply(text)


WHOLE = ("plain", "fenced", "fence never closed", "thought first", "in a list")


@pytest.mark.parametrize(("case", "text"), CASES.items(), ids=CASES.keys())
def test_half_an_object_of_a_reply_that_was_cut_off_is_not_mended(case: str, text: str) -> None:
    """A cut-off reply whose object is whole counts; the beginning of an answer is not an answer."""
    if case in WHOLE:
        assert parse_reply(text, cut_off=True) == {"answer": "12"}
    else:
        with pytest.raises(ReplyError):
            parse_reply(text, cut_off=True)


def test_a_value_nested_without_end_is_refused() -> None:
    """A model that loops on a bracket does not exhaust the stack of whoever reads its values."""
    with pytest.raises(ReplyError):
        parse_reply('{"answer": ' + "[" * 3000 + "]" * 3000 + "}")


@given(st.text(alphabet=st.sampled_from("{}[]\",:'\\ab1`<think>\n"), max_size=60))
def test_nothing_but_its_own_error_comes_out(text: str) -> None:
    """No reply, however broken, ends a run with a stranger's exception."""
    with suppress(ReplyError):
        assert isinstance(parse_reply(text), dict)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ("  a \n b ", "a b"),
        (12, "12"),
        (1.5, "1.5"),
        (True, "yes"),
        (["a", None, "b"], "a, b"),
        ({"a": 1}, "a: 1"),
        ("half \ud83d a pair", "half ? a pair"),
    ],
)
def test_any_value_becomes_a_short_text(value: object, text: str | None) -> None:
    """A list, number or boolean where a string was asked for is still an answer."""
    assert as_text(value) == text


def test_texts_come_from_a_list_a_value_or_nothing() -> None:
    """A string where a list was asked for is a list of one."""
    assert as_texts("f1") == ("f1",)
    assert as_texts(["f1", 2, ""]) == ("f1", "2")
    assert as_texts(None) == ()


def test_a_control_character_becomes_a_blank() -> None:
    """A model's text can be printed and stored: no zero bytes, no sequences that a terminal obeys."""
    assert as_text("41\x00 \x1b[31mmetres\x9b1m\x7f") == "41 [31mmetres 1m"


@pytest.mark.parametrize("text", ['{"a": ["' + '["' * 3000, '{"a": "' + "x" * 1_000_000])
def test_what_takes_too_long_to_repair_is_refused(text: str) -> None:
    """A worker's megabyte of broken JSON costs a job, not the minutes that its repair would take."""
    with pytest.raises(ReplyError, match="too long"):
        parse_reply(text)


def test_a_long_reply_that_is_whole_is_read() -> None:
    """The length alone is no reason to refuse a list of a thousand items."""
    assert parse_reply(json.dumps({"answer": ["item"] * 20_000}))["answer"][-1] == "item"
