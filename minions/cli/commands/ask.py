"""``ask`` and ``estimate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from minions.cli.options import EventsTo, FilesFrom, Flags, JsonFlag, Paths, asking
from minions.cli.plainhelp import add_command
from minions.cli.printing import print_requests, write_json, write_lines, write_notes
from minions.cli.reading import Question, read_paths, read_question

_CODES = {"answered": 0, "no_answer": 3, "budget": 4, "timeout": 4, "interrupted": 130}


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, ask)
    add_command(app, estimate)


@asking
def ask(
    question: Question,
    paths: Paths = None,
    *,
    files_from: FilesFrom = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only estimate the cost, like `minions estimate`."),
    ] = False,
    show_egress: Annotated[
        bool,
        typer.Option(
            "--show-egress", help="Print what would be sent to a cloud, and send nothing."
        ),
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
        raise UsageError(
            "--dry-run and --show-egress cannot be used together", hint="keep one of them"
        )
    if show_egress and events is not None:
        raise UsageError(
            "--events and --show-egress cannot be used together",
            hint="use --json, which holds all of the preview",
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
    """Estimate tokens, minutes and dollars of a question. Calls no model."""
    from minions.cli.logs import configure_logging

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    question = read_question(question, files_from)
    chosen = read_paths(paths, files_from)
    return _estimate(question, chosen, flags, as_json=as_json)


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
        observe = progress if log is None else both(progress, log)
        answer = minions.ask(question, paths, observe=observe)
    if as_json:
        sys.stdout.write(answer.model_dump_json() + "\n")
    elif events != "-":
        write_lines(answer_lines(answer))
    sys.stdout.flush()
    if not flags.quiet:
        notes = []
        reason = verdict(answer)
        if reason is not None:
            notes.append(reason)
        notes.append("")
        tally = progress.tally
        notes += bill_lines(answer, planner=tally.planner, worker=tally.worker)
        write_notes(notes)
    return _CODES[answer.stop_reason]


def _preview(question: str, paths: list[Path], flags: Flags, *, as_json: bool) -> int:
    """Print each request that the question would send, and counts of withheld text."""
    from minions.api import Minions
    from minions.cli.render.answers import egress_lines
    from minions.cli.render.progress import progress_for
    from minions.cli.render.tables import departure_record, requests_text
    from minions.ledger.egress import total_of

    with (
        Minions(config=flags.config, **flags.settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        preview = minions.preview(question, paths, observe=progress)
    if as_json:
        records = [departure_record(request) for request in preview.requests]
        facts = preview.model_dump(mode="json", exclude={"requests"})
        write_json({**facts, "requests": records})
    else:
        print_requests(preview.requests, quiet=flags.quiet)
    if not flags.quiet:
        total = total_of(list(preview.requests))
        notes = [f"nothing was sent; this run would send {requests_text(total)}"]
        notes += egress_lines(preview.egress, is_preview=True)
        notes += [f"note: {note}" for note in preview.notes]
        write_notes(notes)
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
        write_lines(estimate_lines(estimated))
    return 0
