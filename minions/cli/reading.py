"""The question and the paths of a command: from its arguments, stdin or a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "minions ask 'What was net revenue in 2022?' reports/"

Question = Annotated[
    str, typer.Argument(metavar="QUESTION", help="The question; - reads it from stdin.")
]


def read_question(question: str, files_from: str | None = None) -> str:
    """The question as given, or stdin's for ``-``. Raises UsageError where stdin would be read twice."""
    if question != "-":
        return question
    if files_from == "-":
        from minions.errors import UsageError

        raise UsageError(
            "the question and -f cannot both be stdin", hint="put the paths into a file: -f FILE"
        )
    return sys.stdin.read().strip()


def read_paths(
    paths: list[Path] | None, files_from: str | None, *, example: str = _EXAMPLE
) -> list[Path]:
    """The paths of the command line and of ``-f``. Raises UsageError where there are none."""
    from minions.errors import UsageError

    chosen = list(paths or ())
    if files_from is not None:
        try:
            text = sys.stdin.read() if files_from == "-" else Path(files_from).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"-f {files_from}: {error}", hint="name a text file with a path on each line"
            ) from None
        chosen += [Path(line.strip()) for line in text.splitlines() if line.strip()]
    if not chosen:
        raise UsageError("no documents: name files or folders", hint=example)
    return chosen
