"""``cache``: the stored results of workers."""

from typing import Annotated, Literal

import typer

from minions.cli.options import Flags, JsonFlag, common
from minions.cli.plainhelp import add_command


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, cache)


@common
def cache(
    action: Annotated[
        Literal["show", "clear"],
        typer.Argument(metavar="show|clear", help="Show what is stored, or clear it."),
    ] = "show",
    *,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="Clear only results older than this: 24h, 7d, 2w, or a date."
        ),
    ] = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Show or clear the stored results of workers.

    With a stored result a worker need not read the same chunk for the same task again.
    """
    from minions.cli.opening import open_store
    from minions.cli.printing import since_when, write_json, write_lines
    from minions.cli.render.answers import counted
    from minions.cli.render.tables import cache_table
    from minions.clock import SystemClock
    from minions.errors import UsageError
    from minions.execution.cache import ResultCache

    if older_than is not None and action != "clear":
        raise UsageError(
            "--older-than is only for clear", hint="minions cache clear --older-than 7d"
        )
    with open_store(flags) as store:
        results = ResultCache(store, SystemClock())
        if action == "clear":
            cleared = results.clear(before=since_when(older_than, option="--older-than"))
            if as_json:
                write_json({"cleared": cleared})
            else:
                write_lines([f"{counted(cleared, 'result')} cleared"])
            return
        contents = results.contents()
    if as_json:
        write_json([model.model_dump(mode="json") for model in contents])
    else:
        write_lines(cache_table(contents))
