"""``eval``: how good the answers are, by protocol."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from minions.cli.options import Flags, JsonFlag, asking


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command("eval")(evaluate)


@asking
def evaluate(  # noqa: PLR0913 - one parameter an option
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET.jsonl", help="Questions with their answers.")
    ],
    *,
    documents: Annotated[
        Path,
        typer.Option(
            "--docs", metavar="DIR", help="The documents: a folder, or a .jsonl of names and texts."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Keep answers here; resumes where it was."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The first N questions only.")
    ] = None,
    plans: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="First plans by hand, in place of the planner's (JSON lines)."
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="Mark free text by a model: PROVIDER:MODEL[@URL] or local."
        ),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Ask again what ended in an error.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as a page, too.")
    ] = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Ask questions whose answers are known, and score what comes back.

    --protocol takes several: minions,rag:5,rag:20 also compares 5 chunks with 20.
    """
    from minions.api import Minions
    from minions.cli.logs import configure_logging
    from minions.cli.render.evaluation import header, notes, report_lines, rows
    from minions.cli.render.progress import progress_for
    from minions.evals.page import page

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    settings = dict(flags.settings)
    protocols = str(settings.pop("protocol", "minions")).split(",")
    if html is not None:
        _open_page(html)
    with (
        Minions(config=flags.config, **settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        how: dict[str, Any] = {
            "protocols": protocols,
            "output": output,
            "limit": limit,
            "observe": progress,
        }
        how |= {"plans": plans, "judge": judge, "retry_errors": retry_errors}
        report = minions.evaluate(dataset, documents, **how)
    if html is not None:
        html.write_text(
            page(report, rows=rows(report), header=header(report), notes=notes(report)), "utf-8"
        )
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in report_lines(report))


def _open_page(path: Path) -> None:
    """Begin the page: what cannot be written is refused before a question is paid for."""
    from minions.errors import UsageError

    try:
        path.open("a").close()
    except OSError as error:
        raise UsageError(
            f"--html {path}: {error.strerror}", hint="name a file that can be written"
        ) from None
