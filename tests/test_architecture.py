"""The rules of the house: who may import whom, and what nobody may do. Each file is parsed once."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
SDKS = {"openai", "ollama", "xllamacpp", "httpx", "httpx2"}
LAZY = SDKS | {"stamina", "genai_prices", "asyncio_throttle", "pypdfium2", "mammoth", "selectolax", "rich", "rapidfuzz"}
LONGEST_FUNCTION = 60
LONGEST_MODULE = 480
LISTS_OF_OPTIONS = ("minions/cli/options.py: _asking", "minions/cli/commands/eval.py: evaluate")


@dataclass(frozen=True)
class Module:
    """A file of the project, parsed."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> set[str]:
        """Top-level packages that are imported, wherever in the file."""
        return _imported(self.nodes)

    @cached_property
    def imports_at_once(self) -> set[str]:
        """Those that are imported when the file is: not inside functions, not for type checking only."""
        return _imported(self.tree.body)


def _imported(nodes: list[ast.AST] | list[ast.stmt]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _read(folder: str) -> list[Module]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths, f"no modules in {folder}"
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


CORE = _read("minions")
STRATEGIES = [*_read("planners"), *_read("workers")]
EVERYTHING = [*CORE, *STRATEGIES]


def test_the_core_knows_no_strategy() -> None:
    """Planners and workers are ports to the core; one wiring module, and no other, builds them."""
    offenders = [
        module.name
        for module in CORE
        if not module.name.startswith("minions/wiring/") and module.imports & {"minions_planners", "minions_workers"}
    ]
    assert offenders == []


def test_strategies_import_only_the_core() -> None:
    """Planners and workers know neither each other nor any SDK."""
    offenders = {}
    for module in STRATEGIES:
        own = module.name.split("/")[1]
        others = module.imports - sys.stdlib_module_names - {"minions", own, "structlog", "pydantic"}
        if others:
            offenders[module.name] = others
    assert offenders == {}


def test_no_import_of_the_package_loads_an_sdk() -> None:
    """SDKs and readers are imported inside the functions that use them."""
    offenders = {module.name: module.imports_at_once & LAZY for module in EVERYTHING}
    assert {name: loaded for name, loaded in offenders.items() if loaded} == {}


def test_sdks_stay_in_their_adapters() -> None:
    """Only models, their test servers and the doctor know SDKs at all."""
    at_home = ("minions/models/", "minions/testing/", "minions/doctor")
    offenders = {module.name: module.imports & SDKS for module in EVERYTHING if not module.name.startswith(at_home)}
    assert {name: known for name, known in offenders.items() if known} == {}


def test_nothing_runs_what_a_model_wrote() -> None:
    """No eval, no exec, no shell: plans are data."""
    offenders = []
    for module in EVERYTHING:
        offenders += [f"{module.name}:{line}" for line in map(_line_that_runs_text, module.nodes) if line]
    assert offenders == []


def _line_that_runs_text(node: ast.AST) -> int | None:
    """The line of a call that runs text as code, or through a shell."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.lineno if node.func.id in {"eval", "exec", "__import__"} else None
    if isinstance(node, ast.keyword) and node.arg == "shell" and isinstance(node.value, ast.Constant):
        return node.lineno if node.value.value else None
    return None


def test_functions_and_modules_stay_readable() -> None:
    """No function above 60 lines but a command's own list of options; no module is long."""
    long_modules = [module.name for module in EVERYTHING if module.text.count("\n") > LONGEST_MODULE]
    assert long_modules == []
    long_functions = []
    for module in EVERYTHING:
        for node in module.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long_functions.append(f"{module.name}: {node.name}")
    assert set(long_functions) <= set(LISTS_OF_OPTIONS)


def test_the_loop_reads_in_one_look() -> None:
    """The protocol is at most 60 lines."""
    assert (ROOT / "minions" / "run" / "loop.py").read_text(encoding="utf-8").count("\n") <= LONGEST_FUNCTION


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
