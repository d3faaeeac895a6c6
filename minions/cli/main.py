"""The command ``minions``: its commands, and how every error ends."""

import json
import sys
from contextlib import redirect_stdout
from typing import Annotated, Any

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
    verify,
)
from minions.cli.commands import eval as evaluation
from minions.cli.textonly import TextOnly
from minions.text.visible import one_line, visible

INTERRUPTED = 130
_EPILOG = "Start with: minions doctor    Then: minions ask 'QUESTION' FOLDER"

app = typer.Typer(
    name="minions",
    help="Ask questions of your documents: workers on this machine read them, a cloud planner never does.",
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
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def run(arguments: list[str] | None = None) -> None:
    """The console entry: runs a command and exits with its code (docs/cli.md lists them)."""
    from minions.network.reach import confine_process

    confine_process()
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(execute(given or ["--help"]))


def execute(arguments: list[str]) -> int:
    """Run a command; its exit code. What it has to say is written to stdout and stderr, as text and nothing else."""
    with redirect_stdout(TextOnly(sys.stdout)):
        return _execute(arguments)


def _execute(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        code = app(arguments, standalone_mode=False, prog_name="minions")
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001 - the last line of defence: every error ends in words and a code
        return _report(
            error, as_json=as_json, traceback=any(_asks_for_traceback(word) for word in arguments)
        )
    if code == INTERRUPTED:
        _tell(
            "interrupted",
            "what was found so far is on record (minions runs); a batch goes on with the same command",
        )
    return code if isinstance(code, int) else 0


def _report(error: Exception, *, as_json: bool, traceback: bool) -> int:
    from minions.errors import MinionsError, ModelError

    kind, message, hint, code = type(error).__name__, str(error), "", 1
    if isinstance(error, MinionsError):
        message, code = error.message, error.exit_code
        hint = error.hint or (
            "minions doctor   looks at every endpoint" if isinstance(error, ModelError) else ""
        )
    elif hasattr(error, "format_message"):  # how typer says that the command line is wrong
        kind, message, code = "UsageError", error.format_message(), 2
        hint = f"{_command_of(error)} --help"
    else:
        message = f"this is a bug in minions: {kind}: {message}"
        hint = "run it again with -v for the traceback, and report it"
    if as_json:
        problem = {"type": kind, "message": message, "hint": hint or None}
        sys.stdout.write(
            json.dumps({"schema": "minions/1", "error": problem}, ensure_ascii=False) + "\n"
        )
    _tell(message, hint)
    if traceback and code == 1 and not isinstance(error, MinionsError):
        _print_traceback(error)
    return code


def _tell(message: str, hint: str) -> None:
    lines = [one_line(f"error: {message}")] + ([one_line(f"next: {hint}")] if hint else [])
    sys.stderr.write("\n".join(lines) + "\n")


def _command_of(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context is not None else "minions"


def _asks_for_traceback(word: str) -> bool:
    return word == "--verbose" or (word.startswith("-v") and set(word[1:]) == {"v"})


def _print_traceback(error: Exception) -> None:
    import traceback

    sys.stderr.write(visible("".join(traceback.format_exception(error))))


def _reader_left() -> int:
    """The reader of stdout left (``minions runs | head``): nothing to say, and nothing left to flush."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


if __name__ == "__main__":
    run()
