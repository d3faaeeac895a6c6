"""``doctor``: what works on this machine, and what to type where something does not."""

import sys

import typer

from minions.cli.options import Flags, JsonFlag, asking

UNAVAILABLE = 6


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(doctor)


@asking
def doctor(*, as_json: JsonFlag = False, flags: Flags) -> int:
    """Tell what works, what does not, and what to type to mend it. Spends no token."""
    from minions.cli.opening import settings_of
    from minions.cli.render.tables import report_lines
    from minions.doctor import examine

    report = examine(settings_of(flags))
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in report_lines(report))
    return 0 if report.ready else UNAVAILABLE
