"""``models``: the built-in models and their weights."""

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from minions.cli.options import Flags, JsonFlag, common
from minions.cli.plainhelp import PlainGroup, add_command
from minions.cli.printing import write_lines

_LINE_EVERY_S = 5.0
_REDRAW_EVERY_S = 0.2
_CLEAR_TO_END_OF_LINE = "\x1b[K"


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    group = typer.Typer(
        cls=PlainGroup,
        help="List the built-in models, or download one.",
        rich_markup_mode=None,
    )
    group.callback(invoke_without_command=True)(models)
    add_command(group, list_models, "list")
    add_command(group, pull)
    app.add_typer(group, name="models")


def models(context: typer.Context) -> None:
    """List the built-in models, or download one."""
    if context.invoked_subcommand is None:
        _list(Flags({}), as_json=False)


@common
def list_models(*, as_json: JsonFlag = False, flags: Flags) -> None:
    """List models and their weights, and the models in use."""
    _list(flags, as_json=as_json)


def _list(flags: Flags, *, as_json: bool) -> None:
    from minions.cli.opening import settings_of
    from minions.cli.render.tables import model_lines
    from minions.weights.resolving import list_models as known_models
    from minions.wiring.lineup import Lineup

    settings = settings_of(flags)
    lineup = Lineup.unchecked(settings)
    planner = lineup.planner_name
    worker = lineup.worker_name
    statuses = known_models(settings.home_folder())
    if not as_json:
        write_lines(model_lines(statuses, planner=planner, worker=worker))
        return
    records: list[dict[str, Any]] = []
    for status in statuses:
        path = None if status.path is None else str(status.path)
        records.append(
            {
                "name": status.entry.name,
                "size_bytes": status.entry.size_bytes,
                "sha256": status.entry.sha256,
                "origin": status.origin,
                "path": path,
            }
        )
    listing = {"planner": planner, "worker": worker, "models": records}
    sys.stdout.write(json.dumps(listing) + "\n")


@common
def pull(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A model that `minions models` lists.")
    ],
    *,
    flags: Flags,
) -> None:
    """Download a model's weights and check their sha256."""
    from minions.cli.opening import settings_of
    from minions.errors import EgressRefusedError
    from minions.weights.resolving import pull as pull_weights

    settings = settings_of(flags)
    if settings.local_only:
        raise EgressRefusedError(
            f"local_only is set, but the weights of {name} must be downloaded",
            hint=f"lift it for this command: MINIONS_LOCAL_ONLY=false minions models pull {name}",
        )
    progress = None
    if not flags.quiet:
        progress = byte_progress(terminal=sys.stderr.isatty())
    path = pull_weights(name, home=settings.home_folder(), progress=progress)
    sys.stdout.write(f"{path}\n")


def byte_progress(*, terminal: bool) -> Callable[[int, int], None]:
    """A callback for downloads, which gets the bytes so far and in all, and shows them on stderr.

    A terminal gets one line that is rewritten, anything else a new line every few seconds.
    """
    every_s = _REDRAW_EVERY_S if terminal else _LINE_EVERY_S
    last_s = time.monotonic() - _LINE_EVERY_S

    def progress(done: int, total: int) -> None:
        nonlocal last_s
        is_complete = done >= total
        if not is_complete and time.monotonic() - last_s < every_s:
            return
        last_s = time.monotonic()
        line = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        if not terminal:
            sys.stderr.write(f"{line}\n")
        else:
            sys.stderr.write(f"\r{line}{_CLEAR_TO_END_OF_LINE}")
            if is_complete:
                sys.stderr.write("\n")
        sys.stderr.flush()

    return progress
