"""``runs``, ``show``, ``runs delete`` and ``purge``: what is on record, and forgetting it."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from minions.cli.options import Flags, JsonFlag, Run, Since, common
from minions.cli.printing import since_when, write_json, write_lines

if TYPE_CHECKING:
    from minions.store.deletion import Removed


_QUESTION_CHARACTERS = 60
_NOT_SURE = 1

_Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask first.")]


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    kept = typer.Typer(
        help="List recent runs, the last one first; or delete some.", rich_markup_mode=None
    )
    kept.callback(invoke_without_command=True)(runs)
    kept.command()(delete)
    app.add_typer(kept, name="runs")
    app.command()(show)
    app.command()(purge)


@common
def runs(
    context: typer.Context,
    *,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=10**9, metavar="N", help="Runs at most.")
    ] = 20,
    since: Since = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """List recent runs, the last one first; or delete some."""
    from minions.errors import UsageError

    if context.invoked_subcommand is not None:
        if flags.settings or flags.config:  # of another home, say: what is deleted there is gone
            raise UsageError(
                "--home and --config go behind delete", hint="minions runs delete RUN --home DIR"
            )
        return
    from minions.cli.opening import open_store
    from minions.cli.render.tables import run_table
    from minions.store.runs import Runs

    with open_store(flags) as store:
        found = Runs(store).recent(limit=limit, since=since_when(since))
    if as_json:
        write_json(
            [run.model_dump(mode="json", exclude={"answer": {"citations"}}) for run in found]
        )
    else:
        write_lines(run_table(found, question_characters=_QUESTION_CHARACTERS))


@common
def show(run: Run = "last", *, as_json: JsonFlag = False, flags: Flags) -> None:
    """Show a run: its answer, what it read, what it cost, every call."""
    from minions.cli.opening import open_store
    from minions.cli.render.tables import run_lines
    from minions.ledger.ledger import Ledger
    from minions.store.runs import Runs

    with open_store(flags) as store:
        found = Runs(store).get(run)
        entries = Ledger(store).entries(run_id=found.run_id)
    if as_json:
        write_json(
            {
                **found.model_dump(mode="json"),
                "entries": [entry.model_dump(mode="json") for entry in entries],
            }
        )
    else:
        write_lines(run_lines(found, entries))


@common
def delete(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Ids, beginnings of some, or last.")
    ],
    *,
    running: Annotated[
        bool, typer.Option("--running", help="Even where one has not ended.")
    ] = False,
    yes: _Yes = False,
    as_json: JsonFlag = False,
    flags: Flags,
) -> int:
    """Forget runs: questions, answers, what was sent, what was read then. Their cost stays in the ledger."""
    from minions.cli.opening import open_store
    from minions.store.deletion import delete_runs
    from minions.store.runs import Runs

    with open_store(flags) as store:
        # Before the question: the last run may be another one by the time of the answer.
        found = list(dict.fromkeys(Runs(store).find(run) for run in runs))
        if not _is_sure(f"delete {', '.join(found)}?", yes=yes):
            return _NOT_SURE
        _tell(delete_runs(store, found, even_running=running), as_json=as_json)
    return 0


@common
def purge(
    *,
    older_than: Annotated[
        str, typer.Option(metavar="WHEN", help="What is older: 24h, 30d, 2w, or a date.")
    ],
    index: Annotated[
        bool, typer.Option("--index", help="Empty the index too; it is built again when needed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: _Yes = False,
    as_json: JsonFlag = False,
    flags: Flags,
) -> int:
    """Forget old runs, what they sent, and old results of reading. Their cost stays in the ledger."""
    from minions.api import Minions
    from minions.cli.logs import configure_logging
    from minions.cli.printing import since_when

    then = datetime.fromisoformat(since_when(older_than, option="--older-than") or "")
    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    with Minions(config=flags.config, **flags.settings) as minions:
        asked = f"forget everything from before {then:%Y-%m-%d %H:%M} UTC{', and the whole index' if index else ''}?"
        if not dry_run and not _is_sure(asked, yes=yes):
            return _NOT_SURE
        _tell(minions.purge(older_than=then, index=index, dry_run=dry_run), as_json=as_json)
    return 0


def _is_sure(question: str, *, yes: bool) -> bool:
    """Whether to go on: a person at a terminal is asked, on stderr."""
    if yes or not sys.stdin.isatty():
        return True
    try:
        sure = typer.confirm(question, err=True)
    except typer.Abort:
        sure = False
    if not sure:
        sys.stderr.write("nothing was removed\n")
    return sure


def _tell(removed: "Removed", *, as_json: bool) -> None:
    from minions.cli.printing import write_json, write_lines
    from minions.cli.render.tables import removed_lines

    if as_json:
        write_json(removed.model_dump(mode="json"))
    else:
        write_lines(removed_lines(removed))
