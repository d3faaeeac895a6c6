"""``eval``: how good the answers are, by protocol."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from minions.cli.options import Flags, JsonFlag, asking

_COMPARED = ("minions", "minion", "local", "rag", "remote")


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command("eval")(evaluate)


@asking
def evaluate(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET.jsonl", help="Questions with their answers.")],
    *,
    documents: Annotated[
        Path, typer.Option("--docs", metavar="DIR", help="The documents: a folder, or a .jsonl of names and texts.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Keep answers here; resumes where it was.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="The first N questions only.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as a page, too.")] = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Ask questions whose answers are known, and score what comes back. --protocol takes several: minions,rag."""
    from minions.api import Minions
    from minions.cli.evaltable import HEADER, report_lines, rows
    from minions.cli.logs import configure_logging
    from minions.cli.progress import progress_for
    from minions.evals.page import page

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    settings = dict(flags.settings)
    protocols = _protocols(str(settings.pop("protocol", "minions")))
    if html is not None:
        _open_page(html)
    with (
        Minions(config=flags.config, **settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        how: dict[str, Any] = {"protocols": protocols, "output": output, "limit": limit, "observe": progress}
        report = minions.evaluate(dataset, documents, **how)
    if html is not None:
        html.write_text(page(report, rows=rows(report), header=HEADER), "utf-8")
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in report_lines(report))


def _protocols(named: str) -> list[str]:
    from minions.errors import UsageError

    chosen = list(dict.fromkeys(name.strip() for name in named.split(",") if name.strip()))
    unknown = [name for name in chosen if name not in _COMPARED]
    if unknown or not chosen:
        raise UsageError(
            f"--protocol {named}: {', '.join(unknown) or 'nothing'} is no protocol",
            hint=f"choose of {','.join(_COMPARED)}",
        )
    return chosen


def _open_page(path: Path) -> None:
    """Begin the page: what cannot be written is refused before a question is paid for."""
    from minions.errors import UsageError

    try:
        path.open("a").close()
    except OSError as error:
        raise UsageError(f"--html {path}: {error.strerror}", hint="name a file that can be written") from None
