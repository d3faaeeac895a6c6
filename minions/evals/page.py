"""An evaluation as one HTML page that needs nothing else: the table, a picture of score against cost, the failures."""

from __future__ import annotations

from html import escape as escape_html
from typing import TYPE_CHECKING

from minions.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.evals.report import Outcome, Report, Summary

_WIDTH, _HEIGHT, _MARGIN = 560, 320, 50
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } th, td { text-align: left; padding: .3em .8em .3em 0;
vertical-align: top; border-bottom: 1px solid #ddd } td.n { text-align: right; font-variant-numeric: tabular-nums }
svg text { font-size: 12px; fill: #222 } .note { color: #666 }
"""


# The page loads nothing and runs nothing, whatever should get past the escaping.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def escape(text: str) -> str:
    """``text`` as HTML shows it: no markup, and nothing that turns what stands around it."""
    return escape_html(visible(text))


def page(
    report: Report,
    *,
    rows: Iterable[Sequence[str]],
    header: Sequence[str],
    notes: Iterable[str] = (),
) -> str:
    """The page; ``rows``, ``header`` and ``notes`` are those that the command prints. All is text, none is markup."""
    told = "".join(f"<p class=note>{escape(note)}</p>" for note in notes)
    failures = "".join(
        _failures(summary, report.failures(summary.protocol)) for summary in report.summaries
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(report.dataset)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(report.dataset)}</h1>"
        f"<p class=note>{report.documents:,} documents. Intervals are 95 % bootstrap intervals over the questions.</p>"
        f"{told}{_table(header, rows)}{picture(report.summaries)}{failures}</html>\n"
    )


def picture(summaries: Sequence[Summary]) -> str:
    """Score against cloud tokens a question, as SVG, with the interval of each score."""
    most = max((_tokens(summary) for summary in summaries), default=0.0) or 1.0
    points = "".join(_point(summary, most) for summary in summaries)
    bottom, right = _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    ticks = "".join(
        f'<text x="{_MARGIN - 8}" y="{_y(share):.0f}" text-anchor="end" dy="4">{share:g}</text>'
        f'<line x1="{_MARGIN}" x2="{right}" y1="{_y(share):.0f}" y2="{_y(share):.0f}" stroke="#eee"/>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="score against cloud tokens">{ticks}'
        f'<text x="{right}" y="{bottom + 34}" text-anchor="end">cloud tokens a question (most: {most:,.0f})</text>'
        f'<text x="{_MARGIN}" y="{_MARGIN - 20}">score</text>{points}</svg>'
    )


def _point(summary: Summary, most: float) -> str:
    x = _MARGIN + (_WIDTH - 2 * _MARGIN) * _tokens(summary) / most
    score = summary.score
    return (
        f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{_y(score.low):.0f}" y2="{_y(score.high):.0f}" stroke="#36c"/>'
        f'<circle cx="{x:.0f}" cy="{_y(score.mean):.0f}" r="5" fill="#36c"/>'
        f'<text x="{x:.0f}" y="{_y(score.mean):.0f}" dx="8" dy="-6">{escape(summary.protocol)}</text>'
    )


def _tokens(summary: Summary) -> float:
    return summary.cloud_input_tokens + summary.cloud_output_tokens


def _y(share: float) -> float:
    return _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * share


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _failures(summary: Summary, failures: Sequence[Outcome]) -> str:
    rows = [
        (
            one.id,
            one.question,
            " | ".join(one.expected),
            one.answer or "-",
            f"{one.score:.2f}",
            one.error or one.stage or "-",
        )
        for one in failures
    ]
    title = f"<h2>{escape(summary.protocol)}: {len(failures)} of {summary.questions} not right</h2>"
    return title + _table(("id", "question", "expected", "answer", "score", "lost at"), rows)
