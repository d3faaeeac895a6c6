"""How results look as text. Pure functions from values to lines; nothing is written here."""

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
_MINUTE = 60
_STOPPED = {
    "no_answer": "no answer was found",
    "budget": "the budget stopped the run before an answer",
    "timeout": "the time limit stopped the run before an answer",
    "interrupted": "the run was interrupted before an answer",
    "error": "the run ended in an error before an answer",
}


def answer_lines(answer: Answer) -> list[str]:
    """What stdout carries: the answer, an empty line, its citations and its arithmetic; without an answer, what was
    found.
    """
    lines = [visible(answer.answer)] if answer.answer is not None else []
    below = [citation_line(number, citation) for number, citation in enumerate(answer.citations, 1)]
    below += [one_line(f"{one.result} = {one.expression}") for one in answer.calculations]
    return [*lines, *([""] if lines and below else []), *below]


def citation_line(number: int, citation: Citation) -> str:
    """``[1] path p. 12 (characters 120-180): "quote"``, the quote on one line and shortened where it is long."""
    page = f" p. {citation.page}" if citation.page is not None else ""
    path = one_line(citation.path)
    located = "" if citation.status == "exact" else f", {citation.status} {citation.score:.2f}"
    place = f"{path}{page} (characters {citation.start}-{citation.end}{located})"
    quote = (
        f': "{shortened(citation.quote, _QUOTE_CHARACTERS)}"' if citation.quote else ""
    )  # not kept, or withheld
    return f"[{number}] {place}{quote}"


def shortened(text: str, length: int) -> str:
    """One line of at most ``length`` characters."""
    flat = one_line(text)
    return flat if len(flat) <= length else flat[: length - 3].rstrip() + "..."


def verdict(answer: Answer) -> str | None:
    """Why there is no answer, in words; None where there is one."""
    if answer.answer is not None:
        return None
    reason = _STOPPED.get(answer.stop_reason, "no answer")
    beyond = answer.egress.withheld.findings
    return (
        f"{reason}; {counted(beyond, 'finding')} stayed here: a higher --max-egress sends more"
        if beyond
        else reason
    )


def bill_lines(answer: Answer, *, planner: str = "", worker: str = "") -> list[str]:
    """What the run took, and what the alternatives would have: four or five lines."""
    usage, coverage = answer.usage, answer.coverage
    chunks = f"{coverage.read:,} of {counted(coverage.chunks, 'chunk')}"
    lines = [
        f"planner   {_role(usage.planner, planner)}",
        f"worker    {_role(usage.worker, worker)}",
        f"read      {chunks} in {counted(coverage.documents, 'document')}, {duration(answer.elapsed_s)}",
    ]
    lines += egress_lines(answer.egress)
    if answer.baseline is not None:
        # A run without an answer saved nothing.
        lines += baseline_lines(
            answer.baseline, usage.planner.cost_usd if answer.answer is not None else None
        )
    return lines


def egress_lines(egress: Egress, *, sent: str = "sent", stayed: str = "stayed here") -> list[str]:
    """What of the documents went up, and what stayed: a line, or none where there is neither."""
    withheld = egress.withheld
    kept = [
        *([f"words of {counted(withheld.answers, 'answer')}"] if withheld.answers else []),
        *([f"the lines of {counted(withheld.quotes, 'finding')}"] if withheld.quotes else []),
        *(
            [f"{counted(withheld.findings, 'finding')} beyond --max-egress"]
            if withheld.findings
            else []
        ),
        *(counted(count, kind) for kind, count in egress.redacted.items()),
    ]
    elsewhere = (
        [
            f"{sent:<10}{egress.read_elsewhere_bytes:,} bytes of passages to workers on other machines"
        ]
        if egress.read_elsewhere_bytes
        else []
    )
    if not egress.sent_bytes and not kept:
        return elsewhere
    limit = f" of {egress.limit_bytes:,}" if egress.limit_bytes is not None else ""
    line = f"{sent:<10}{egress.sent_bytes:,}{limit} bytes of the documents' text"
    return [f"{line}; {stayed}: {', '.join(kept)}" if kept else line, *elsewhere]


def batch_lines(summary: BatchSummary) -> list[str]:
    """What a batch came to: counts, money, and what to type next where something is left."""
    counts = (
        f"{summary.answered:,} answered",
        f"{summary.abstained:,} without an answer in the documents",
        f"{summary.stopped:,} stopped by a limit" if summary.stopped else "",
        f"{summary.failed:,} failed" if summary.failed else "",
    )
    told = ", ".join(count for count in counts if count)
    saved = ""
    if summary.saved_usd is not None and summary.saved_usd > 0:
        saved = (
            f", saved about {money(summary.saved_usd)} against everything in the prompt (estimate)"
        )
    lines = [
        f"batch     {told}; {summary.done:,} of {summary.total:,} are in {one_line(str(summary.output))}",
        f"cost      {money(summary.cost_usd)}{saved}, {duration(summary.elapsed_s)}",
    ]
    if summary.stop_reason == "budget":
        lines.append(
            f"next      {summary.total - summary.done:,} are left: raise --max-cost and run the same command"
        )
    elif summary.failed:
        lines.append("next      --retry-errors asks again what failed")
    return lines


def batch_estimate_lines(estimate: BatchEstimate) -> list[str]:
    """What a batch would take in all, and what its question of middle length would."""
    left = f"{estimate.left:,} of {counted(estimate.total, 'question')} are to be asked"
    bad = f"; {counted(estimate.bad_lines, 'line')} cannot be" if estimate.bad_lines else ""
    if estimate.one is None:
        return [left + bad]
    most = f"{money(estimate.typical_usd)}, at most {money(estimate.upper_usd)}"
    return [
        left + bad,
        f"cloud     {most}",
        f"local     {estimate.minutes:,g} minutes if they share no chunk; what they share is read once",
        "",
        "one of them:",
        *estimate_lines(estimate.one),
    ]


