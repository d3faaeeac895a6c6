"""An evaluation as one self-contained HTML page: table, picture of score against cost, failures."""

from __future__ import annotations

from html import escape as escape_html
from typing import TYPE_CHECKING

from minions.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from minions.evals.report import Outcome, Report, Summary

_WIDTH = 560
_HEIGHT = 320
_MARGIN = 50
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto;
padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
th, td { text-align: left; padding: .3em .8em .3em 0; vertical-align: top;
border-bottom: 1px solid #ddd }
td.n { text-align: right; font-variant-numeric: tabular-nums }
svg text { font-size: 12px; fill: #222 } .note { color: #666 }
"""


# Even markup that got past the escaping could load nothing and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_START = (
    "<!doctype html><html lang=en><meta charset=utf-8>"
    f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
)


def is_page(path: Path) -> bool:
    """True if a file begins like a page that `page` wrote, or is empty. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(len(_START))
    return start in {b"", _START.encode()}


def escape(text: str) -> str:
    """``text`` as plain HTML text: no markup, no characters that reverse the text around them."""
    return escape_html(visible(text))


def page(
    report: Report,
    *,
    rows: Iterable[Sequence[str]],
    header: Sequence[str],
    notes: Iterable[str] = (),
) -> str:
    """Write the page of a report; ``rows``, ``header`` and ``notes`` are plain text, not markup."""
    paragraphs = "".join(f"<p class=note>{escape(note)}</p>" for note in notes)
    failures = ""
    for summary in report.summaries:
        failures += _failures(summary, report.failures(summary.protocol))
    return (
        f"{_START}<title>{escape(report.dataset)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(report.dataset)}</h1>"
        f"<p class=note>{report.documents:,} documents. "
        f"Intervals are 95 % bootstrap intervals over the questions.</p>"
        f"{paragraphs}{_table(header, rows)}{picture(report.summaries)}{failures}</html>\n"
    )


def picture(summaries: Sequence[Summary]) -> str:
    """Draw score against mean cloud tokens per question as SVG, with the interval of each score."""
    bottom = _HEIGHT - _MARGIN
    right = _WIDTH - _MARGIN
    ticks = ""
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = f"{_y(share):.0f}"
        ticks += f'<text x="{_MARGIN - 8}" y="{y}" text-anchor="end" dy="4">{share:g}</text>'
        ticks += f'<line x1="{_MARGIN}" x2="{right}" y1="{y}" y2="{y}" stroke="#eee"/>'
    most = max(map(_tokens, summaries), default=0.0) or 1.0
    points = ""
    for summary in summaries:
        x = f"{_MARGIN + (_WIDTH - 2 * _MARGIN) * _tokens(summary) / most:.0f}"
        y = f"{_y(summary.score.mean):.0f}"
        low = f"{_y(summary.score.low):.0f}"
        high = f"{_y(summary.score.high):.0f}"
        name = escape(summary.protocol)
        points += f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" stroke="#36c"/>'
        points += f'<circle cx="{x}" cy="{y}" r="5" fill="#36c"/>'
        points += f'<text x="{x}" y="{y}" dx="8" dy="-6">{name}</text>'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="score against cloud tokens">{ticks}'
        f'<text x="{right}" y="{bottom + 34}" text-anchor="end">'
        f"cloud tokens a question (most: {most:,.0f})</text>"
        f'<text x="{_MARGIN}" y="{_MARGIN - 20}">score</text>{points}</svg>'
    )


def _tokens(summary: Summary) -> float:
    return summary.cloud_input_tokens + summary.cloud_output_tokens


def _y(share: float) -> float:
    """The vertical place of a score from 0 to 1."""
    return _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * share


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = ""
    for row in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        body += f"<tr>{cells}</tr>"
    return f"<table><tr>{head}</tr>{body}</table>"


def _failures(summary: Summary, failures: Sequence[Outcome]) -> str:
    header = ("id", "question", "expected", "answer", "score", "lost at")
    rows = []
    for failure in failures:
        expected = " | ".join(failure.expected)
        answer = failure.answer or "-"
        lost_at = failure.error or failure.stage or "-"
        score = f"{failure.score:.2f}"
        rows.append((failure.id, failure.question, expected, answer, score, lost_at))
    title = f"<h2>{escape(summary.protocol)}: {len(failures)} of {summary.questions} not right</h2>"
    return title + _table(header, rows)
