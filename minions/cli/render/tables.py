"""Records as text: runs, the ledger, checks, models. Pure functions from values to lines."""

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
    from minions.values.answers import Answer
    from minions.verify import CitationCheck
    from minions.weights.resolving import ModelStatus

_MODEL_CHARACTERS = 40
_RUN_HEADER = ("run", "started (UTC)", "status", "cloud cost", "question")
_CACHE_HEADER = ("model", "results", "bytes", "oldest (UTC)", "newest (UTC)")
_ENTRY_HEADER = (
    "time",
    "round",
    "role",
    "model",
    "tokens in",
    "cached",
    "tokens out",
    "cost",
    "took",
    "status",
)
_LEDGER_COLUMNS = ("calls", "tokens in", "cached", "tokens out", "cost")
_MODEL_HEADER = ("model", "size", "weights", "path, or command to download them")
_CHECK_WORDS = {"ok": "OK", "moved": "moved", "changed": "changed", "missing": "file missing"}
_REPORT_WORDS = {"ok": "ok", "warning": "note", "problem": "PROBLEM"}
_WEIGHTS_WORDS = {"cache": "downloaded", "packages": "in installed packages", None: "not here"}


def run_table(runs: Sequence[Run], *, question_characters: int) -> list[str]:
    """Id, start, status, cloud cost and question of each run."""
    if not runs:
        return ["no runs yet: minions ask 'QUESTION' FOLDER"]
    rows: list[list[str]] = []
    for run in runs:
        cost = "-"
        if run.answer is not None:
            cost = money(run.answer.usage.planner.cost_usd)
        question = shortened(run.question, question_characters)
        rows.append([run.run_id, _minute(run.started_at), _status(run), cost, question])
    return table(_RUN_HEADER, rows, right=frozenset({3}))


def cache_table(contents: Sequence[CachedModel]) -> list[str]:
    """Results, bytes and times of each model in the cache."""
    if not contents:
        return ["no results are stored"]
    rows: list[list[str]] = []
    for model in contents:
        times = [_minute(model.oldest), _minute(model.newest)]
        rows.append([model.model, f"{model.results:,}", f"{model.bytes:,}", *times])
    return table(_CACHE_HEADER, rows, right=frozenset({1, 2}))


def egress_table(summary: EgressSummary) -> list[str]:
    """Requests, bytes and bytes of each kind, by endpoint; of several endpoints also the sums."""
    if not summary.endpoints:
        return ["nothing has been sent from this machine"]
    rows = [
        [endpoint.endpoint, *_sum_cells(endpoint, summary.kinds)] for endpoint in summary.endpoints
    ]
    if len(rows) > 1:
        rows.append(["all", *_sum_cells(summary, summary.kinds)])
    header = ["endpoint", "requests", "bytes", *summary.kinds]
    return table(header, rows, right=frozenset(range(1, len(header))))


def requests_text(total: EgressSum) -> str:
    """Counts of requests and bytes: ``2 requests, 1,234 bytes in total (by kind: question 61)``."""
    size = f"{counted(total.requests, 'request')}, {total.bytes:,} bytes in total"
    return f"{size}{kinds_text(total.kinds)}"


def kinds_text(kinds: Mapping[str, int] | None) -> str:
    """Bytes by kind, `` (by kind: question 61, card 120)``; empty for no bytes."""
    if kinds is None:
        return " (of unknown kinds)"
    if not kinds:
        return ""
    counts = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())
    return f" (by kind: {counts})"


def departure_record(departure: Departure) -> dict[str, Any]:
    """A sent request as a JSON object; its body is parsed JSON, else text, or None if not kept."""
    body: Any = departure.body
    if departure.body is not None:
        try:
            body = json.loads(departure.body)
        except (ValueError, RecursionError):
            body = departure.body.decode("utf-8", "backslashreplace")
    names = {"endpoint", "role", "round", "at", "bytes", "kinds", "sha256"}
    return {**departure.model_dump(include=names), "body": body}


def removed_lines(removed: Removed) -> list[str]:
    """Counts of deleted records, runs that were kept, and a warning if text is still on disk."""
    numbers = {
        "runs": removed.runs,
        "bodies of requests": removed.bodies,
        "replies stored for a batch": removed.replies,
        "results of workers": removed.results,
        "documents in the index": removed.documents,
    }
    counts = [f"{noun}: {number:,}" for noun, number in numbers.items() if number]
    verb = "would be deleted" if removed.dry_run else "deleted"
    lines = [f"{verb}   {', '.join(counts) or 'nothing'}"]
    if removed.kept_running:
        runs = ", ".join(removed.kept_running)
        hint = "to delete one anyway: minions runs delete RUN --running"
        lines.append(f"not deleted, because they have not ended: {runs} ({hint})")
    if not removed.dry_run and not removed.erased:
        lines.append(
            "another process is using the database, so parts of the deleted text are still on the "
            "disk: the next deletion removes them"
        )
    return lines


