"""The rules of the house: who may import whom, and what nobody may do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "minions").rglob("*.py"))
STRATEGIES = sorted([*(ROOT / "planners").rglob("*.py"), *(ROOT / "workers").rglob("*.py")])
EVERYTHING = [*CORE, *STRATEGIES]
SDKS = {"openai", "ollama", "xllamacpp", "httpx", "httpx2"}
LAZY = SDKS | {"stamina", "genai_prices", "asyncio_throttle", "pypdfium2", "mammoth", "selectolax", "rich", "rapidfuzz"}
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            found |= {alias.name.split(".")[0] for alias in child.names}
        elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
            found.add(child.module.split(".")[0])
    return found


def _at_import_time(path: Path) -> set[str]:
    """Modules imported when the file is: not inside functions, not for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found |= _imports(statement)
    return found


@pytest.mark.parametrize("path", CORE, ids=_name)
def test_the_core_knows_no_strategy(path: Path) -> None:
    """Planners and workers are ports to the core; one wiring module, and no other, builds them."""
    if path.name == "wiring.py":
        return
    imported = _imports(ast.parse(path.read_text(encoding="utf-8")))
    assert not imported & {"minions_planners", "minions_workers"}


@pytest.mark.parametrize("path", STRATEGIES, ids=_name)
def test_strategies_import_only_the_core(path: Path) -> None:
    """Planners and workers know neither each other nor any SDK."""
    imported = _imports(ast.parse(path.read_text(encoding="utf-8")))
    own = path.relative_to(ROOT).parts[1]
    allowed = set(sys.stdlib_module_names) | {"minions", own, "structlog", "pydantic"}
    assert imported <= allowed


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_sdks_stay_in_their_adapters_and_load_when_used(path: Path) -> None:
    """No import of the package loads an SDK."""
    assert not _at_import_time(path) & LAZY
    if _name(path).startswith(("minions/models/", "minions/testing/", "minions/doctor")):
        return
    assert not _imports(ast.parse(path.read_text(encoding="utf-8"))) & SDKS


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_nothing_runs_what_a_model_wrote(path: Path) -> None:
    """No eval, no exec, no shell: plans are data."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}
        if isinstance(node, ast.keyword) and node.arg == "shell":
            assert not (isinstance(node.value, ast.Constant) and node.value.value)


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_functions_and_modules_stay_readable(path: Path) -> None:
    """No function above 60 lines, no module above 400."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_the_loop_reads_in_one_look() -> None:
    """The protocol is at most 60 lines."""
    assert (ROOT / "minions" / "loop.py").read_text(encoding="utf-8").count("\n") <= LONGEST_FUNCTION


def test_no_port_toward_the_cloud_takes_a_document() -> None:
    """Privacy by types: what a planner is given are cards and digests."""
    tree = ast.parse((ROOT / "minions" / "ports.py").read_text(encoding="utf-8"))
    planner = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Planner")
    named = {node.id for node in ast.walk(planner) if isinstance(node, ast.Name)}
    assert named & {"CorpusCard", "Digest"}
    assert not named & {"Document", "Chunk", "Corpus"}


def test_importing_the_package_loads_next_to_nothing() -> None:
    """``import minions`` loads neither an SDK nor pydantic."""
    code = "import sys, minions; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & (LAZY | {"pydantic", "structlog", "typer"})
