"""``runs``, ``show``, ``ledger`` and ``egress``: what is on record."""

import csv
import sys
from typing import Annotated, Literal

import typer

from minions.cli.deleting import delete
from minions.cli.options import Flags, JsonFlag, Run, Since, common
from minions.cli.printing import print_body, since_when, write_json, write_lines

_QUESTION_CHARACTERS = 60


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    kept = typer.Typer(help="List recent runs, the last one first; or delete some.", rich_markup_mode=None)
    kept.callback(invoke_without_command=True)(runs)
    kept.command()(delete)
    app.add_typer(kept, name="runs")
    app.command()(show)
    app.command()(ledger)
    app.command()(egress)


@common
def runs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10**9, metavar="N", help="Runs at most.")] = 20,
    since: Since = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """List recent runs, the last one first; or delete some."""
    from minions.errors import UsageError

    if context.invoked_subcommand is not None:
        if flags.settings or flags.config:  # of another home, say: what is deleted there is gone
            raise UsageError("--home and --config go behind delete", hint="minions runs delete RUN --home DIR")
        return
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
    from minions.cli.output import counted
    from minions.cli.tables import ledger_table
    from minions.errors import UsageError
    from minions.ledger.ledger import Ledger

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", hint="keep one of them")
    with open_store(flags) as store:
        rows, open_calls = Ledger(store).summary(by, since=since_when(since)), len(Ledger(store).open_attempts())
    if open_calls and not flags.quiet:
        sys.stderr.write(
            f"{counted(open_calls, 'cloud call')} without an entry yet: under way, or left by a process that ended; "
            "entered when their batch resumes, or later as of unknown cost\n"
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
def egress(
    run: Run = "last",
    *,
    summary: Annotated[
        bool, typer.Option("--summary", help="Add up what all runs sent, by endpoint and kind; no bodies.")
    ] = False,
    since: Since = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Print the exact bytes that a run sent to the cloud, a request a line; or sums over all runs."""
    from minions.errors import UsageError

    if summary and run != "last":
        raise UsageError("--summary is over all runs", hint="minions egress --summary --since 7d")
    if since is not None and not summary:
        raise UsageError("--since goes with --summary", hint="minions egress --summary --since 7d")
    if summary:
        _sum_up_egress(since, as_json=as_json, flags=flags)
    else:
        _print_egress(run, as_json=as_json, flags=flags)


def _sum_up_egress(since: str | None, *, as_json: bool, flags: Flags) -> None:
    from minions.cli.opening import open_store
    from minions.cli.tables import egress_table
    from minions.ledger.egress import EgressLog

    with open_store(flags) as store:
        summary = EgressLog(store).summary(since_when(since))
    if as_json:
        write_json(summary.model_dump(mode="json"))
    else:
        write_lines(egress_table(summary))


def _print_egress(run: str, *, as_json: bool, flags: Flags) -> None:
    from minions.cli.opening import open_store
    from minions.cli.output import counted
    from minions.cli.tables import departure_record, kinds_line
    from minions.ledger.egress import EgressLog, total_of
    from minions.store.runs import Runs

    with open_store(flags) as store:
        run_id = Runs(store).find(run)
        departures = EgressLog(store).departures(run_id)
    total = total_of(departures)
    if as_json:
        requests = [departure_record(departure) for departure in departures]
        write_json({"run_id": run_id, "total": total.model_dump(), "requests": requests})
        return
    if not flags.quiet:
        sent = f"{counted(total.requests, 'request')}, {total.bytes:,} bytes in all"
        sys.stderr.write(f"run {run_id} sent {sent}{kinds_line(total.kinds)}\n")
    for departure in departures:
        if not flags.quiet:
            gone = ":" if departure.body is not None else "; its body was not kept, or was deleted"
            told = f"{departure.bytes:,} bytes{kinds_line(departure.kinds)}"
            sys.stderr.write(f"to {departure.endpoint}, {told}{gone}\n")
            sys.stderr.flush()
        if departure.body is not None:
            print_body(departure.body)
