"""``index`` and ``search``."""

import sys
from typing import Annotated

import typer

from minions.cli.options import FilesFrom, Flags, JsonFlag, Paths, common

_CHUNK_TOKENS = typer.Option(metavar="N", help="Tokens of a chunk at most.")


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(index)
    app.command()(search)


@common
def index(
    paths: Paths = None,
    *,
    files_from: FilesFrom = None,
    chunk_tokens: Annotated[int | None, _CHUNK_TOKENS] = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Read and index what is new or changed. `ask` does so by itself."""
    from minions.api import Minions
    from minions.cli.logs import configure_logging
    from minions.cli.reading import read_paths
    from minions.cli.render.answers import index_lines
    from minions.cli.render.progress import progress_for

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    chosen = read_paths(paths, files_from, example="minions index reports/")
    settings = {
        **flags.settings,
        **({"chunk_tokens": chunk_tokens} if chunk_tokens is not None else {}),
    }
    with (
        Minions(config=flags.config, **settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        report = minions.index(chosen, observe=progress)
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in index_lines(report))


@common
def search(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help='Words, "exact phrases" and prefix* words.')
    ],
    paths: Paths = None,
    *,
    files_from: FilesFrom = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=10**9, metavar="N", help="Hits at most.")
    ] = 10,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Show what the index finds, with scores."""
    from minions.api import Minions
    from minions.cli.logs import configure_logging
    from minions.cli.reading import read_paths
    from minions.cli.render.answers import hit_lines
    from minions.cli.render.progress import progress_for

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    chosen = read_paths(paths, files_from, example="minions search 'net revenue' reports/")
    with (
        Minions(config=flags.config, **flags.settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        hits = minions.search(query, chosen, limit=limit, observe=progress)
    if as_json:
        sys.stdout.writelines(hit.model_dump_json() + "\n" for hit in hits)
    else:
        sys.stdout.writelines(f"{line}\n" for line in hit_lines(hits))
    if not hits and not flags.quiet:
        sys.stderr.write("nothing found: try other words, or a prefix*\n")
