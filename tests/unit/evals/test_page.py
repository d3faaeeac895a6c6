"""The page: the report as one HTML file, in which texts are texts and every protocol has its point."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from minions.cli.render.evaluation import HEADER, notes, report_lines, rows
from minions.evals.page import page, picture
from minions.evals.report import Outcome, Report, summarise
from tests.hostile import texts

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=y>"


def outcome(id_: str = "q1", score: float = 0.0, **changes: Any) -> Outcome:
    """How a question ended."""
    values = {
        "question": "How tall?",
        "kind": "extractive",
        "expected": ("41 metres",),
        "answer": "12 feet",
    }
    told = {"metric": "contains or token F1", "contains": score, "f1": score}
    return Outcome(**{"id": id_, "score": score, **values, **told, **changes})


def report(dataset: str = "lights.jsonl", **outcomes: tuple[Outcome, ...]) -> Report:
    """A report over these protocols."""
    first = next(iter(outcomes.values()))
    summaries = tuple(
        summarise(
            name, ("openai:planner", "openai:reader"), those, None if those is first else first
        )
        for name, those in outcomes.items()
    )
    return Report(dataset=dataset, documents=2, summaries=summaries, outcomes=outcomes)


class Tags(HTMLParser):
    """What a browser would see: elements and texts."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_texts_of_models_and_documents_are_never_markup() -> None:
    """A script in a question, an answer, an error or a name is shown, not run; the page fetches nothing."""
    texts: dict[str, Any] = {
        "question": HOSTILE,
        "answer": HOSTILE,
        "error": HOSTILE,
        "expected": (HOSTILE,),
    }
    hostile = report(HOSTILE, minions=(outcome(HOSTILE, **texts),))
    seen = Tags(page(hostile, rows=rows(hostile), header=HEADER))
    assert not {"script", "img", "link", "iframe"} & set(seen.tags)
    assert (
        seen.texts.count(HOSTILE) == 7
    )  # title, heading; id, question, expected, answer and error of the failure


@pytest.mark.parametrize("names", [("minions",), ("minions", "local", "rag", "remote")])
def test_every_protocol_has_its_point(names: tuple[str, ...]) -> None:
    """The picture has a point and a name for each, within its frame."""
    tokens = dict(zip(names, (0, 100, 5_000, 90_000), strict=False))
    asked: dict[str, Any] = {
        name: (outcome(score=0.5, cloud_input_tokens=tokens[name]), outcome("q2", 1.0))
        for name in names
    }
    summaries = report(**asked).summaries
    drawn = picture(summaries)
    assert drawn.count("<circle") == len(names)
    seen = Tags(drawn)
    assert set(names) <= set(seen.texts)


def test_the_table_and_the_failures_are_on_the_page() -> None:
    """Each cell of the command's table, and each failure with its answer and where it was lost."""
    made = report(
        minions=(outcome(stage="not found"), outcome("q2", 1.0)),
        rag=(outcome(score=1.0), outcome("q2", 1.0)),
    )
    seen = Tags(page(made, rows=rows(made), header=HEADER))
    assert {*HEADER, *(cell for row in rows(made) for cell in row)} <= set(seen.texts)
    assert {"minions: 1 of 2 not right", "12 feet", "not found", "rag: 0 of 2 not right"} <= set(
        seen.texts
    )
    assert "q2" not in seen.texts


def test_the_text_report_names_the_failures_by_stage() -> None:
    """The command's output: the table, then for each protocol what it got wrong and where that was lost."""
    lost = tuple(outcome(f"q{number:02}", stage="not retrieved") for number in range(22))
    made = report(minions=(*lost, outcome("q90", error="timeout"), outcome("q91", 1.0)))
    lines = report_lines(made)
    assert lines[0] == "lights.jsonl: 24 questions over 2 documents"
    assert "minions: 23 not right (not retrieved 22)" in lines
    assert "  q90: timeout; answered 12 feet, expected 41 metres" in lines
    assert lines[-1] == "  and 3 more: --json has all"


def test_unknown_costs_and_shares_are_unknown() -> None:
    """A cost that nobody knows makes the sum unknown; shares are over the questions where they could be told."""
    costs = report(minions=(outcome(cost_usd=None), outcome("q2", 1.0, evidence_read=True)))
    (summary,) = costs.summaries
    assert (summary.cost_usd, summary.evidence_read, summary.evidence_cited) == (None, 1.0, None)
    assert rows(costs)[0][-4:] == ["100%", "-", "-", "-"]


def test_a_cost_that_is_known_in_part_is_told_as_the_least() -> None:
    """One call of unknown cost hides nothing of the others."""
    known = outcome(cost_usd=Decimal("0.25"), known_cost_usd=Decimal("0.25"))
    told = report(minions=(known, outcome("q2", cost_usd=None, known_cost_usd=Decimal("0.5"))))
    (summary,) = told.summaries
    assert (summary.cost_usd, summary.known_cost_usd) == (None, Decimal("0.75"))
    assert "at least $0.750" in rows(told)[0]


def test_questions_that_did_not_end_are_told() -> None:
    """They score 0; those never asked are no part of the mean tokens and seconds."""
    unasked = outcome("q3", asked=False, traced=False, error="not asked")
    ended = outcome(score=1.0, cloud_input_tokens=100, local_s=3.0)
    told = report(
        minions=(ended, outcome("q2", error="budget", cloud_input_tokens=50), unasked),
        rag=(ended,) * 3,
    )
    first, second = told.summaries
    assert (first.failed, first.asked, first.cloud_input_tokens, first.local_s) == (2, 2, 75, 1.5)
    assert first.score.mean == pytest.approx(1 / 3)
    said = "minions: 1 of 3 questions ended, the others score 0; 1 never asked, and left out of tokens and"
    assert f"{said} seconds" in notes(told)
    assert second.failed == 0
    assert not any(note.startswith("rag") for note in notes(told))


def test_questions_without_a_trace_are_told() -> None:
    """Whose process ended before it was kept: what was read for them is unknown, and not nothing."""
    told = report(
        minions=(outcome(traced=False), outcome("q2", traced=False, error="timeout"), outcome("q3"))
    )
    assert told.summaries[0].untraced == 1
    assert any(note.startswith("minions: 1 question without a trace") for note in notes(told))


def test_no_element_of_the_page_comes_from_a_document() -> None:
    """Rows, notes and names full of markup and controls add no element; should one ever get in, the page's own policy
    lets it load and run nothing.
    """
    hostile = (
        "".join(texts.ALL)
        + "</td></table></title><script>x</script><a href=http://127.0.0.1:9/>x</a>"
    )
    plain = report("a", minions=(outcome("b"),))
    filled = report(
        hostile, minions=(outcome(hostile, question=hostile, answer=hostile, error=hostile),)
    )
    pages = [
        page(one, rows=[[cell]], header=[cell], notes=[cell])
        for one, cell in ((plain, "c"), (filled, hostile))
    ]
    trees = [LexborHTMLParser(shown) for shown in pages]
    assert len({tuple(node.tag for node in tree.css("*")) for tree in trees}) == 1
    policy = trees[1].css_first("meta[http-equiv=Content-Security-Policy]")
    assert policy is not None
    assert "default-src 'none'" in (policy.attributes["content"] or "")
    assert not set("\x1b\x9b\u202e\x07") & set(pages[1])
