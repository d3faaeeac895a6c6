"""``egress``: the bytes that runs sent to the cloud."""

import sys
from typing import Annotated

import typer

from minions.cli.options import Flags, JsonFlag, Run, Since, common
from minions.cli.printing import print_body, since_when, write_json, write_lines


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(egress)


@common
def egress(
    run: Run = "last",
    *,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Add up what all runs sent, by endpoint and kind; no bodies."
        ),
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
    from minions.cli.render.tables import egress_table
    from minions.ledger.egress import EgressLog

    with open_store(flags) as store:
        summary = EgressLog(store).summary(since_when(since))
    if as_json:
        write_json(summary.model_dump(mode="json"))
    else:
        write_lines(egress_table(summary))


def _print_egress(run: str, *, as_json: bool, flags: Flags) -> None:
    from minions.cli.opening import open_store
    from minions.cli.render.answers import counted
    from minions.cli.render.tables import departure_record, kinds_line
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
