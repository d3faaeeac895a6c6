"""``runs``, ``show``, ``runs delete`` and ``purge``: the stored runs, and their deletion."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from minions.cli.options import Flags, JsonFlag, Run, Since, common
from minions.cli.plainhelp import PlainGroup, add_command
from minions.cli.printing import since_when, write_json, write_lines

if TYPE_CHECKING:
    from minions.store.deletion import Removed

_QUESTION_CHARACTERS = 60
_NOT_SURE = 1
_RUNS_HELP = "List recent runs, newest first, or delete runs."

_Yes = Annotated[bool, typer.Option("-y", "--yes", help="Delete without asking for confirmation.")]


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    stored = typer.Typer(cls=PlainGroup, help=_RUNS_HELP, rich_markup_mode=None)
    stored.callback(invoke_without_command=True)(runs)
    add_command(stored, delete)
    app.add_typer(stored, name="runs")
    add_command(app, show)
    add_command(app, purge)


@common
def runs(
    context: typer.Context,
    *,
    limit: Annotated[
        int,
        typer.Option("-n", "--limit", min=1, max=10**9, metavar="N", help="List at most N runs."),
    ] = 20,
    since: Since = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """List recent runs, newest first, or delete runs."""
    from minions.errors import UsageError

    if context.invoked_subcommand is not None:
        if flags.settings or flags.config:  # runs would be deleted from another home than was meant
            raise UsageError(
                "--home and --config must come after delete",
                hint="minions runs delete RUN --home DIR",
            )
        return
    from minions.cli.opening import open_store
    from minions.cli.render.tables import run_table
    from minions.store.runs import Runs

    with open_store(flags) as store:
        found = Runs(store).recent(limit=limit, since=since_when(since))
    if as_json:
        left_out = {"answer": {"citations"}}
        write_json([run.model_dump(mode="json", exclude=left_out) for run in found])
    else:
        write_lines(run_table(found, question_characters=_QUESTION_CHARACTERS))


@common
def show(run: Run = "last", *, as_json: JsonFlag = False, flags: Flags) -> None:
    """Show one run: answer, citations, cost and every call."""
    from minions.cli.opening import open_store
    from minions.cli.render.tables import run_lines
    from minions.ledger.ledger import Ledger
    from minions.store.runs import Runs

    with open_store(flags) as store:
        found = Runs(store).get(run)
        entries = Ledger(store).entries(run_id=found.run_id)
    if as_json:
        records = [entry.model_dump(mode="json") for entry in entries]
        write_json({**found.model_dump(mode="json"), "entries": records})
    else:
        write_lines(run_lines(found, entries))


@common
def delete(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", help="Ids of runs or their first characters; 'last' is the newest run."
        ),
    ],
    *,
    running: Annotated[
        bool, typer.Option("--running", help="Delete runs that have not ended, too.")
    ] = False,
    yes: _Yes = False,
    as_json: JsonFlag = False,
    flags: Flags,
) -> int:
    """Delete runs: questions, answers and what was sent.

    Also the results of reading that were stored while they ran. Their cost stays in the ledger.
    """
    from minions.cli.opening import open_store
    from minions.store.deletion import delete_runs
    from minions.store.runs import Runs

    with open_store(flags) as store:
        # Found before the user is asked: another run may be the last one by the time of the answer.
        book = Runs(store)
        found = list(dict.fromkeys(book.find(run) for run in runs))
        if not _is_sure(f"delete {', '.join(found)}?", yes=yes):
            return _NOT_SURE
        _print_removed(delete_runs(store, found, even_running=running), as_json=as_json)
    return 0


@common
def purge(
    *,
    older_than: Annotated[
        str,
        typer.Option(
            metavar="WHEN", help="Delete what is older than this: 24h, 30d, 2w, or a date."
        ),
    ],
    index: Annotated[
        bool,
        typer.Option("--index", help="Empty the index too; it is built again when needed."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be deleted.")
    ] = False,
    yes: _Yes = False,
    as_json: JsonFlag = False,
    flags: Flags,
) -> int:
    """Delete old runs, what they sent, and old results of workers.

    Their cost stays in the ledger.
    """
    from minions.api import Minions
    from minions.cli.logs import configure_logging

    then = datetime.fromisoformat(since_when(older_than, option="--older-than") or "")
    question = f"delete everything from before {then:%Y-%m-%d %H:%M} UTC"
    if index:
        question += ", and the whole index"
    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    with Minions(config=flags.config, **flags.settings) as minions:
        if not dry_run and not _is_sure(f"{question}?", yes=yes):
            return _NOT_SURE
        removed = minions.purge(older_than=then, index=index, dry_run=dry_run)
        _print_removed(removed, as_json=as_json)
    return 0


def _is_sure(question: str, *, yes: bool) -> bool:
    """Ask the user, on stderr, where stdin is a terminal; without one the answer is yes."""
    if yes or not sys.stdin.isatty():
        return True
    try:
        sure = typer.confirm(question, err=True)
    except typer.Abort:
        sure = False
    if not sure:
        sys.stderr.write("nothing was deleted\n")
    return sure


def _print_removed(removed: "Removed", *, as_json: bool) -> None:
    from minions.cli.render.tables import removed_lines

    if as_json:
        write_json(removed.model_dump(mode="json"))
    else:
        write_lines(removed_lines(removed))
