"""The command line inside the test's process: its exit code, and the text that it wrote.

A process of its own costs a second a command. It is for tests about processes: signals, kills, several at once, what
is loaded, and guards that a process cannot take off again.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import structlog

from minions.cli.main import execute

if TYPE_CHECKING:
    from pathlib import Path


class Ended(NamedTuple):
    """A command's exit code, and what it wrote: UTF-8 as a pipe gets it, decoded strictly."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)


def run_command(*arguments: str | Path, stdin: str | None = None) -> Ended:
    """Run ``minions`` with these arguments in the current folder; with ``stdin`` it reads that text.

    Logging is afterwards as it is when a process starts.
    """
    out, err = io.BytesIO(), io.BytesIO()
    with ExitStack() as stack:
        stdout = stack.enter_context(
            redirect_stdout(io.TextIOWrapper(out, "utf-8", write_through=True))
        )
        stderr = stack.enter_context(
            redirect_stderr(io.TextIOWrapper(err, "utf-8", write_through=True))
        )
        stack.callback(structlog.reset_defaults)
        if stdin is not None:
            given = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
            stack.enter_context(patch.object(sys, "stdin", given))
        code = execute([str(argument) for argument in arguments])
        stdout.flush()
        stderr.flush()
        return Ended(code, out.getvalue().decode(), err.getvalue().decode())
