"""What SECURITY.md and the page of dependencies promise can be looked up: every test exists, every package is named."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_promise_names_a_test_that_exists() -> None:
    """A file or a folder with tests in it, for each row of the tables of promises."""
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[^`]*)`", page)
    rows = [row for row in page.splitlines() if row.startswith("| ") and "`tests/" in row]
    assert len(rows) >= 15
    for path in named:
        found = [ROOT / path] if path.endswith(".py") else list((ROOT / path).glob("test_*.py"))
        assert found, path
        assert all(one.is_file() for one in found), path


def test_every_package_has_its_reason() -> None:
    """What pyproject asks for by name stands on the page, but for parts of weights, which stand there together."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    extras = project["optional-dependencies"]
    asked = [
        *project["dependencies"],
        *(one for name, all_ in extras.items() for one in all_ if "weights" not in name),
    ]
    for requirement in asked:
        name = re.split(r"[\[<>=!~; ]", requirement)[0]
        assert re.search(rf"\b{re.escape(name)}\b", page), name
    assert all(f"| {name}" in page or f" {name} |" in page for name in extras if name != "dev")
