"""docs/cli.md shows the help of every command as it is, and names every field of an answer.

After a change of options, write it anew: ``WRITE_DOCS=1 pytest tests/unit/cli/test_reference.py``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minions.values.answers import (
    Answer,
    Baseline,
    Calculation,
    Coverage,
    Egress,
    RoleUsage,
    Withheld,
)
from minions.values.findings import Citation

if TYPE_CHECKING:
    from pydantic import BaseModel

REFERENCE = Path(__file__).parents[3] / "docs" / "cli.md"
COMMANDS = (
    "",
    "ask",
    "batch",
    "eval",
    "cache",
    "estimate",
    "index",
    "search",
    "runs",
    "runs delete",
    "purge",
    "show",
    "ledger",
    "egress",
    "verify",
    "doctor",
    "models",
    "models list",
    "models pull",
    "trust",
)


def block(command: str) -> re.Pattern[str]:
    """The fenced help of a command in the reference."""
    return re.compile(
        rf"(### `minions{' ' * bool(command)}{command}`\n\n```text\n)(.*?)(```\n)", re.DOTALL
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_shows_the_help_as_it_is(minions: Any, command: str) -> None:
    """The page shows each command's own help."""
    shown = minions(*command.split(), "--help")
    assert shown.code == 0
    page = REFERENCE.read_text("utf-8")
    if os.environ.get("WRITE_DOCS"):
        page, count = block(command).subn(lambda found: found[1] + shown.out + found[3], page)
        assert count == 1, f"{REFERENCE} has no section for `minions {command}`"
        REFERENCE.write_text(page, "utf-8")
    written = block(command).search(page)
    assert written is not None
    assert written[2] == shown.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_no_notation_of_its_own(minions: Any, command: str) -> None:
    """Neither types (``<str>``) nor ranges (``1<=x<=9``) nor braces around what is required."""
    shown = minions(*command.split(), "--help").out
    assert re.findall(r"<|>|\{[A-Z]", shown) == []


def test_every_command_has_its_section(minions: Any) -> None:
    """No command is missing from the page, and none is on it that does not exist."""
    listed = re.findall(
        r"^  (\w+)  ", minions("--help").out.partition("Commands:")[2], re.MULTILINE
    )
    assert set(listed) == {command.split()[0] for command in COMMANDS if command}
    sections = re.findall(r"^### `minions ?(.*)`$", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(COMMANDS)


def test_help_loads_nothing_heavy() -> None:
    """--help and --version answer at once: no pydantic, no rich, no SDK, no asyncio is imported for them."""
    heavy = {"pydantic", "rich", "openai", "ollama", "httpx", "structlog", "asyncio", "sqlite3"}
    code = (
        "import sys; from minions.cli.main import execute; execute(['--help']); execute(['--version']); "
        f"sys.exit(' '.join({heavy!r} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert (ended.returncode, ended.stderr) == (1, "\n")


@pytest.mark.parametrize(
    "shape", [Answer, Coverage, RoleUsage, Calculation, Citation, Baseline, Egress, Withheld]
)
def test_every_field_of_an_answer_is_told(shape: type[BaseModel]) -> None:
    """Other programs read the object, so the page names all its fields; exceptions are listed here."""
    page = REFERENCE.read_text("utf-8")
    names = {field.alias or name for name, field in shape.model_fields.items()} - {"estimated"}
    assert {name for name in names if f"`{name}`" not in page} == set()
