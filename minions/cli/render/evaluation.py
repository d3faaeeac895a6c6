"""An evaluation as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.cli.render.answers import counted, money, shortened, table
from minions.text.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.evals.report import Outcome, Report, Summary
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
_LEGEND = (
    "read, sent, cited: share of questions whose evidence was read, sent to the planner and cited; "
    "docs/evaluation.md explains every column"
)
_UNKNOWN = "-"
_JUDGED = 3  # the index of the judge's column
_SHOWN = 20
_SHORT = 60


def header(report: Report) -> tuple[str, ...]:
    """The columns of the table; a judge has one more."""
    if report.judge is None:
        return HEADER
    return (*HEADER[:_JUDGED], "judged [95 %]", *HEADER[_JUDGED:])


def rows(report: Report) -> list[list[str]]:
    """A row for each protocol; tokens and seconds are means per question."""
    cells: list[list[str]] = []
    for summary in report.summaries:
        scores = [_interval(summary.score), _interval(summary.difference, signed=True)]
        if report.judge is not None:
            scores.append(_interval(summary.judged))
        local_tokens = summary.local_input_tokens + summary.local_output_tokens
        cells.append(
            [
                summary.protocol,
                *scores,
                f"{summary.contains:.2f}",
                f"{summary.f1:.2f}",
                f"{summary.cloud_input_tokens:,.0f} + {summary.cloud_output_tokens:,.0f}",
                _cost(summary),
                f"{local_tokens:,.0f}",
                f"{summary.local_s:,.1f}",
                _percent(summary.evidence_read),
                _percent(summary.evidence_sent),
                _percent(summary.evidence_cited),
                _percent(summary.citations_right),
            ]
        )
    return cells


def report_lines(report: Report) -> list[str]:
    """The table, and the failures of each protocol by the stage at which they were lost."""
    columns = header(report)
    questions = counted(report.summaries[0].questions, "question")
    documents = counted(report.documents, "document")
    lines = [
        f"{one_line(report.dataset)}: {questions} over {documents}",
        *notes(report),
        "",
        *table(columns, rows(report), right=frozenset(range(_JUDGED, len(columns)))),
        "",
        _LEGEND,
    ]
    for summary in report.summaries:
        failures = report.failures(summary.protocol)
        if failures:
            lines.append("")
            lines += _failure_lines(summary, failures)
    return lines


def _failure_lines(summary: Summary, failures: Sequence[Outcome]) -> list[str]:
    """The failures of a protocol: counts by stage, and the first of them one by one."""
    heading = f"{summary.protocol}: {len(failures)} not right"
    if summary.lost:
        stages = ", ".join(f"{stage} {count}" for stage, count in sorted(summary.lost.items()))
        heading += f" ({stages})"
    lines = [heading]
    for failure in failures[:_SHOWN]:
        reason = one_line(failure.error or failure.stage or _UNKNOWN)
        answer = shortened(failure.answer or _UNKNOWN, _SHORT)
        expected = shortened(" | ".join(failure.expected), _SHORT)
        name = shortened(failure.id, _SHORT)
        lines.append(f"  {name}: {reason}; answered {answer}, expected {expected}")
    if len(failures) > _SHOWN:
        lines.append(f"  and {len(failures) - _SHOWN} more: --json has all")
    return lines


def notes(report: Report) -> list[str]:
    """Facts without which the table misleads: models, plans, and questions without a result."""
    first = report.summaries[0]
    texts = [
        f"planner {first.planner}, worker {first.worker}; tokens and seconds are means per question"
    ]
    for summary in report.summaries:
        name = summary.protocol
        if (summary.planner, summary.worker) != (first.planner, first.worker):
            texts.append(f"{name}: planner {summary.planner}, worker {summary.worker}")
        if summary.failed:
            ended = summary.questions - summary.failed
            text = f"{ended} of {counted(summary.questions, 'question')} ended, the others score 0"
            never_asked = summary.questions - summary.asked
            if never_asked:
                text += f"; {never_asked} never asked, and left out of tokens and seconds"
            texts.append(f"{name}: {text}")
        if summary.untraced:
            texts.append(
                f"{name}: {counted(summary.untraced, 'question')} without a trace (the process "
                "ended, or the trace was deleted): what was read and sent for them is unknown"
            )
        for source, count in summary.planned_in.items():
            questions = counted(summary.questions, "question")
            texts.append(f"{name}: plans from {source} for {count} of {questions}")
    if report.judge is not None:
        judge = report.judge
        marked = sum(summary.judged_questions for summary in report.summaries)
        tokens = f"{judge.input_tokens:,} + {judge.output_tokens:,} tokens"
        bill = f"{counted(judge.calls, 'call')}, {tokens}, {money(judge.cost_usd)}"
        answers = f"{counted(marked, 'answer')} in free text marked"
        texts.append(f"judge {judge.judge}: {answers}; not in the protocols' cost: {bill}")
    return list(map(one_line, texts))


def _cost(summary: Summary) -> str:
    """The cost; ``at least $0.10`` if only a part of it is known."""
    if summary.cost_usd is None and summary.known_cost_usd:
        return f"at least {money(summary.known_cost_usd)}"
    return money(summary.cost_usd)


def _interval(interval: Interval | None, *, signed: bool = False) -> str:
    """A mean and its 95 % interval: ``0.50 [0.40, 0.60]``."""
    if interval is None:
        return _UNKNOWN
    sign = "+" if signed else ""
    bounds = f"[{interval.low:{sign}.2f}, {interval.high:{sign}.2f}]"
    return f"{interval.mean:{sign}.2f} {bounds}"


def _percent(share: float | None) -> str:
    if share is None:
        return _UNKNOWN
    return f"{share:.0%}"
