"""Every command of the command line has its twin in Python: what people type, programs can call."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from minions import Minions
from minions.cli.main import app

TWINS = {
    "ask": "ask",
    "ask --dry-run": "estimate",
    "ask --show-egress": "preview",
    "estimate": "estimate",
    "batch": "batch",
    "batch --dry-run": "estimate_batch",
    "cache": "cache",
    "cache clear": "clear_cache",
    "eval": "evaluate",
    "index": "index",
    "search": "search",
    "runs": "runs",
    "runs delete": "delete_run",
    "show": "show",
    "purge": "purge",
    "ledger": "ledger",
    "egress": "departures",
    "egress --summary": "egress_summary",
    "verify": "verify",
    "models": "models",
    "models list": "models",
    "models pull": "pull_model",
    "trust": "trust",
    "trust --list": "trusted",
    "trust --remove": "distrust",
    "doctor": "doctor",
}


def _commands(group: Any, above: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        path = f"{above} {name}".strip()
        found.append(path)
        if hasattr(command, "commands"):
            found += _commands(command, path)
    return found


def test_every_command_has_a_twin() -> None:
    """A command that only the command line can do does not land unseen."""
    missing = set(_commands(typer.main.get_command(app))) - set(TWINS)
    assert missing == set()


@pytest.mark.parametrize("method", sorted(set(TWINS.values())))
def test_each_twin_is_a_documented_method(method: str) -> None:
    """It exists, and says what it does."""
    assert callable(getattr(Minions, method))
    assert (getattr(Minions, method).__doc__ or "").strip()


def test_each_command_in_the_list_exists() -> None:
    """The list holds no command that was renamed or removed."""
    commands = set(_commands(typer.main.get_command(app)))
    actions = {"cache clear"}  # an argument of the command, not a command of its own
    named = {command.partition(" --")[0] for command in TWINS} - actions
    assert named <= commands
