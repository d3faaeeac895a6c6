"""``runs``, ``show``, ``egress`` and ``ledger``: what is on record."""

import csv
import json
import re
import sys
from typing import Annotated, Any, Literal

import typer

from minions.cli.options import Flags, JsonFlag, common

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or last.")]
Since = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Only since then: 30m, 24h, 7d, 2w, or a date like 2026-01-31.")
]
_SPAN = re.compile(r"(\d+)\s*([mhdw])")
_HOURS = {"m": 1 / 60, "h": 1, "d": 24, "w": 168}
_QUESTION_CHARACTERS = 60


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(runs)
    app.command()(show)
    app.command()(ledger)
    app.command()(egress)


@common
def runs(
    *,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, metavar="N", help="Runs at most.")] = 20,
    since: Since = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """List recent runs, the last one first."""
    from minions.cli.opening import open_store
    from minions.cli.tables import run_table
    from minions.store.runs import Runs

    with open_store(flags) as store:
        found = Runs(store).recent(limit=limit, since=since_when(since))
    if as_json:
        write_json([run.model_dump(mode="json", exclude={"answer": {"citations"}}) for run in found])
    else:
        write_lines(run_table(found, question_characters=_QUESTION_CHARACTERS))


@common
def show(run: Run = "last", *, as_json: JsonFlag = False, flags: Flags) -> None:
    """Show a run: its answer, what it read, what it cost, every call."""
    from minions.cli.opening import open_store
    from minions.cli.tables import run_lines
    from minions.ledger.ledger import Ledger
    from minions.store.runs import Runs

    with open_store(flags) as store:
        found = Runs(store).get(run)
        entries = Ledger(store).entries(run_id=found.run_id)
    if as_json:
        write_json({**found.model_dump(mode="json"), "entries": [entry.model_dump(mode="json") for entry in entries]})
    else:
        write_lines(run_lines(found, entries))


@common
def ledger(
    *,
    since: Since = None,
    by: Annotated[Literal["model", "role", "day", "run"], typer.Option(help="One row for each of these.")] = "model",
    as_json: JsonFlag = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    flags: Flags,
) -> None:
    """Sum up calls, tokens and dollars."""
    from minions.cli.opening import open_store
    from minions.cli.tables import ledger_table
    from minions.errors import UsageError
    from minions.ledger.ledger import Ledger

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", hint="keep one of them")
    with open_store(flags) as store:
        rows, open_calls = Ledger(store).summary(by, since=since_when(since)), len(Ledger(store).open_attempts())
    if open_calls and not flags.quiet:
        sys.stderr.write(
            f"{open_calls} cloud calls have no entry yet: they are under way, or their process ended; "
            "they are entered when their batch resumes, or later as of unknown cost\n"
        )
    dumped = [row.model_dump(mode="json") for row in rows]
    if as_json:
        write_json(dumped)
    elif as_csv:
        from minions.ledger.ledger import SummaryRow

        writer = csv.DictWriter(sys.stdout, fieldnames=[*SummaryRow.model_fields], lineterminator="\n")
        writer.writeheader()
        writer.writerows(dumped)
    else:
        write_lines(ledger_table(rows, by))


@common
def egress(run: Run = "last", *, flags: Flags) -> None:
    """Print the exact bytes that a run sent to the cloud, a request a line."""
    from minions.cli.opening import open_store
    from minions.cli.output import counted
    from minions.ledger.egress import EgressLog
    from minions.store.runs import Runs

    with open_store(flags) as store:
        found = Runs(store).get(run)
        departures = EgressLog(store).departures(found.run_id)
    total = sum(len(departure.body) for departure in departures)
    if not flags.quiet:
        sys.stderr.write(f"run {found.run_id} sent {counted(len(departures), 'request')}, {total:,} bytes in all\n")
    for departure in departures:
        if not flags.quiet:
            sys.stderr.write(f"to {departure.endpoint}, {len(departure.body):,} bytes:\n")
            sys.stderr.flush()
        sys.stdout.buffer.write(departure.body + b"\n")
        sys.stdout.flush()


def since_when(text: str | None, *, option: str = "--since") -> str | None:
    """``7d`` and the like as a UTC time in ISO 8601; a date or time as it is. Raises UsageError."""
    from datetime import UTC, datetime, timedelta

    from minions.errors import UsageError

    if text is None:
        return None
    if span := _SPAN.fullmatch(text.strip().lower()):
        then = datetime.now(UTC) - timedelta(hours=int(span[1]) * _HOURS[span[2]])
        return then.isoformat(timespec="seconds")
    try:
        then = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{option} {text}: not a time", hint=f"{option} 7d, or a date: {option} 2026-01-31") from None
    # A time without a zone is the reader's own.
    return then.astimezone(UTC).isoformat(timespec="seconds")


def write_lines(lines: list[str]) -> None:
    """Lines to stdout."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def write_json(value: Any) -> None:
    """One JSON value to stdout, in one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
