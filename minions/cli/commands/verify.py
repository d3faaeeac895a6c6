"""``verify``: checks a result's citations against the documents."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minions.cli.options import Flags, JsonFlag, common
from minions.cli.plainhelp import add_command
from minions.cli.printing import write_json, write_lines
from minions.cli.reading import read_text

if TYPE_CHECKING:
    from minions.values.answers import Answer

FAILED = 5
_EXAMPLE = "write a result to a file first: minions ask ... --json > RESULT.json"


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this file."""
    add_command(app, verify)


@common
def verify(
    result: Annotated[
        str,
        typer.Argument(
            metavar="RESULT.json", help="A file with the output of `ask --json`; - is stdin."
        ),
    ],
    *,
    as_json: JsonFlag = False,
    flags: Flags,
) -> int:
    """Check that citations are still in the documents.

    Exit code 5 if one is not. Whether a citation supports the answer is not checked.
    """
    from minions.cli.opening import settings_of
    from minions.cli.render.answers import counted
    from minions.cli.render.tables import check_lines
    from minions.verify import verify_answer

    settings_of(flags)
    total = 0
    good = 0
    for answer in read_results(result):
        checks = verify_answer(answer)
        total += len(checks)
        for check in checks:
            good += check.status == "ok"
        if as_json:
            records = [check.model_dump(mode="json") for check in checks]
            write_json({"run_id": answer.run_id, "checks": records})
        else:
            write_lines(check_lines(checks))
    if not flags.quiet:
        found = f"{good} of {counted(total, 'citation')} found in the documents as cited"
        sys.stderr.write(f"{found} (not checked: whether they support the answer)\n")
    return 0 if good == total else FAILED


def read_results(source: str) -> "list[Answer]":
    """The results in a file, or on stdin for ``-``: one JSON object, or one per line.

    A line with an error instead of a result has nothing to verify, and is skipped. Raises
    UsageError.
    """
    from pydantic import ValidationError

    from minions.errors import UsageError
    from minions.values.answers import Answer

    answers: list[Answer] = []
    text = read_text(source, label=f"cannot read {source}", hint=_EXAMPLE)
    for item in _parse_objects(source, text):
        if isinstance(item, dict) and "error" in item:
            continue
        try:
            answers.append(Answer.model_validate(item))
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"]))
            reason = f"its field {place} is wrong" if place else "it is not a JSON object"
            raise UsageError(
                f"{source} is not a result of minions (minions/1): {reason}", hint=_EXAMPLE
            ) from None
    if not answers:
        raise UsageError(f"{source} holds no result", hint=_EXAMPLE)
    return answers


def _parse_objects(source: str, text: str) -> list[Any]:
    """One JSON value, or one per line; blank lines are skipped. Raises UsageError."""
    from minions.errors import UsageError

    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass  # perhaps a value on each line
    objects: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            objects.append(json.loads(line))
        except (ValueError, RecursionError):
            raise UsageError(f"{source} is not JSON: see line {number}", hint=_EXAMPLE) from None
    return objects
