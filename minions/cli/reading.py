"""The question and the paths of a command: from its arguments, from stdin or from a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from minions.errors import UsageError

_EXAMPLE = "minions ask 'What was net revenue in 2022?' reports/"

Question = Annotated[
    str,
    typer.Argument(metavar="QUESTION", help="The question; - reads it from stdin."),
]


def read_question(question: str, files_from: str | None = None) -> str:
    """The question as given, or for ``-`` the text of stdin.

    Raises UsageError where the paths are to come from stdin as well.
    """
    if question != "-":
        return question
    if files_from == "-":
        raise UsageError(
            "the question and -f cannot both be read from stdin",
            hint="write the paths into a file: -f FILE",
        )
    return sys.stdin.read().strip()


def read_paths(
    paths: list[Path] | None, files_from: str | None, *, example: str = _EXAMPLE
) -> list[Path]:
    """The paths of the command line and those of ``-f``. Raises UsageError where there are none."""
    chosen = list(paths or ())
    if files_from is not None:
        hint = "name a text file with one path on each line"
        for line in read_text(files_from, label=f"-f {files_from}", hint=hint).splitlines():
            path = line.strip()
            if path:
                chosen.append(Path(path))
    if not chosen:
        raise UsageError("no documents given: name files or folders", hint=example)
    return chosen


def read_text(source: str, *, label: str, hint: str) -> str:
    """The text of a file in UTF-8, or of stdin for ``-``. Raises UsageError."""
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except (OSError, ValueError) as error:  # no such file, not text, or a name no file can have
        reason = getattr(error, "strerror", None) or "not a text file in UTF-8"
        raise UsageError(f"{label}: {reason}", hint=hint) from None
