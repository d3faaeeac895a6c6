"""The command ``minions``: its commands, and the way every error ends."""

import json
import os
import re
import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from minions._version import __version__
from minions.cli.commands import (
    ask,
    batch,
    cache,
    doctor,
    egress,
    index,
    ledger,
    models,
    runs,
    trust,
    verify,
)
from minions.cli.commands import eval as evaluation
from minions.cli.plainhelp import PlainGroup
from minions.cli.textonly import TextOnly
from minions.cli.usage_errors import command_path, is_usage_error, usage_message
from minions.text.visible import one_line, visible

INTERRUPTED = 130
_VERBOSE = re.compile(r"-v+|--verbose")
_EPILOG = "Start with: minions doctor    Then: minions ask 'QUESTION' FOLDER"
_AFTER_INTERRUPT = (
    "minions runs lists what is stored of it; a batch continues with the same command"
)

app = typer.Typer(
    name="minions",
    cls=PlainGroup,
    help=(
        "Answer questions from your documents. A local model, the worker, reads them. A larger "
        "one, the planner, on this machine or in a cloud, plans the work and decides on the "
        "answer from short excerpts."
    ),
    epilog=_EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for commands in (
    ask,
    batch,
    cache,
    evaluation,
    index,
    runs,
    ledger,
    egress,
    verify,
    models,
    trust,
    doctor,
):
    commands.add_commands(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"minions {__version__}\n")
        raise typer.Exit


@app.callback()
def _minions(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


def run(arguments: list[str] | None = None) -> None:
    """Run the command of this process and exit with its code (docs/cli.md lists the codes)."""
    from minions.network.reach import confine_process

    confine_process()
    if arguments is None:
        arguments = sys.argv[1:]
    sys.exit(execute(arguments or ["--help"]))


def execute(arguments: list[str]) -> int:
    """Run a command and return its exit code.

    Everything it writes to stdout and stderr is text: no output can send control codes to a
    terminal.
    """
    with redirect_stdout(TextOnly(sys.stdout)):
        try:
            code = app(arguments, standalone_mode=False, prog_name="minions")
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:
            # The reader of stdout left (`minions runs | head`): nothing is left to say or flush.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:  # noqa: BLE001 - every error ends in words and a code
            return _report(error, arguments)
        if code == INTERRUPTED:
            _print_error("interrupted", _AFTER_INTERRUPT)
        return code if isinstance(code, int) else 0


def _report(error: Exception, arguments: list[str]) -> int:
    """Print an error, with ``--json`` as an object too, and return its exit code."""
    from minions.errors import MinionsError, ModelError

    kind = type(error).__name__
    code = 1
    is_bug = False
    hint: str | None
    if isinstance(error, MinionsError):
        message = error.message
        hint = error.hint
        code = error.exit_code
        if not hint and isinstance(error, ModelError):
            hint = "minions doctor checks every model and server"
    elif is_usage_error(error):
        kind = "UsageError"
        message = usage_message(error)
        hint = f"{command_path(error)} --help"
        code = 2
    else:
        is_bug = True
        message = f"this is a bug in minions: {kind}: {error}"
        hint = "run it again with -v to see the traceback, and please report it"
    if "--json" in arguments:
        problem = {"type": kind, "message": message, "hint": hint or None}
        line = json.dumps({"schema": "minions/1", "error": problem}, ensure_ascii=False)
        sys.stdout.write(line + "\n")
    _print_error(message, hint)
    if is_bug and any(map(_VERBOSE.fullmatch, arguments)):
        import traceback

        sys.stderr.write(visible("".join(traceback.format_exception(error))))
    return code


def _print_error(message: str, hint: str | None) -> None:
    """Write the two lines that every error ends in; the second one only where there is a hint."""
    lines = one_line(f"error: {message}") + "\n"
    if hint:
        lines += one_line(f"next: {hint}") + "\n"
    sys.stderr.write(lines)


if __name__ == "__main__":
    run()
