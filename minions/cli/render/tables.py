"""How records look as text: runs, the ledger, checks, models. Pure functions to lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from minions.cli.render.answers import (
    answer_lines,
    bill_lines,
    counted,
    money,
    shortened,
    table,
    verdict,
)
from minions.store.retention import is_without_text
from minions.text.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.doctor import Report
    from minions.execution.cache import CachedModel
    from minions.ledger.egress import Departure, EgressSum, EgressSummary
    from minions.ledger.entries import Entry
    from minions.ledger.ledger import SummaryRow
    from minions.store.deletion import Removed
    from minions.store.runs import Run
    from minions.verify import CitationCheck
    from minions.weights.resolving import ModelStatus

_CHECK_WORDS = {"ok": "OK", "moved": "moved", "changed": "changed", "missing": "file missing"}
_REPORT_WORDS = {"ok": "ok", "warning": "note", "problem": "PROBLEM"}


def run_table(runs: Sequence[Run], *, question_characters: int) -> list[str]:
    """Id, when, status, cloud cost and question of each run."""
    if not runs:
        return ["no runs yet: minions ask 'QUESTION' FOLDER"]
    rows = [
        [
            run.run_id,
            _when(run.started_at),
            run.status,
            money(run.answer.usage.planner.cost_usd) if run.answer else "-",
            shortened(run.question, question_characters),
        ]
        for run in runs
    ]
    return table(
        ["run", "started (UTC)", "status", "cloud", "question"], rows, right=frozenset({3})
    )


def cache_table(contents: Sequence[CachedModel]) -> list[str]:
    """Results, bytes and times of each model in the cache."""
    if not contents:
        return ["nothing is cached"]
    rows = [
        [one.model, f"{one.results:,}", f"{one.bytes:,}", _when(one.oldest), _when(one.newest)]
        for one in contents
    ]
    return table(
        ["model", "results", "bytes", "oldest (UTC)", "newest (UTC)"], rows, right=frozenset({1, 2})
    )


def egress_table(summary: EgressSummary) -> list[str]:
    """Requests, bytes, and bytes of each kind that there is, by endpoint; all of them last, where they are several."""
    if not summary.endpoints:
        return ["nothing has left this machine"]
    rows = [[one.endpoint, *_sum_cells(one, summary)] for one in summary.endpoints]
    if len(rows) > 1:
        rows.append(["all", *_sum_cells(summary, summary)])
    header = ["endpoint", "requests", "bytes", *summary.kinds]
    return table(header, rows, right=frozenset(range(1, len(header))))


def _sum_cells(one: EgressSum, summary: EgressSummary) -> list[str]:
    return [
        f"{number:,}"
        for number in (one.requests, one.bytes, *(one.kinds.get(kind, 0) for kind in summary.kinds))
    ]


def kinds_line(kinds: Mapping[str, int] | None) -> str:
    """`` (question 61, card 120, form 210)``; empty for nothing."""
    if kinds is None:
        return " (of unknown kinds)"
    return f" ({', '.join(f'{kind} {count:,}' for kind, count in kinds.items())})" if kinds else ""


def departure_record(departure: Departure) -> dict[str, Any]:
    """A request for programs; its body as the JSON it is, else as text, None where it is not there."""
    body: Any = departure.body
    if departure.body is not None:
        try:
            body = json.loads(departure.body)
        except (ValueError, RecursionError):
            body = departure.body.decode("utf-8", "backslashreplace")
    facts = departure.model_dump(
        include={"endpoint", "role", "round", "at", "bytes", "kinds", "sha256"}
    )
    return {**facts, "body": body}


def removed_lines(removed: Removed) -> list[str]:
    """What was removed, what was not and why, and whether it is gone from the disk."""
    numbers = {
        "runs": removed.runs,
        "bodies of requests": removed.bodies,
        "replies kept for a batch": removed.replies,
        "results of reading": removed.results,
        "documents of the index": removed.documents,
    }
    counts = [f"{noun}: {number:,}" for noun, number in numbers.items() if number]
    verb = "would be removed" if removed.dry_run else "removed"
    lines = [f"{verb}   {', '.join(counts) or 'nothing'}"]
    if removed.kept_running:
        runs = ", ".join(removed.kept_running)
        lines.append(f"left, for they have not ended: {runs} (minions runs delete RUN --running)")
    if not removed.dry_run and not removed.erased:
        lines.append(
            "another process still reads what was there: on the disk it goes when that one ends"
        )
    return lines


def run_lines(run: Run, entries: Sequence[Entry]) -> list[str]:
    """A whole run: what was asked and with what, the answer, coverage, bill, warnings and every ledger entry."""
    lines = [
        f"run       {run.run_id}: {run.status}, started {_when(run.started_at)} UTC",
        f"question  {' '.join(run.question.split())}",
        f"models    planner {run.planner}, worker {run.worker}; policy {run.policy}",
    ]
    answer = run.answer
    if answer is None:
        lines += ["", "nothing was kept of its answer"]
    else:
        reason = "its words were not kept" if is_without_text(answer) else verdict(answer)
        lines += ["", *([f"({reason})"] if reason else []), *answer_lines(answer), ""]
        for number, summary in enumerate(answer.rounds, 1):
            work = f"{counted(summary.tasks, 'task')}, {counted(summary.jobs, 'job')}"
            lines.append(f"round {number}   {work}, {summary.found} found")
        lines += bill_lines(answer, planner=run.planner, worker=run.worker)
        lines += [
            one_line(f"unreadable {item.path}: {item.reason}")
            for item in answer.coverage.unreadable
        ]
        lines += [f"warning   {one_line(warning)}" for warning in answer.warnings]
    return [*lines, "", *entry_table(entries)]


def entry_table(entries: Sequence[Entry]) -> list[str]:
    """Every call, one row each."""
    if not entries:
        return ["no calls were made"]
    rows = [
        [
            entry.at[11:19],
            str(entry.round),
            entry.role + (" (cloud)" if entry.cloud else ""),
            f"{entry.provider}:{shortened(entry.model, 40)}",
            f"{entry.input_tokens:,}",
            f"{entry.cached_input_tokens:,}",
            f"{entry.output_tokens:,}",
            money(entry.cost_usd),
            f"{entry.latency_s:.1f} s",
            entry.status,
        ]
        for entry in entries
    ]
    header = ["time", "round", "role", "model", "in", "cached", "out", "cost", "took", "status"]
    return table(header, rows, right=frozenset({1, 4, 5, 6, 7, 8}))


def ledger_table(rows: Sequence[SummaryRow], by: str) -> list[str]:
    """One row a model, role, day or run; a cost of which only a part is known says so."""
    if not rows:
        return ["no calls on record"]
    cells = [
        [
            row.key,
            f"{row.calls:,}",
            f"{row.input_tokens:,}",
            f"{row.cached_input_tokens:,}",
            f"{row.output_tokens:,}",
            money(row.cost_usd)
            if row.cost_usd is not None
            else f"{money(row.known_cost_usd)} + {row.unknown_cost_calls} calls unknown",
        ]
        for row in rows
    ]
    return table(
        [by, "calls", "in", "cached", "out", "cost"], cells, right=frozenset({1, 2, 3, 4, 5})
    )


def check_lines(checks: Sequence[CitationCheck]) -> list[str]:
    """A verdict a citation."""
    if not checks:
        return ["no citations to check"]
    lines = []
    for number, check in enumerate(checks, 1):
        why = f": {check.reason}" if check.reason else ""
        path = one_line(check.path)
        lines.append(
            f"{_CHECK_WORDS[check.status]:<12}  [{number}] {path} (characters {check.start}-{check.end}){why}"
        )
    return lines


def model_lines(statuses: Sequence[ModelStatus], *, planner: str, worker: str) -> list[str]:
    """The embedded models and whether their weights are here; then what would be used."""
    places = {"cache": "here", "packages": "in installed packages", None: "not here"}
    rows = [
        [
            status.entry.name,
            f"{status.entry.size_bytes / 1e9:.2f} GB",
            places[status.origin],
            str(status.path) if status.path else f"minions models pull {status.entry.name}",
        ]
        for status in statuses
    ]
    return [
        *table(
            ["model", "size", "weights", "path, or how to get them"], rows, right=frozenset({1})
        ),
        "",
        f"planner   {planner}",
        f"worker    {worker}",
    ]


def report_lines(report: Report) -> list[str]:
    """A line a check, and under it what to type."""
    lines = []
    for check in report.checks:
        lines.append(f"{_REPORT_WORDS[check.status]:<8} {check.name:<9} {check.detail}")
        if check.fix:
            lines.append(f"{'':<18} {check.fix}")
    lines.append("")
    lines.append(
        "ready: minions ask 'QUESTION' FOLDER"
        if report.ready
        else "not ready: mend the problems above"
    )
    return lines


def _when(iso: str) -> str:
    return iso[:16].replace("T", " ")
