"""``eval``: the quality of answers, by protocol."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from minions.cli.options import Flags, JsonFlag, RetryErrors, asking
from minions.cli.plainhelp import add_command


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, evaluate, "eval")


@asking
def evaluate(  # noqa: PLR0913 - one parameter an option
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET.jsonl", help="Questions with known answers, one JSON object per line."
        ),
    ],
    *,
    documents: Annotated[
        Path,
        typer.Option(
            "--docs", metavar="DIR", help="Documents: a folder, or a .jsonl of names and texts."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Keep answers in this folder; what is answered in it is not asked again.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Ask only the first N questions.")
    ] = None,
    plans: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Use these plans for first rounds, instead of the planner's (JSON lines).",
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Let this model mark free-text answers: PROVIDER:MODEL[@URL], or local.",
        ),
    ] = None,
    retry_errors: RetryErrors = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the report as a web page.")
    ] = None,
    as_json: JsonFlag = False,
    flags: Flags,
) -> None:
    """Ask questions with known answers, and score the replies.

    --protocol takes several: minions,rag:5,rag:20 also compares retrieval of 5 chunks with 20.
    """
    from minions.api import Minions
    from minions.cli.logs import configure_logging
    from minions.cli.printing import write_lines
    from minions.cli.render.evaluation import header, notes, report_lines, rows
    from minions.cli.render.progress import progress_for
    from minions.evals.page import page
    from minions.store.private import write_private

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    settings = dict(flags.settings)
    protocols = str(settings.pop("protocol", "minions")).split(",")
    if html is not None:
        _require_writable(html)
    with (
        Minions(config=flags.config, **settings) as minions,
        progress_for(sys.stderr, quiet=flags.quiet) as progress,
    ):
        report = minions.evaluate(
            dataset,
            documents,
            protocols=protocols,
            output=output,
            limit=limit,
            plans=plans,
            judge=judge,
            retry_errors=retry_errors,
            observe=progress,
        )
    if html is not None:
        content = page(report, rows=rows(report), header=header(report), notes=notes(report))
        write_private(html, content.encode())
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        write_lines(report_lines(report))


def _require_writable(path: Path) -> None:
    """Create the page's file, so that a wrong path is refused before a question is paid for.

    Raises UsageError for a file that holds something else: it would be overwritten.
    """
    from minions.errors import UsageError
    from minions.evals.page import is_page
    from minions.store.private import append_private

    try:
        if path.is_file() and not is_page(path):
            raise UsageError(
                f"--html {path} holds something that is not a report of an evaluation",
                hint="name a new file, or move this one elsewhere",
            )
        append_private(path, b"", is_noted=True)  # noted when the page is written
    except OSError as error:
        raise UsageError(
            f"--html {path}: {error.strerror}", hint="name a file that can be written"
        ) from None
