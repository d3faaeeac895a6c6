"""Replies of models: whatever bytes come, a JSON object of bounded depth or one error of ours, and soon."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ReplyError
from minions.text.json_reply import as_text, as_texts, parse_reply
from tests.fuzz.hostile_values import FUZZ, TEXTS, VALUES, bent, objects

PATIENCE_S = 240  # of a busy machine; each of them takes seconds at most on a quiet one
_TOKENS = (
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    ":",
    ",",
    "\\",
    "a",
    "1",
    "\n",
    "```json\n",
    "```",
    "<think>",
    "</think>",
    "//",
    "\\u",
)


def levels(value: Any) -> int:
    """How deep a value is nested."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(levels, inner), default=0)


def read(text: str, *, cut_off: bool = False) -> None:
    """Read a reply, and everything in it, as those do who asked for it."""
    with suppress(ReplyError):
        reply = parse_reply(text, cut_off=cut_off)
        assert isinstance(reply, dict)
        assert levels(reply) <= 51
        for said in (as_text(reply), *as_texts(list(reply.values()))):
            assert said is None or said.isprintable() or said.encode()


@FUZZ
@given(
    st.text(st.characters(), max_size=300)
    | st.lists(st.sampled_from(_TOKENS), max_size=60).map("".join),
    st.booleans(),
)
def test_no_text_ends_a_run(text: str, cut_off: bool) -> None:
    """Prose, bytes that are no text, half a fence in a thought: an object, or ReplyError."""
    read(text, cut_off=cut_off)


@FUZZ
@given(
    bent(objects("lines", "quote", "answer", "tasks", "findings", "confidence", "verdict")),
    st.booleans(),
)
def test_no_broken_object_ends_a_run(text: str, cut_off: bool) -> None:
    """What was an object once, and is cut, doubled and mixed with marks: an object, or ReplyError."""
    read(text, cut_off=cut_off)


@FUZZ
@given(VALUES | TEXTS)
def test_any_value_becomes_a_text_that_can_be_written(value: Any) -> None:
    """No zero byte, no half pair and no sequence for a terminal is left in it, and no empty text."""
    said = as_text(value)
    if said is not None:
        assert said.encode()
        assert said.strip()
        assert not {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0))} & set(said)


_WITHOUT_END = {
    "a megabyte of text": '"{\\"a\\": \\"" + "x" * 1_000_000',
    "a megabyte of digits": '"{\\"a\\": " + "9" * 1_000_000 + "}"',
    "a megabyte of brackets": '"[" * 1_000_000',
    "a megabyte of objects": '"{\\"a\\":" * 200_000',
    "a megabyte of fences": '"```json\\n{" * 100_000',
    "a megabyte of thoughts": '"<think>" * 130_000',
    "more than a megabyte": '"{" * 5_000_000',
    "quotes without end": '"{\\"a\\": [" + "\\"b\\", \\"c\\" \\"d" * 20_000',
    "what is just short enough to be repaired": '("{" + "<{]" * 2_000)[:4_000]',
    "empty lines before a number": '"{\\"quote\\": \\"" + "\\\\n" * 300_000 + "7: x\\"}"',
    "many line numbers": '"{\\"lines\\": \\"" + "1-12, " * 150_000 + "\\"}"',
}


@pytest.mark.parametrize("text", _WITHOUT_END.values(), ids=_WITHOUT_END.keys())
def test_no_reply_takes_for_ever(text: str) -> None:
    """A server that ignores every limit costs seconds, not the evening: read in a process that would be ended."""
    program = (
        "from contextlib import suppress\n"
        "from minions.errors import ReplyError\n"
        "from minions_workers.reading import read_reply\n"
        f"with suppress(ReplyError):\n    read_reply({text})\n"
        "print('read')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.stdout == "read\n", ended.stderr
