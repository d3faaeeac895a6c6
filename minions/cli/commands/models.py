"""``models``: the embedded models and their weights."""

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from minions.cli.options import Flags, JsonFlag, common

_LINE_EVERY_S = 5.0
_REDRAW_EVERY_S = 0.2


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    models = typer.Typer(help="List the embedded models, or pull one.", rich_markup_mode=None)
    models.callback(invoke_without_command=True)(_models)
    models.command("list")(list_models)
    models.command()(pull)
    app.add_typer(models, name="models")


def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        _list(Flags({}), as_json=False)


@common
def list_models(*, as_json: JsonFlag = False, flags: Flags) -> None:
    """Show which weights are here, and which models would be used."""
    _list(flags, as_json=as_json)


def _list(flags: Flags, *, as_json: bool) -> None:
    from minions.cli.opening import settings_of
    from minions.cli.render.tables import model_lines
    from minions.weights.resolving import list_models as known_models
    from minions.wiring.lineup import choose_models, recorded

    settings = settings_of(flags)
    planner, worker = map(recorded, choose_models(settings)[:2])
    statuses = known_models(settings.home_folder())
    if as_json:
        models = [
            {
                "name": status.entry.name,
                "size_bytes": status.entry.size_bytes,
                "sha256": status.entry.sha256,
                "origin": status.origin,
                "path": str(status.path) if status.path else None,
            }
            for status in statuses
        ]
        sys.stdout.write(
            json.dumps({"planner": planner, "worker": worker, "models": models}) + "\n"
        )
    else:
        sys.stdout.writelines(
            f"{line}\n" for line in model_lines(statuses, planner=planner, worker=worker)
        )


@common
def pull(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A model that `minions models` lists.")
    ],
    *,
    flags: Flags,
) -> None:
    """Fetch a model's weights, and check their sha256."""
    from minions.cli.opening import settings_of
    from minions.errors import EgressRefusedError
    from minions.weights.resolving import pull as pull_weights

    settings = settings_of(flags)
    if settings.local_only:
        raise EgressRefusedError(
            f"local_only is set, and the weights of {name} come from the network",
            hint="unset it for this command: MINIONS_LOCAL_ONLY=false minions models pull " + name,
        )
    progress = None if flags.quiet else byte_progress(terminal=sys.stderr.isatty())
    path = pull_weights(name, home=settings.home_folder(), progress=progress)
    sys.stdout.write(f"{path}\n")


def byte_progress(*, terminal: bool) -> Callable[[int, int], None]:
    """Says on stderr how much of a file is there: in place on a terminal, elsewhere in a line now and then."""
    last_s = time.monotonic() - _LINE_EVERY_S

    def progress(done: int, total: int) -> None:
        nonlocal last_s
        every_s = _REDRAW_EVERY_S if terminal else _LINE_EVERY_S
        if done < total and time.monotonic() - last_s < every_s:
            return
        last_s = time.monotonic()
        text = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        sys.stderr.write(
            f"\r{text}\x1b[K" + ("\n" if done >= total else "") if terminal else f"{text}\n"
        )
        sys.stderr.flush()

    return progress
