"""``index`` and ``search``."""

import sys
from typing import Annotated

import typer

from minions.cli.options import FilesFrom, Flags, JsonFlag, Paths, common
from minions.cli.plainhelp import add_command
from minions.cli.printing import write_lines


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, index)
    add_command(app, search)


@common
def index(
    paths: Paths = None,
    *,
    files_from: FilesFrom = None,
    chunk_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Split documents into chunks of at most N tokens."),
    ] = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Read and index new and changed files. `ask` does this by itself."""
    from minions.api import Minions
    from minions.cli.logs import configure_logging
    from minions.cli.reading import read_paths
    from minions.cli.render.answers import index_lines
    from minions.cli.render.progress import progress_for

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    chosen = read_paths(paths, files_from, example="minions index reports/")
    settings = dict(flags.settings)
    if chunk_tokens is not None:
        settings["chunk_tokens"] = chunk_tokens
    with (
        Minions(config=flags.config, **settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        report = minions.index(chosen, observe=progress)
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        write_lines(index_lines(report))


@common
def search(
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help='Words, "exact phrases", and beginnings of words: light*.'
        ),
    ],
    paths: Paths = None,
    *,
    files_from: FilesFrom = None,
    limit: Annotated[
        int,
        typer.Option("-n", "--limit", min=1, max=10**9, metavar="N", help="Show at most N chunks."),
    ] = 10,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Search the documents and show matching chunks with scores."""
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
        for hit in hits:
            sys.stdout.write(hit.model_dump_json() + "\n")
    else:
        write_lines(hit_lines(hits))
    if not hits and not flags.quiet:
        sys.stderr.write("nothing found: try other words, or the beginning of a word: light*\n")
