"""``runs``, ``show``, ``egress``, ``verify`` and ``ledger``."""

import typer


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