def baseline_lines(baseline: Baseline, spent_usd: Decimal | None) -> list[str]:
    """What other ways would have cost, and what was saved against the first of them; estimates, said to be."""
    whole, cached, few = baseline.remote_only, baseline.remote_cached, baseline.rag
    ways = (
        f"everything in the prompt {money(whole.cost_usd)} ({whole.input_tokens:,} tokens)",
        f"with prompt cache {money(cached.cost_usd)}",
        f"top-k retrieval {money(few.cost_usd)} ({few.input_tokens:,} tokens)",
    )
    lines = [f"instead   (estimates for {baseline.model}) " + ", ".join(ways)]
    saved = saved_usd(baseline, spent_usd)
    if saved is not None and saved > 0 and baseline.remote_only.cost_usd:
        share = 100 * saved / baseline.remote_only.cost_usd
        lines.append(
            f"saved     about {money(saved)} ({share:.1f} %) against everything in the prompt (estimate)"
        )
    return lines


def saved_usd(baseline: Baseline | None, spent_usd: Decimal | None) -> Decimal | None:
    """Dollars saved against reading everything in the cloud; None where a price is unknown."""
    if baseline is None or spent_usd is None or baseline.remote_only.cost_usd is None:
        return None
    return baseline.remote_only.cost_usd - spent_usd


def money(cost_usd: Decimal | None) -> str:
    """US dollars with as many digits as matter; ``cost unknown`` for None."""
    if cost_usd is None:
        return "cost unknown"
    if cost_usd == 0:
        return "$0"
    return (
        f"${cost_usd:,.2f}"
        if abs(cost_usd) >= 1
        else f"${cost_usd:.4f}"
        if abs(cost_usd) < _CENT
        else f"${cost_usd:.3f}"
    )


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest} s"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE} min"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()
) -> list[str]:
    """Columns as wide as their content, two spaces between; the columns ``right`` are numbers."""
    cells = [list(header), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def line(row: list[str]) -> str:
        padded = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    return [line(row) for row in cells]


def counted(number: int, noun: str) -> str:
    """``1 job``, ``2 jobs``, ``2 addresses``."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{plural if number != 1 else ''}"


def estimate_lines(estimate: Estimate) -> list[str]:
    """The estimate as a small table, and what it rests on."""
    rows = [
        [
            name,
            str(cloud.calls),
            f"{cloud.input_tokens:,}",
            f"{cloud.output_tokens:,}",
            money(cloud.cost_usd),
        ]
        for name, cloud in (
            ("one round (typical)", estimate.typical),
            (f"{counted(estimate.upper.rounds, 'round')} (at most)", estimate.upper),
        )
    ]
    baseline = estimate.baseline
    rows += [
        [name, "1", f"{way.input_tokens:,}", f"{way.output_tokens:,}", money(way.cost_usd)]
        for name, way in (
            ("instead: everything in the prompt", baseline.remote_only),
            ("instead: with prompt cache", baseline.remote_cached),
            ("instead: top-k retrieval", baseline.rag),
        )
    ]
    local = estimate.local
    work = f"about {counted(local.jobs, 'job')} over {counted(local.chunks, 'chunk')}, {local.input_tokens:,} tokens"
    pace = f"{local.minutes:g} minutes at {local.tokens_per_s:g} tokens/s ({local.speed})"
    return [
        _corpus(estimate),
        f"planner {estimate.planner}, worker {estimate.worker}. All numbers are estimates; no model was called.",
        "",
        *table(
            ["cloud", "calls", "input tokens", "output tokens", "cost"],
            rows,
            right=frozenset({1, 2, 3, 4}),
        ),
        "",
        f"local     {work}: {pace}",
        *(f"note      {one_line(note)}" for note in estimate.notes),
    ]


def index_lines(report: IndexReport) -> list[str]:
    """What indexing did."""
    counts = {name: getattr(report, name) for name in ("added", "updated", "unchanged", "removed")}
    done = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    if report.unreadable:
        done += f", {len(report.unreadable):,} unreadable"
    lines = [f"{counted(report.files, 'file')}: {done}", _corpus(report)]
    return lines + [
        one_line(f"unreadable: {item.path}: {item.reason}") for item in report.unreadable
    ]


def hit_lines(hits: Sequence[SearchHit]) -> list[str]:
    """Each hit's score and place, and under it the words around the match."""
    lines = []
    for hit in hits:
        chunk = hit.chunk
        page = f" p. {chunk.page}" if chunk.page is not None else ""
        lines += [
            f"{hit.score:8.3f}  {one_line(chunk.path)}{page} (characters {chunk.start}-{chunk.end})",
            f"          {one_line(hit.snippet)}",
        ]
    return lines


def _corpus(of: IndexReport | Estimate) -> str:
    return f"{counted(of.documents, 'document')}, {counted(of.chunks, 'chunk')}, about {of.tokens:,} tokens"


def _role(usage: RoleUsage, name: str) -> str:
    cached = f" ({usage.cached_input_tokens:,} cached)" if usage.cached_input_tokens else ""
    tokens = f"{usage.input_tokens:,} tokens in{cached}, {usage.output_tokens:,} out"
    return f"{name + ': ' if name else ''}{counted(usage.calls, 'call')}, {tokens}, {money(usage.cost_usd)}"
