"""Results as text. Pure functions from values to lines; nothing is written here."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from minions.text.visible import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.batch.estimate import BatchEstimate
    from minions.batch.results import BatchSummary
    from minions.corpus.fts.query import SearchHit
    from minions.corpus.index import IndexReport
    from minions.estimate import Estimate
    from minions.values.answers import Answer, Baseline, Egress, RoleUsage
    from minions.values.findings import Citation

_QUOTE_CHARACTERS = 240
_CENT = Decimal("0.01")
_SMALLEST = Decimal("0.0001")
_MINUTE = 60
_INDENT = " " * 10  # the width of a bill's labels
_ESTIMATE_HEADER = ("cloud", "calls", "input tokens", "output tokens", "cost")
_STOPPED = {
    "no_answer": "no answer was found",
    "budget": "no answer: the budget was used up",
    "timeout": "no answer: the time limit was reached",
    "interrupted": "no answer: the run was interrupted",
    "error": "no answer: the run ended in an error",
}


def answer_lines(answer: Answer) -> list[str]:
    """The answer, an empty line, citations and arithmetic; without an answer, the findings."""
    lines: list[str] = []
    for number, citation in enumerate(answer.citations, 1):
        lines.append(citation_line(number, citation))
    lines += [one_line(f"{item.result} = {item.expression}") for item in answer.calculations]
    if answer.answer is None:
        return lines
    if lines:
        lines.insert(0, "")
    return [visible(answer.answer), *lines]


def citation_line(number: int, citation: Citation) -> str:
    """A citation in one line: ``[1] path p. 12 (characters 120-180): "shortened quote"``."""
    place = f"characters {citation.start}-{citation.end}"
    if citation.status != "exact":
        place += f", {citation.status} {citation.score:.2f}"
    line = f"[{number}] {one_line(citation.path)}{_page(citation.page)} ({place})"
    if citation.quote:  # empty where it was not stored, or was withheld
        line += f': "{shortened(citation.quote, _QUOTE_CHARACTERS)}"'
    return line


def shortened(text: str, length: int) -> str:
    """One line of at most ``length`` characters."""
    flat = one_line(text)
    if len(flat) <= length:
        return flat
    return flat[: length - 3].rstrip() + "..."


def verdict(answer: Answer) -> str | None:
    """The reason why there is no answer, in words; None where there is one."""
    if answer.answer is not None:
        return None
    reason = _STOPPED.get(answer.stop_reason, "no answer")
    withheld = answer.egress.withheld.findings
    if not withheld:
        return reason
    findings = counted(withheld, "finding")
    return f"{reason}; {findings} withheld by --max-egress: a higher limit sends more"


def bill_lines(answer: Answer, *, planner: str = "", worker: str = "") -> list[str]:
    """The bill: calls, tokens and dollars of a run, and estimates of the alternatives."""
    coverage = answer.coverage
    chunks = f"{coverage.read:,} of {counted(coverage.chunks, 'chunk')}"
    documents = counted(coverage.documents, "document")
    lines = [
        f"planner   {_role_text(answer.usage.planner, planner)}",
        f"worker    {_role_text(answer.usage.worker, worker)}",
        f"read      {chunks} in {documents}, {duration(answer.elapsed_s)}",
    ]
    lines += egress_lines(answer.egress)
    if answer.baseline is not None:
        lines += comparison_lines(answer.baseline)
        if answer.answer is not None:
            lines += savings_lines(answer.baseline, answer.usage.planner.cost_usd)
    return lines


def egress_lines(egress: Egress, *, is_preview: bool = False) -> list[str]:
    """Lines on the documents' text that was sent or withheld; none if there was neither.

    With ``is_preview`` the lines say what would be sent.
    """
    label = "sent"
    withheld_label = "withheld (kept on this machine)"
    if is_preview:
        label = "to send"
        withheld_label = "to be withheld (kept on this machine)"
    kept = withheld_texts(egress)
    lines: list[str] = []
    if egress.sent_bytes or kept:
        line = f"{label:<10}{egress.sent_bytes:,}"
        if egress.limit_bytes is not None:
            line += f" of at most {egress.limit_bytes:,}"
        line += " bytes of the documents' text"
        if kept:
            line += f"; {withheld_label}: {', '.join(kept)}"
        lines.append(line)
    if egress.read_elsewhere_bytes:
        size = f"{egress.read_elsewhere_bytes:,} bytes"
        lines.append(f"{label:<10}{size} of chunks to workers on other machines")
    return lines


def withheld_texts(egress: Egress) -> list[str]:
    """Each kind of text that was withheld or redacted, with its count."""
    withheld = egress.withheld
    kept: list[str] = []
    if withheld.answers:
        kept.append(f"words of {counted(withheld.answers, 'answer')}")
    if withheld.quotes:
        kept.append(f"the quoted lines of {counted(withheld.quotes, 'finding')}")
    if withheld.findings:
        kept.append(f"{counted(withheld.findings, 'finding')} over --max-egress")
    for kind, count in egress.redacted.items():
        kept.append(counted(count, kind))
    return kept


def comparison_lines(baseline: Baseline) -> list[str]:
    """Estimates of the cost of other ways to the answer."""
    whole = baseline.remote_only
    whole_tokens = f"{whole.input_tokens:,} tokens, estimate"
    cached = money(baseline.remote_cached.cost_usd)
    few = baseline.rag
    few_tokens = f"{few.input_tokens:,} tokens, estimate"
    model = baseline.model or "a cloud model"
    return [
        f"compare   sending all the text to {model}: {money(whole.cost_usd)} ({whole_tokens})",
        f"{_INDENT}the same with a prompt cache: {cached} (estimate)",
        f"{_INDENT}sending only the best-matching chunks: {money(few.cost_usd)} ({few_tokens})",
    ]


def savings_lines(baseline: Baseline, spent_usd: Decimal | None) -> list[str]:
    """A line on the dollars saved against sending all the text; none if unknown or not positive."""
    saved = saved_usd(baseline, spent_usd)
    whole_usd = baseline.remote_only.cost_usd
    if saved is None or saved < _SMALLEST / 2 or not whole_usd:
        return []
    amount = f"about {money(saved)} ({100 * saved / whole_usd:.1f} %)"
    return [f"saved     {amount} compared with sending all the text, if the answer is right"]


def saved_usd(baseline: Baseline | None, spent_usd: Decimal | None) -> Decimal | None:
    """Dollars saved against reading everything in the cloud; None where a price is unknown."""
    if baseline is None or spent_usd is None or baseline.remote_only.cost_usd is None:
        return None
    return baseline.remote_only.cost_usd - spent_usd


def batch_lines(summary: BatchSummary) -> list[str]:
    """The result of a batch: counts, money, and what to type next where something is left."""
    counts = f"{summary.answered:,} answered, {summary.abstained:,} without an answer"
    if summary.stopped:
        counts += f", {summary.stopped:,} stopped by a limit"
    if summary.failed:
        counts += f", {summary.failed:,} failed"
    written = f"{summary.done:,} of {counted(summary.total, 'question')}"
    cost = money(summary.cost_usd)
    if summary.saved_usd is not None and summary.saved_usd > 0:
        saved = f"saved about {money(summary.saved_usd)} compared with sending all the text"
        cost += f", {saved} (estimate)"
    lines = [
        f"batch     {counts}; {one_line(str(summary.output))} holds {written}",
        f"cost      {cost}, {duration(summary.elapsed_s)}",
    ]
    if summary.stop_reason == "budget":
        left = f"{counted(summary.total - summary.done, 'question')} left"
        lines.append(f"next      {left}: raise --max-cost and run the same command again")
    elif summary.failed:
        lines.append("next      add --retry-errors to ask the failed questions again")
    return lines


def batch_estimate_lines(estimate: BatchEstimate) -> list[str]:
    """Estimates of a whole batch and of its median question."""
    questions = f"{estimate.left:,} of {counted(estimate.total, 'question')} would be asked"
    if estimate.bad_lines:
        questions += f"; {counted(estimate.bad_lines, 'line')} cannot be read as a question"
    if estimate.one is None:
        return [questions]
    typical = money(estimate.typical_usd)
    upper = money(estimate.upper_usd)
    minutes = minutes_text(estimate.minutes)
    return [
        questions,
        f"cloud     typically {typical}, at most {upper}",
        f"local     {minutes} if no two questions share a chunk; a shared chunk is read once",
        "",
        "the median question:",
        *estimate_lines(estimate.one),
    ]


def estimate_lines(estimate: Estimate) -> list[str]:
    """The estimate as a small table, and the assumptions behind it."""
    baseline = estimate.baseline
    most = f"{counted(estimate.upper.rounds, 'round')} (at most)"
    rows: list[list[str]] = []
    for name, cloud in (("one round (typical)", estimate.typical), (most, estimate.upper)):
        rows.append(
            _estimate_row(
                name, cloud.calls, cloud.input_tokens, cloud.output_tokens, cloud.cost_usd
            )
        )
    for name, way in (
        ("compare: sending all the text", baseline.remote_only),
        ("compare: the same with a prompt cache", baseline.remote_cached),
        ("compare: sending only the best-matching chunks", baseline.rag),
    ):
        rows.append(_estimate_row(name, 1, way.input_tokens, way.output_tokens, way.cost_usd))
    local = estimate.local
    jobs = f"about {counted(local.jobs, 'job')} on {counted(local.chunks, 'chunk')}"
    speed = f"{local.tokens_per_s:,g} tokens per second ({local.speed})"
    work = f"{jobs}, {local.input_tokens:,} tokens"
    lines = [
        _corpus_text(estimate),
        f"planner {estimate.planner}, worker {estimate.worker}",
        "All numbers are estimates; no model was called.",
        "",
        *table(_ESTIMATE_HEADER, rows, right=frozenset({1, 2, 3, 4})),
        "",
        f"local     {work}: {minutes_text(local.minutes)} at {speed}",
    ]
    lines += [f"note      {one_line(note)}" for note in estimate.notes]
    return lines


def index_lines(report: IndexReport) -> list[str]:
    """The result of indexing: counts, and each file that could not be read."""
    counts = (
        f"{report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.removed:,} removed"
    )
    if report.unreadable:
        counts += f", {len(report.unreadable):,} unreadable"
    lines = [f"{counted(report.files, 'file')}: {counts}", _corpus_text(report)]
    lines += [one_line(f"unreadable: {item.path}: {item.reason}") for item in report.unreadable]
    return lines


def hit_lines(hits: Sequence[SearchHit]) -> list[str]:
    """Each hit's score and place, and under it the words around the match."""
    lines: list[str] = []
    for hit in hits:
        chunk = hit.chunk
        path = f"{one_line(chunk.path)}{_page(chunk.page)}"
        lines.append(f"{hit.score:8.3f}  {path} (characters {chunk.start}-{chunk.end})")
        lines.append(f"{_INDENT}{one_line(hit.snippet)}")
    return lines


