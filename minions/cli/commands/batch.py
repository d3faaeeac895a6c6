"""``batch``: many questions of a file."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minions.cli.options import EventsTo, FilesFrom, Flags, JsonFlag, Paths, asking

if TYPE_CHECKING:
    from minions.api import Minions
    from minions.batch.results import BatchSummary
    from minions.stop_signal import Brake

Source = Annotated[
    Path,
    typer.Argument(
        metavar="IN.jsonl",
        help='A JSON object a line: {"question": ..., "id"?, "documents"?, ...}.',
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(batch)


@asking
def batch(  # noqa: PLR0913 - one parameter an option
    source: Source,
    paths: Paths = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="OUT.jsonl", help="Append results here; resumes where it was."
        ),
    ],
    files_from: FilesFrom = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate only; call no model.")
    ] = False,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Ask again what ended in an error.")
    ] = False,
    window: Annotated[
        int | None, typer.Option(metavar="N", help="Questions under way at once.")
    ] = None,
    as_json: JsonFlag = False,
    events: EventsTo = None,
    flags: Flags,
) -> int:
    """Answer many questions: resumable, each chunk read once for all of them."""
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
    chosen = read_paths(paths, files_from) if paths or files_from else []
    settings = {**flags.settings, **({"window": window} if window is not None else {})}
    brake = Brake()
    with (
        Minions(config=flags.config, **settings) as minions,
        event_log(events) as log,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
        _braking(brake, quiet=flags.quiet),
    ):
        how: dict[str, Any] = {"output": output, "retry_errors": retry_errors}
        how["observe"] = both(progress, log) if log else progress
        if dry_run:
            return _estimate(minions, source, chosen, as_json=as_json, **how)
        summary = minions.batch(source, chosen, brake=brake, **how)
    if as_json:
        sys.stdout.write(summary.model_dump_json() + "\n")
    if not flags.quiet:
        sys.stderr.writelines(f"{line}\n" for line in batch_lines(summary))
    return _code(summary)


def _estimate(
    minions: "Minions", source: Path, paths: list[Path], *, as_json: bool, **how: Any
) -> int:
    from minions.cli.render.answers import batch_estimate_lines

    estimated = minions.estimate_batch(source, paths, **how)
    if as_json:
        sys.stdout.write(estimated.model_dump_json() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in batch_estimate_lines(estimated))
    return 0


def _code(summary: "BatchSummary") -> int:
    if summary.stop_reason == "interrupted":
        return 130
    if summary.stop_reason == "budget":
        return 4
    return 1 if summary.failed else 0


@contextmanager
def _braking(brake: "Brake", *, quiet: bool) -> Iterator[None]:
    """The first Ctrl-C lets what is under way end, the second stops at once."""

    def on_interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        brake.pull()
        if not quiet:
            # Past the stream: a signal may come while it is being written to.
            os.write(2, b"finishing what is under way; Ctrl-C again stops at once\n")

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
