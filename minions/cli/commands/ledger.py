"""``ledger``: calls, tokens and dollars, summed up."""

import csv
import sys
from typing import Annotated, Literal

import typer

from minions.cli.options import Flags, JsonFlag, Since, common
from minions.cli.plainhelp import add_command
from minions.cli.printing import since_when, write_json, write_lines


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, ledger)


@common
def ledger(
    *,
    since: Since = None,
    by: Annotated[
        Literal["model", "role", "day", "run"],
        typer.Option(metavar="model|role|day|run", help="Print one row for each of these."),
    ] = "model",
    as_json: JsonFlag = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    flags: Flags,
) -> None:
    """Sum up calls, tokens and dollars of all runs."""
    from minions.cli.opening import open_store
    from minions.cli.render.answers import counted
    from minions.cli.render.tables import ledger_table
    from minions.errors import UsageError
    from minions.ledger.ledger import Ledger, SummaryRow

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot be used together", hint="keep one of them")
    with open_store(flags) as store:
        book = Ledger(store)
        rows = book.summary(by, since=since_when(since))
        open_calls = len(book.open_attempts())
    if open_calls and not flags.quiet:
        sys.stderr.write(
            f"not in these sums: {counted(open_calls, 'cloud call')} still running, or cut off "
            "when the process ended; such a call is entered when its batch continues, or later "
            "with unknown cost\n"
        )
    records = [row.model_dump(mode="json") for row in rows]
    if as_json:
        write_json(records)
    elif as_csv:
        names = list(SummaryRow.model_fields)
        writer = csv.DictWriter(sys.stdout, fieldnames=names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    else:
        write_lines(ledger_table(rows, by))
