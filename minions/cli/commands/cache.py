"""``cache``: the kept results of workers."""

from typing import Annotated, Literal

import typer

from minions.cli.options import Flags, JsonFlag, common


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(cache)


@common
def cache(
    action: Annotated[
        Literal["show", "clear"], typer.Argument(help="show what is kept, or clear it.")
    ] = "show",
    *,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Clear only what is older: 24h, 7d, 2w, or a date."),
    ] = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """See or clear the results of workers that were kept, so that nothing is read twice."""
    from minions.cli.opening import open_store
    from minions.cli.printing import since_when, write_json, write_lines
    from minions.cli.render.answers import counted
    from minions.cli.render.tables import cache_table
    from minions.clock import SystemClock
    from minions.errors import UsageError
    from minions.execution.cache import ResultCache

    if older_than is not None and action != "clear":
        raise UsageError(
            "--older-than says what to clear", hint="minions cache clear --older-than 7d"
        )
    with open_store(flags) as store:
        kept = ResultCache(store, SystemClock())
        if action == "clear":
            cleared = kept.clear(before=since_when(older_than, option="--older-than"))
            if as_json:
                write_json({"cleared": cleared})
            else:
                write_lines([f"{counted(cleared, 'result')} cleared"])
            return
        contents = kept.contents()
    if as_json:
        write_json([one.model_dump(mode="json") for one in contents])
    else:
        write_lines(cache_table(contents))