def run_lines(run: Run, entries: Sequence[Entry]) -> list[str]:
    """A whole run: question, models, answer, coverage, bill, warnings and every ledger entry."""
    lines = [
        f"run       {run.run_id}: {_status(run)}, started {_minute(run.started_at)} UTC",
        f"question  {' '.join(run.question.split())}",
        f"models    planner {run.planner}, worker {run.worker}; policy {run.policy}",
        "",
    ]
    if run.answer is None:
        lines.append("no answer is stored")
    else:
        lines += _stored_answer_lines(run, run.answer)
    return [*lines, "", *entry_table(entries)]


def _stored_answer_lines(run: Run, answer: Answer) -> list[str]:
    lines: list[str] = []
    reason = verdict(answer)
    if is_without_text(answer):
        reason = "the text was not stored"
    if reason is not None:
        lines.append(f"({reason})")
    lines += answer_lines(answer)
    lines.append("")
    for number, summary in enumerate(answer.rounds, 1):
        work = f"{counted(summary.tasks, 'task')}, {counted(summary.jobs, 'job')}"
        lines.append(f"round {number}   {work}, {summary.found:,} with a finding")
    lines += bill_lines(answer, planner=run.planner, worker=run.worker)
    for item in answer.coverage.unreadable:
        lines.append(one_line(f"unreadable {item.path}: {item.reason}"))
    for warning in answer.warnings:
        lines.append(f"warning   {one_line(warning)}")
    return lines


def entry_table(entries: Sequence[Entry]) -> list[str]:
    """Every call, one row each."""
    if not entries:
        return ["no calls were made"]
    rows: list[list[str]] = []
    for entry in entries:
        role = entry.role + (" (cloud)" if entry.cloud else "")
        rows.append(
            [
                entry.at[11:19],
                str(entry.round),
                role,
                f"{entry.provider}:{shortened(entry.model, _MODEL_CHARACTERS)}",
                f"{entry.input_tokens:,}",
                f"{entry.cached_input_tokens:,}",
                f"{entry.output_tokens:,}",
                money(entry.cost_usd),
                f"{entry.latency_s:.1f} s",
                entry.status,
            ]
        )
    return table(_ENTRY_HEADER, rows, right=frozenset({1, 4, 5, 6, 7, 8}))


def ledger_table(rows: Sequence[SummaryRow], by: str) -> list[str]:
    """One row for each model, role, day or run; a cost that is known only in part says so."""
    if not rows:
        return ["no calls yet: minions ask 'QUESTION' FOLDER"]
    cells: list[list[str]] = []
    for row in rows:
        cost = money(row.cost_usd)
        if row.cost_usd is None:
            unknown = counted(row.unknown_cost_calls, "call")
            cost = f"{money(row.known_cost_usd)} + {unknown} of unknown cost"
        cells.append(
            [
                row.key,
                f"{row.calls:,}",
                f"{row.input_tokens:,}",
                f"{row.cached_input_tokens:,}",
                f"{row.output_tokens:,}",
                cost,
            ]
        )
    return table([by, *_LEDGER_COLUMNS], cells, right=frozenset({1, 2, 3, 4, 5}))


def check_lines(checks: Sequence[CitationCheck]) -> list[str]:
    """The result of each citation's check."""
    if not checks:
        return ["no citations to check"]
    lines: list[str] = []
    for number, check in enumerate(checks, 1):
        place = f"{one_line(check.path)} (characters {check.start}-{check.end})"
        line = f"{_CHECK_WORDS[check.status]:<12}  [{number}] {place}"
        if check.reason:
            line += f": {check.reason}"
        lines.append(line)
    return lines


def model_lines(statuses: Sequence[ModelStatus], *, planner: str, worker: str) -> list[str]:
    """The built-in models and the places of their weights; then the models in use."""
    rows: list[list[str]] = []
    for status in statuses:
        entry = status.entry
        path = str(status.path or f"minions models pull {entry.name}")
        size = f"{entry.size_bytes / 1e9:.2f} GB"
        rows.append([entry.name, size, _WEIGHTS_WORDS[status.origin], path])
    return [
        *table(_MODEL_HEADER, rows, right=frozenset({1})),
        "",
        f"planner   {planner}",
        f"worker    {worker}",
    ]


def report_lines(report: Report) -> list[str]:
    """A line for each check, and under it what to type."""
    lines: list[str] = []
    for check in report.checks:
        lines.append(f"{_REPORT_WORDS[check.status]:<8} {check.name:<9} {check.detail}")
        if check.fix:
            lines.append(f"{'':<18} {check.fix}")
    lines.append("")
    if report.ready:
        lines.append("ready: minions ask 'QUESTION' FOLDER")
    else:
        lines.append("not ready: fix the problems above, then run minions doctor again")
    return lines


def _sum_cells(sums: EgressSum, kinds: Mapping[str, int]) -> list[str]:
    cells = [f"{sums.requests:,}", f"{sums.bytes:,}"]
    cells += [f"{sums.kinds.get(kind, 0):,}" for kind in kinds]
    return cells


def _status(run: Run) -> str:
    return run.status.replace("_", " ")


def _minute(iso: str) -> str:
    """The minute of a time in ISO 8601: ``2026-01-31 12:00``."""
    return iso[:16].replace("T", " ")
