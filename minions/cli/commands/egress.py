"""``egress``: the bytes that runs sent to a cloud."""

import sys
from typing import Annotated

import typer

from minions.cli.options import Flags, JsonFlag, Run, Since, common
from minions.cli.plainhelp import add_command
from minions.cli.printing import print_requests, since_when, write_json, write_lines

_SUMMARY_EXAMPLE = "minions egress --summary --since 7d"


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, egress)


@common
def egress(
    run: Run = "last",
    *,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Add up the bytes of all runs by endpoint and kind; print no texts."
        ),
    ] = False,
    since: Since = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Print the exact bytes that a run sent to a cloud.

    One request per line. With --summary: sums over all runs instead.
    """
    from minions.cli.opening import open_store
    from minions.cli.render.tables import egress_table
    from minions.errors import UsageError
    from minions.ledger.egress import EgressLog

    if summary and run != "last":
        raise UsageError("--summary adds up all runs: name no RUN", hint=_SUMMARY_EXAMPLE)
    if since is not None and not summary:
        raise UsageError("--since works only with --summary", hint=_SUMMARY_EXAMPLE)
    if not summary:
        _print_run(run, as_json=as_json, flags=flags)
        return
    with open_store(flags) as store:
        sums = EgressLog(store).summary(since_when(since))
    if as_json:
        write_json(sums.model_dump(mode="json"))
    else:
        write_lines(egress_table(sums))


def _print_run(run: str, *, as_json: bool, flags: Flags) -> None:
    """Print the requests of one run."""
    from minions.cli.opening import open_store
    from minions.cli.render.tables import departure_record, requests_text
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
        sys.stderr.write(f"run {run_id} sent {requests_text(total)}\n")
    print_requests(departures, quiet=flags.quiet)
