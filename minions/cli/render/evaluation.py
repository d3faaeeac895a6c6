"""How an evaluation looks as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.cli.render.answers import money, shortened, table
from minions.text.visible import one_line

if TYPE_CHECKING:
    from minions.evals.report import JudgeBill, Report, Summary
    from minions.evals.statistics import Interval

HEADER = (
    "protocol",
    "score [95 %]",
    "to the first",
    "contains",
    "F1",
    "cloud in + out",
    "cost",
    "local tokens",
    "local s",
    "read",
    "sent",
    "cited",
    "citations right",
)
_JUDGED = 3  # where the judge's column is
_SHOWN = 20


def header(report: Report) -> tuple[str, ...]:
    """The columns of the table; a judge has one more."""
    return (
        HEADER if report.judge is None else (*HEADER[:_JUDGED], "judged [95 %]", *HEADER[_JUDGED:])
    )


def rows(report: Report) -> list[list[str]]:
    """A row a protocol; tokens and seconds are means a question."""
    return [_row(summary, judged=report.judge is not None) for summary in report.summaries]


def report_lines(report: Report) -> list[str]:
    """The table, and the failures of each protocol by the stage that lost them."""
    lines = [
        f"{one_line(report.dataset)}: {report.summaries[0].questions} questions over {report.documents:,} documents",
        *notes(report),
        "",
        *table(header(report), rows(report), right=frozenset(range(3, len(header(report))))),
    ]
    for summary in report.summaries:
        failures = report.failures(summary.protocol)
        if not failures:
            continue
        stages = ", ".join(f"{stage} {count}" for stage, count in sorted(summary.lost.items()))
        lines += [
            "",
            f"{summary.protocol}: {len(failures)} not right" + (f" ({stages})" if stages else ""),
        ]
        lines += [
            f"  {shortened(one.id, 60)}: {one_line(one.error or one.stage or '-')}; "
            f"{shortened(one.answer or '-', 60)} for {shortened(' | '.join(one.expected), 60)}"
            for one in failures[:_SHOWN]
        ]
        if len(failures) > _SHOWN:
            lines.append(f"  and {len(failures) - _SHOWN} more: --json has all")
    return lines


def notes(report: Report) -> list[str]:
    """What must be known to read the table: whose answers these are, and whose plans."""
    first = report.summaries[0]
    told = [
        f"planner {first.planner}, worker {first.worker}; tokens and seconds are means a question"
    ]
    for summary in report.summaries:
        if (summary.planner, summary.worker) != (first.planner, first.worker):
            told.append(f"{summary.protocol}: planner {summary.planner}, worker {summary.worker}")
        told += _incomplete(summary)
        told += [
            f"{summary.protocol}: plans from {name} for {count} of {summary.questions} questions"
            for name, count in summary.planned_in.items()
        ]
    told += [] if report.judge is None else [_bill(report, report.judge)]
    return [one_line(note) for note in told]


def _incomplete(summary: Summary) -> list[str]:
    """What a protocol's row is not told of, or not told right."""
    told = []
    if summary.failed:
        ended, unasked = summary.questions - summary.failed, summary.questions - summary.asked
        never = (
            f"; {unasked} were never asked, and are left out of tokens and seconds"
            if unasked
            else ""
        )
        told.append(
            f"{summary.protocol}: {ended} of {summary.questions} questions ended, the others score 0{never}"
        )
    if summary.untraced:
        told.append(
            f"{summary.protocol}: {summary.untraced} questions have no trace (their process ended, or it was deleted): "
            "what was read and sent for them, and where they were lost, is unknown"
        )
    return told


def _bill(report: Report, judge: JudgeBill) -> str:
    marked = sum(summary.judged_questions for summary in report.summaries)
    tokens = f"{judge.input_tokens:,} + {judge.output_tokens:,} tokens"
    return (
        f"judge {judge.judge}: {marked} answers in free text marked, apart from the protocols' bill in "
        f"{judge.calls} calls, {tokens}, {money(judge.cost_usd)}"
    )


def _row(summary: Summary, *, judged: bool) -> list[str]:
    mark = [] if not judged else ["-" if summary.judged is None else _interval(summary.judged)]
    cloud = f"{summary.cloud_input_tokens:,.0f} + {summary.cloud_output_tokens:,.0f}"
    return [
        summary.protocol,
        _interval(summary.score),
        "-" if summary.difference is None else _interval(summary.difference, signed=True),
        *mark,
        f"{summary.contains:.2f}",
        f"{summary.f1:.2f}",
        cloud,
        _cost(summary),
        f"{summary.local_input_tokens + summary.local_output_tokens:,.0f}",
        f"{summary.local_s:,.1f}",
        _share(summary.evidence_read),
        _share(summary.evidence_sent),
        _share(summary.evidence_cited),
        _share(summary.citations_right),
    ]


def _cost(summary: Summary) -> str:
    if summary.cost_usd is None and summary.known_cost_usd:
        return f"at least {money(summary.known_cost_usd)}"
    return money(summary.cost_usd)


def _interval(found: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{found.mean:{sign}.2f} [{found.low:{sign}.2f}, {found.high:{sign}.2f}]"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
