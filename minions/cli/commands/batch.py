"""``batch``: many questions of a file."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minions.cli.options import EventsTo, FilesFrom, Flags, JsonFlag, Paths, RetryErrors, asking
from minions.cli.plainhelp import add_command
from minions.cli.printing import write_lines, write_notes

if TYPE_CHECKING:
    from minions.api import Minions
    from minions.stop_signal import Brake

_CODES = {"interrupted": 130, "budget": 4}
_STDERR = 2

Source = Annotated[
    Path,
    typer.Argument(
        metavar="IN.jsonl",
        help='Questions, one JSON object per line: {"question": ..., "id"?, "documents"?, ...}.',
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT.jsonl",
        help="Append results to this file; questions answered in it are not asked again.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only estimate the cost; call no model.")]


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, batch)


@asking
def batch(  # noqa: PLR0913 - one parameter an option
    source: Source,
    paths: Paths = None,
    *,
    output: Output,
    files_from: FilesFrom = None,
    dry_run: DryRun = False,
    retry_errors: RetryErrors = False,
    window: Annotated[
        int | None, typer.Option(metavar="N", help="Work on at most N questions at once.")
    ] = None,
    as_json: JsonFlag = False,
    events: EventsTo = None,
    flags: Flags,
) -> int:
    """Answer many questions from a file; can be stopped and continued.

    A chunk that several questions need is read once for all of them.
    """
    from minions.api import Minions
    from minions.cli.eventlog import event_log, refuse_two_on_stdout
    from minions.cli.logs import configure_logging
    from minions.cli.reading import read_paths
    from minions.cli.render.answers import batch_lines
    from minions.cli.render.progress import progress_for
    from minions.stop_signal import Brake
    from minions.values.events import both

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    refuse_two_on_stdout(events, as_json=as_json)
    chosen: list[Path] = []
    if paths or files_from:
        chosen = read_paths(paths, files_from)
    settings = dict(flags.settings)
    if window is not None:
        settings["window"] = window
    brake = Brake()
    with (
        Minions(config=flags.config, **settings) as minions,
        event_log(events) as log,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
        _stopping_gracefully(brake, quiet=flags.quiet),
    ):
        options: dict[str, Any] = {
            "output": output,
            "retry_errors": retry_errors,
            "observe": progress if log is None else both(progress, log),
        }
        if dry_run:
            return _estimate(minions, source, chosen, as_json=as_json, **options)
        summary = minions.batch(source, chosen, brake=brake, **options)
    if as_json:
        sys.stdout.write(summary.model_dump_json() + "\n")
    if not flags.quiet:
        write_notes(batch_lines(summary))
    code_at_the_end = 1 if summary.failed else 0
    return _CODES.get(summary.stop_reason, code_at_the_end)


def _estimate(
    minions: "Minions", source: Path, paths: list[Path], *, as_json: bool, **options: Any
) -> int:
    from minions.cli.render.answers import batch_estimate_lines

    estimated = minions.estimate_batch(source, paths, **options)
    if as_json:
        sys.stdout.write(estimated.model_dump_json() + "\n")
    else:
        write_lines(batch_estimate_lines(estimated))
    return 0


@contextmanager
def _stopping_gracefully(brake: "Brake", *, quiet: bool) -> Iterator[None]:
    """The first Ctrl-C lets running questions end, the second stops at once."""

    def on_interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        brake.pull()
        if not quiet:
            # Not through sys.stderr: the signal may come while that is being written to.
            message = b"waiting for the questions that are running; Ctrl-C again stops at once\n"
            os.write(_STDERR, message)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
