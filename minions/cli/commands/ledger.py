"""``ledger``: calls, tokens and dollars, summed up."""

import csv
import sys
from typing import Annotated, Literal

import typer

from minions.cli.options import Flags, JsonFlag, Since, common
from minions.cli.printing import since_when, write_json, write_lines


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(ledger)


@common
def ledger(
    *,
    since: Since = None,
    by: Annotated[
        Literal["model", "role", "day", "run"], typer.Option(help="One row for each of these.")
    ] = "model",
    as_json: JsonFlag = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    flags: Flags,
) -> None:
    """Sum up calls, tokens and dollars."""
    from minions.cli.opening import open_store
    from minions.cli.render.answers import counted
    from minions.cli.render.tables import ledger_table
    from minions.errors import UsageError
    from minions.ledger.ledger import Ledger

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", hint="keep one of them")
    with open_store(flags) as store:
        rows, open_calls = (
            Ledger(store).summary(by, since=since_when(since)),
            len(Ledger(store).open_attempts()),
        )
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

        writer = csv.DictWriter(
            sys.stdout, fieldnames=[*SummaryRow.model_fields], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(dumped)
    else:
        write_lines(ledger_table(rows, by))
