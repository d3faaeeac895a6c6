"""``doctor``: checks of this machine, and what to type where one fails."""

import sys

import typer

from minions.cli.options import Flags, JsonFlag, asking
from minions.cli.plainhelp import add_command

UNAVAILABLE = 6


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, doctor)


@asking
def doctor(*, as_json: JsonFlag = False, flags: Flags) -> int:
    """Check models, keys and disk, and say how to fix problems.

    Spends no tokens. Exit code 6 if no question could be asked.
    """
    from minions.cli.opening import settings_of
    from minions.cli.printing import write_lines
    from minions.cli.render.tables import report_lines
    from minions.doctor import examine

    report = examine(settings_of(flags))
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        write_lines(report_lines(report))
    return 0 if report.ready else UNAVAILABLE
