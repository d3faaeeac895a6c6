"""``verify``: do the citations of a result still stand?"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minions.cli.options import Flags, JsonFlag, common

if TYPE_CHECKING:
    from minions.values.answers import Answer

FAILED = 5


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command()(verify)


@common
def verify(
    result: Annotated[
        str, typer.Argument(metavar="RESULT.json", help="What `ask --json` printed; - is stdin.")
    ],
    *,
    as_json: JsonFlag = False,
    flags: Flags,
) -> int:
    """Check citations against the files; exit code 5 if one fails."""
    from minions.cli.opening import settings_of
    from minions.cli.render.tables import check_lines
    from minions.verify import verify_answer

    settings_of(flags)
    failed = total = 0
    for answer in read_results(result):
        checks = verify_answer(answer)
        total += len(checks)
        failed += sum(check.status != "ok" for check in checks)
        if as_json:
            record = {
                "run_id": answer.run_id,
                "checks": [check.model_dump(mode="json") for check in checks],
            }
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in check_lines(checks))
    if not flags.quiet:
        sys.stderr.write(f"{total - failed} of {total} citations stand\n")
    return FAILED if failed else 0


def read_results(source: str) -> "list[Answer]":
    """The results in a file, or on stdin for ``-``: one JSON object, or one a line. Raises UsageError.

    A line that holds an error instead of a result has nothing to verify, and is passed by.
    """
    from pydantic import ValidationError

    from minions.errors import UsageError
    from minions.values.answers import Answer

    hint = "minions ask ... --json > RESULT.json"
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except (OSError, ValueError) as error:  # no such file, no text, or no path at all
        raise UsageError(f"{source}: {error}", hint=hint) from None
    try:
        objects = [json.loads(text)]
    except (ValueError, RecursionError):
        try:
            objects = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{source} is not JSON: {error}", hint=hint) from None
    results = [item for item in objects if not (isinstance(item, dict) and "error" in item)]
    try:
        answers = [Answer.model_validate(item) for item in results]
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "it"
        raise UsageError(
            f"{source} is not a result (minions/1): {place} is wrong", hint=hint
        ) from None
    if not answers:
        raise UsageError(f"{source} holds no result", hint=hint)
    return answers
