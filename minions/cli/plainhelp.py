"""The help of commands without typer's notation: no braces, no type names, no ranges of numbers."""

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_TYPE_NAME = re.compile(r" <[^<>]*>$")
_RANGE = re.compile(r"(?:; |(?<=\[))(?:\d+<=x<=\d+|x[<>]=\d+)")
_EMPTY_EXTRAS = "  []"


class PlainCommand(TyperCommand):
    """A command whose help says ``QUESTION``, not ``{QUESTION} <str>``."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line after the command's name."""
        return _without_braces(super().collect_usage_pieces(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections on arguments and options."""
        _write_parameters(self, ctx, formatter)


class PlainGroup(TyperGroup):
    """A group of commands with the same help as `PlainCommand`, and the list of its commands."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line after the group's name."""
        return _without_braces(super().collect_usage_pieces(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections on arguments, options and commands."""
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def add_command(app: typer.Typer, command: Callable[..., Any], name: str | None = None) -> None:
    """Register a command; without a ``name`` it has the function's name."""
    app.command(name, cls=PlainCommand)(command)


def _without_braces(pieces: list[str]) -> list[str]:
    return [piece.replace("{", "").replace("}", "") for piece in pieces]


def _write_parameters(command: Any, context: Any, formatter: Any) -> None:
    arguments: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        name, text = record
        text = _RANGE.sub("", text).removesuffix(_EMPTY_EXTRAS)
        if parameter.param_type_name == "argument":
            arguments.append((_TYPE_NAME.sub("", name), text))
        else:
            options.append((name, text))
    for title, records in (("Arguments", arguments), ("Options", options)):
        if records:
            with formatter.section(title):
                formatter.write_dl(records)
