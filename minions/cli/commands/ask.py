"""``ask`` and ``estimate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from minions.cli.options import EventsTo, FilesFrom, Flags, JsonFlag, Paths, asking
from minions.cli.reading import Question, read_paths, read_question

_CODES = {"answered": 0, "no_answer": 3, "budget": 4, "timeout": 4, "interrupted": 130}


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(ask)
    app.command()(estimate)


@asking
def ask(
    question: Question,
    paths: Paths = None,
    *,
    files_from: FilesFrom = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate only: the same as `estimate`.")
    ] = False,
    show_egress: Annotated[
        bool,
        typer.Option("--show-egress", help="Print what would go to a cloud, and send nothing."),
    ] = False,
    as_json: JsonFlag = False,
    events: EventsTo = None,
    flags: Flags,
) -> int:
    """Answer a question from documents, with citations."""
    from minions.cli.eventlog import refuse_two_on_stdout
    from minions.cli.logs import configure_logging
    from minions.errors import UsageError

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    refuse_two_on_stdout(events, as_json=as_json)
    if dry_run and show_egress:
        raise UsageError("--dry-run and --show-egress exclude each other", hint="keep one of them")
    if show_egress and events is not None:
        raise UsageError(
            "--events and --show-egress exclude each other", hint="--json has all of a preview"
        )
    question = read_question(question, files_from)
    chosen = read_paths(paths, files_from)
    if show_egress:
        return _preview(question, chosen, flags, as_json=as_json)
    if dry_run:
        return _estimate(question, chosen, flags, as_json=as_json)
    return _ask(question, chosen, flags, as_json=as_json, events=events)


@asking
def estimate(
    question: Question,
    paths: Paths = None,
    *,
    files_from: FilesFrom = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> int:
    """Say what asking would take in tokens, minutes and dollars. Calls no model."""
    from minions.cli.logs import configure_logging

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    return _estimate(
        read_question(question, files_from), read_paths(paths, files_from), flags, as_json=as_json
    )


def _ask(
    question: str, paths: list[Path], flags: Flags, *, as_json: bool, events: str | None
) -> int:
    from minions.api import Minions
    from minions.cli.eventlog import event_log
    from minions.cli.render.answers import answer_lines, bill_lines, verdict
    from minions.cli.render.progress import progress_for
    from minions.values.events import both

    with (
        Minions(config=flags.config, **flags.settings) as minions,
        event_log(events) as log,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        answer = minions.ask(question, paths, observe=both(progress, log) if log else progress)
    if as_json:
        sys.stdout.write(answer.model_dump_json() + "\n")
    elif events != "-":
        sys.stdout.writelines(f"{line}\n" for line in answer_lines(answer))
    sys.stdout.flush()
    if not flags.quiet:
        tally = progress.tally
        lines = bill_lines(answer, planner=tally.planner, worker=tally.worker)
        reason = verdict(answer)
        sys.stderr.writelines(f"{line}\n" for line in [*([reason] if reason else []), "", *lines])
    return _CODES[answer.stop_reason]


def _preview(question: str, paths: list[Path], flags: Flags, *, as_json: bool) -> int:
    from minions.api import Minions
    from minions.cli.printing import print_body, write_json
    from minions.cli.render.answers import counted, egress_lines
    from minions.cli.render.progress import progress_for
    from minions.cli.render.tables import departure_record, kinds_line
    from minions.ledger.egress import total_of

    with (
        Minions(config=flags.config, **flags.settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        preview = minions.preview(question, paths, observe=progress)
    if as_json:
        requests = [departure_record(request) for request in preview.requests]
        write_json({**preview.model_dump(mode="json", exclude={"requests"}), "requests": requests})
    for request in () if as_json else preview.requests:
        if not flags.quiet:
            sys.stderr.write(
                f"to {request.endpoint}, {request.bytes:,} bytes{kinds_line(request.kinds)}:\n"
            )
            sys.stderr.flush()
        print_body(request.body or b"")
    if not flags.quiet:
        total = total_of(list(preview.requests))
        would = f"{counted(total.requests, 'request')}, {total.bytes:,} bytes in all{kinds_line(total.kinds)}"
        sys.stderr.write(f"nothing was sent; what would go up: {would}\n")
        held = egress_lines(preview.egress, sent="text", stayed="would stay here")
        sys.stderr.writelines(
            f"{line}\n" for line in [*held, *(f"note: {note}" for note in preview.notes)]
        )
    return 0


def _estimate(question: str, paths: list[Path], flags: Flags, *, as_json: bool) -> int:
    from minions.api import Minions
    from minions.cli.render.answers import estimate_lines
    from minions.cli.render.progress import progress_for

    with (
        Minions(config=flags.config, **flags.settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        estimated = minions.estimate(question, paths, observe=progress)
    if as_json:
        sys.stdout.write(estimated.model_dump_json() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in estimate_lines(estimated))
    return 0