def money(cost_usd: Decimal | None) -> str:
    """US dollars with as many digits as matter; ``cost unknown`` for None."""
    if cost_usd is None:
        return "cost unknown"
    if cost_usd == 0:
        return "$0"
    if abs(cost_usd) < _SMALLEST / 2:
        return f"less than ${_SMALLEST}"
    if abs(cost_usd) >= 1:
        return f"${cost_usd:,.2f}"
    if abs(cost_usd) < _CENT:
        return f"${cost_usd:.4f}"
    return f"${cost_usd:.3f}"


def duration(seconds: float) -> str:
    """A duration in words: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min"


def minutes_text(minutes: float) -> str:
    """Minutes, rounded to whole ones: ``about 3 minutes``, ``less than a minute``."""
    if minutes < 1:
        return "less than a minute"
    return f"about {counted(round(minutes), 'minute')}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 job``, ``2 jobs``, ``2 addresses``."""
    if number == 1:
        return f"{number:,} {noun}"
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{plural}"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()
) -> list[str]:
    """A table with columns as wide as their content; the columns ``right`` are right-aligned."""
    cells = [list(header)]
    cells += [list(map(one_line, row)) for row in rows]
    widths = [0] * len(header)
    for cell_row in cells:
        for column, cell in enumerate(cell_row):
            widths[column] = max(widths[column], len(cell))
    lines: list[str] = []
    for cell_row in cells:
        padded: list[str] = []
        for column, (cell, width) in enumerate(zip(cell_row, widths, strict=True)):
            padded.append(cell.rjust(width) if column in right else cell.ljust(width))
        lines.append("  ".join(padded).rstrip())
    return lines


def _estimate_row(
    name: str, calls: int, input_tokens: int, output_tokens: int, cost_usd: Decimal | None
) -> list[str]:
    return [name, str(calls), f"{input_tokens:,}", f"{output_tokens:,}", money(cost_usd)]


def _corpus_text(of: IndexReport | Estimate) -> str:
    documents = counted(of.documents, "document")
    return f"{documents}, {counted(of.chunks, 'chunk')}, about {of.tokens:,} tokens"


def _page(page: int | None) -> str:
    if page is None:
        return ""
    return f" p. {page}"


def _role_text(usage: RoleUsage, name: str) -> str:
    """The calls, tokens and cost of a planner or a worker."""
    text = f"{name}: " if name else ""
    text += f"{counted(usage.calls, 'call')}, {usage.input_tokens:,} tokens in"
    if usage.cached_input_tokens:
        text += f" ({usage.cached_input_tokens:,} cached)"
    return f"{text}, {usage.output_tokens:,} out, {money(usage.cost_usd)}"
