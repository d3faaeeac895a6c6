"""Answers, citations and bills as text."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.cli.render import answers, tables
from minions.values.answers import Calculation, Egress, Withheld
from minions.verify import CitationCheck

if TYPE_CHECKING:
    from minions.values.answers import StopReason


COMPARE = (
    "compare   sending all the text to openai:gpt-5.4: $1.20 (480,000 tokens, estimate)",
    "          the same with a prompt cache: $1.20 (estimate)",
    "          sending only the best-matching chunks: $1.20 (480,000 tokens, estimate)",
)


def test_an_answer_is_followed_by_its_citations(make: Any) -> None:
    """The answer, an empty line, and one line a citation with path, page, offsets and quote."""
    answer = make.answer(
        citations=(make.citation(page=12), make.citation(start=7, quote="Two\nlines"))
    )
    assert answers.answer_lines(answer) == [
        "41 metres",
        "",
        '[1] guide.md p. 12 (characters 120-141): "It is 41 metres tall."',
        '[2] guide.md (characters 7-16): "Two lines"',
    ]


def test_arithmetic_is_shown_with_its_working(make: Any) -> None:
    """A number that stands in no document says where it comes from."""
    growth = Calculation(expression="(12.4 - 10.1) / 10.1 * 100", result="22.8")
    lines = answers.answer_lines(make.answer(answer="22.8 %", citations=(), calculations=(growth,)))
    assert lines == ["22.8 %", "", "22.8 = (12.4 - 10.1) / 10.1 * 100"]


def test_a_partial_result_shows_what_was_found(make: Any) -> None:
    """Without an answer stdout carries the citations alone, or nothing."""
    assert answers.answer_lines(make.answer(answer=None, stop_reason="budget"))[0].startswith(
        "[1] guide.md"
    )
    assert (
        answers.answer_lines(make.answer(answer=None, stop_reason="no_answer", citations=())) == []
    )


def test_a_citation_that_is_not_verbatim_says_so(make: Any) -> None:
    """A fuzzy match shows how well it matched."""
    assert "(characters 120-141, fuzzy 0.87)" in answers.citation_line(
        1, make.citation(status="fuzzy", score=0.871)
    )


def test_a_citation_without_its_quote_is_a_place(make: Any) -> None:
    """A quote that was not kept is not shown as an empty one."""
    assert (
        answers.citation_line(1, make.citation(quote="", start=7))
        == "[1] guide.md (characters 7-7)"
    )


def test_what_went_up_and_what_stayed_is_a_line() -> None:
    """Counts have plurals; a preview says what would be sent and withheld."""
    egress = Egress(
        sent_bytes=854,
        limit_bytes=8000,
        withheld=Withheld(findings=1, answers=2),
        redacted={"account": 1, "address": 2, "term": 2},
    )
    stayed = "words of 2 answers, 1 finding over --max-egress, 1 account, 2 addresses, 2 terms"
    text = "854 of at most 8,000 bytes of the documents' text"
    assert answers.egress_lines(egress) == [
        f"sent      {text}; withheld (kept on this machine): {stayed}"
    ]
    assert answers.egress_lines(egress, is_preview=True) == [
        f"to send   {text}; to be withheld (kept on this machine): {stayed}"
    ]
    assert answers.egress_lines(Egress()) == []


def test_an_answer_that_the_limit_kept_away_says_how_to_get_it(make: Any) -> None:
    """A limit that withheld findings is named as the likely reason for no answer."""
    limited = Egress(limit_bytes=50, withheld=Withheld(findings=2))
    reason = answers.verdict(make.answer(answer=None, stop_reason="no_answer", egress=limited))
    assert (
        reason
        == "no answer was found; 2 findings withheld by --max-egress: a higher limit sends more"
    )
    assert answers.verdict(make.answer(egress=limited)) is None


@given(text=st.text(), length=st.integers(4, 60))
def test_a_shortened_text_is_one_line_that_fits(text: str, length: int) -> None:
    """No quote, however long or odd, breaks the layout."""
    short = answers.shortened(text, length)
    assert len(short) <= length
    assert short == " ".join(short.split())


@pytest.mark.parametrize(
    ("cost_usd", "shown"),
    [
        (None, "cost unknown"),
        ("0", "$0"),
        ("0.00001", "less than $0.0001"),
        ("0.00303", "$0.0030"),
        ("0.0456", "$0.046"),
        ("1234.5", "$1,234.50"),
    ],
)
def test_unknown_money_is_never_zero(cost_usd: str | None, shown: str) -> None:
    """An unknown cost is shown as unknown; small costs keep digits that matter."""
    assert answers.money(None if cost_usd is None else Decimal(cost_usd)) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(4.16, "4.2 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_read_at_a_glance(seconds: float, shown: str) -> None:
    """Seconds, minutes, hours."""
    assert answers.duration(seconds) == shown


def test_the_bill_states_cost_and_alternatives(make: Any) -> None:
    """Calls, tokens and dollars of both roles, the alternatives labelled as estimates, and what was saved."""
    answer = make.answer(baseline=make.baseline("1.20"))
    assert answers.bill_lines(answer, planner="openai:p", worker="ollama:w") == [
        "planner   openai:p: 2 calls, 1,234 tokens in (100 cached), 56 out, $0.0030",
        "worker    ollama:w: 10 calls, 9,000 tokens in, 80 out, $0",
        "read      9 of 1,200 chunks in 2 documents, 12.3 s",
        *COMPARE,
        "saved     about $1.20 (99.7 %) compared with sending all the text, if the answer is right",
    ]


def test_a_run_without_an_answer_saved_nothing(make: Any) -> None:
    """Savings are stated for answers only."""
    answer = make.answer(answer=None, stop_reason="budget", baseline=make.baseline("1.20"))
    assert not any(line.startswith("saved") for line in answers.bill_lines(answer))


def test_nothing_is_said_to_be_saved_at_an_unknown_price(make: Any) -> None:
    """An unknown price gives no savings, and no zero."""
    lines = answers.bill_lines(make.answer(baseline=make.baseline(None)))
    assert "cost unknown" in lines[3]
    assert not any(line.startswith("saved") for line in lines)


@pytest.mark.parametrize("reason", ["no_answer", "budget", "timeout", "interrupted", "error"])
def test_a_run_without_an_answer_says_why(make: Any, reason: StopReason) -> None:
    """Every way to end without an answer has its words."""
    shown = answers.verdict(make.answer(answer=None, stop_reason=reason))
    assert shown not in {None, "no answer"}
    assert answers.verdict(make.answer()) is None


def test_columns_line_up() -> None:
    """Text is set to the left, numbers to the right, and no line ends in spaces."""
    lines = answers.table(["name", "n"], [["a", "1"], ["longer", "1,000"]], right=frozenset({1}))
    assert lines == ["name        n", "a           1", "longer  1,000"]


def test_every_check_has_its_word() -> None:
    """A citation is OK, moved, changed, or its file is missing."""
    values: dict[str, Any] = {
        "citation_id": "f1",
        "path": "a.txt",
        "start": 1,
        "end": 3,
        "reason": "why",
    }
    checks = [
        CitationCheck(**values, status=status) for status in ("ok", "moved", "changed", "missing")
    ]
    words = [line.split("  ")[0] for line in tables.check_lines(checks)]
    assert words == ["OK", "moved", "changed", "file missing"]
    assert tables.check_lines([]) == ["no citations to check"]
