"""How a finding is written: text that a planner reads, and nothing that its reader does not see."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.evidence.digest_lines import Writer, squeeze

ODD = "\x00\x07\x1b\x7f\x85\x9b\u061c\u200f\u2028\u202e\u2066\ud800\x0b\x0c\r\U000e0041"
ORDERS = set(ODD)
SECRET = "DE44 5001 0517 5407 3249 31"


@given(
    st.text(st.one_of(st.sampled_from(ODD + "a1 \n"), st.characters())),
    st.integers(4, 60),
    st.booleans(),
)
def test_a_line_holds_no_unseen_character(text: str, limit: int, keep_end: bool) -> None:
    """Whatever a document holds, it is sent as one line that no terminal obeys and nothing reverses."""
    line = squeeze(text, limit, keep_end=keep_end)
    assert not ORDERS & set(line)
    assert line.splitlines() in ([], [line])


def test_escapes_and_overrides_are_left_out() -> None:
    """The words around them stay, joined as they are seen."""
    assert squeeze("a\x1b[31m b\u202e\x9bx\r\nnext\u2028one", 700) == "a[31m bx / next / one"


@pytest.mark.parametrize("policy", ["findings", "open"])
def test_no_part_of_a_finding_holds_an_unseen_character(make: Any, policy: Any) -> None:
    """Answer, headings, header row, neighbours and quote; in a digest, in what later rounds see, and whole."""
    odd = f"one{ODD}two"
    finding = make.finding(
        odd,
        quote=f"{odd}\nthree",
        before=odd,
        after=odd,
        headings=(odd, odd),
        table_header=odd,
        page=3,
    )
    writer = Writer({"doc": "a.txt", "other": "b.txt"}, policy)
    for written in (
        writer.line(finding),
        writer.gist(finding),
        writer.whole(finding),
        writer.place(finding),
    ):
        assert not ORDERS & set(written)
        assert "two" in written
    assert writer.whole(finding).endswith("two\nthree")
    assert finding.citation.quote == f"{odd}\nthree"


@pytest.mark.parametrize("keep_end", [False, True])
def test_a_cut_spares_a_value_that_was_written_with_unseen_characters(keep_end: bool) -> None:
    """Values are looked for in the text that is sent, so that no part of one is sent."""

    def values(text: str) -> list[tuple[int, int]]:
        start = text.find(SECRET)
        return [(start, start + len(SECRET))] if start >= 0 else []

    hidden = SECRET.replace(" ", " \x1b\u202e")
    for limit in range(12, 50):
        line = squeeze(
            f"\x1b\x1b before it {hidden} after it", limit, keep_end=keep_end, values=values
        )
        assert SECRET in line or not any(part in line for part in SECRET.split())
