"""``trust``: the folders whose settings files are the user's own."""

from pathlib import Path
from typing import Annotated

import typer

from minions.cli.options import Flags, JsonFlag, common
from minions.cli.plainhelp import add_command


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, trust)


@common
def trust(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A folder with a minions.toml, or that file."),
    ] = Path(),
    *,
    list_all: Annotated[
        bool, typer.Option("--list", help="List what is trusted; change nothing.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Trust the file of this folder no more.")
    ] = False,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Say that a folder's minions.toml is your own, so that it may set everything.

    Read the file first. It is trusted at this place and with this content only: after a change,
    say it again.
    """
    from minions.cli.logs import configure_logging
    from minions.cli.printing import write_json, write_lines
    from minions.errors import UsageError
    from minions.folder_settings import file_of
    from minions.settings import Settings
    from minions.store.trusted import TrustedFiles

    if list_all and remove:
        raise UsageError("--list and --remove exclude each other", hint="minions trust --list")
    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    # Not Settings.load: it refuses the very file that is to be trusted.
    settings = Settings.own(flags.settings, config=flags.config)
    trusted = TrustedFiles(settings.home_folder())
    if list_all:
        files = trusted.all()
        if as_json:
            write_json([file.model_dump(mode="json") for file in files])
            return
        changed = "  (changed since: not trusted any more)"
        write_lines([f"{file.path}{'' if file.unchanged else changed}" for file in files])
        return
    file_path = file_of(path)
    if remove:
        removed = trusted.remove(file_path)
        if as_json:
            write_json({"path": str(file_path), "removed": removed})
        else:
            write_lines([f"{file_path} {'is' if removed else 'was'} not trusted"])
        return
    added = trusted.add(file_path)
    if as_json:
        write_json(added.model_dump(mode="json"))
    else:
        write_lines([f"{added.path} is trusted as it is now"])
