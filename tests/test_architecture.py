"""The rules of the house: who may import whom, and what nobody may do. Each file is parsed once."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

from minions.settings import Settings

ROOT = Path(__file__).parents[1]
# The layers of the house, from the bottom (docs/adr/0018). A module imports its own folder, the same layer, or a lower
# one: imports for types and imports within functions count like all others.
LAYERS = """
values clock _version
errors ports
text network store stop_signal
redaction ledger weights folder_settings
corpus models settings
privacy
evidence testing verify
execution minions_workers
run minions_planners
wiring
home estimate preview doctor
batch
evals table
report
api
server mcp minions_ray
cli __init__
"""
LAYER_OF = {room: number for number, row in enumerate(LAYERS.split("\n")) for room in row.split()}
IN_THE_ROOT = """
__init__ _version api clock doctor errors estimate folder_settings home ports preview settings stop_signal verify
""".split()  # noqa: SIM905 - a list to review by eye
SETTINGS_READS = 75  # of fields and parts of a Settings, outside settings and cli; it may only fall
SDKS = {"openai", "ollama", "xllamacpp", "httpx", "httpx2"}
LAZY = SDKS | {
    "stamina",
    "genai_prices",
    "asyncio_throttle",
    "pypdfium2",
    "mammoth",
    "selectolax",
    "rich",
    "rapidfuzz",
}
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
ONE_METHOD_A_FEATURE = "minions/api.py"
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

    @cached_property
    def path(self) -> str:
        """Its dotted name, as it is imported."""
        name = self.name.removesuffix(".py").removesuffix("/__init__")
        return name.removeprefix("planners/").removeprefix("workers/").replace("/", ".")

    @cached_property
    def room(self) -> str:
        """The folder or root module that it belongs to."""
        first, *rest = self.path.split(".")
        if first != "minions":
            return first
        return rest[0] if rest else "__init__"

    @cached_property
    def imports_of_ours(self) -> set[str]:
        """Dotted names that are imported, wherever in the file, for types too: modules, or names in them."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        return found


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
    return [
        Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    ]


CORE = _read("minions")
STRATEGIES = [*_read("planners"), *_read("workers")]
EVERYTHING = [*CORE, *STRATEGIES]
BY_PATH = {module.path: module for module in EVERYTHING}

SETTINGS = {
    name
    for name in vars(Settings) | Settings.model_fields
    if not name.startswith(("_", "model_", "settings_"))
} - {"load"}


def _imported_modules(module: Module) -> list[Module]:
    """The modules that a module imports: as such, or for a name in them."""
    found = []
    for name in sorted(module.imports_of_ours):
        path = name if name in BY_PATH else name.rpartition(".")[0]
        if path in BY_PATH and path != module.path:
            found.append(BY_PATH[path])
    return found


def test_imports_go_one_way_up_the_house() -> None:
    """Whoever opens a file knows where what it uses lives: in its own folder, in its layer, or below."""
    assert {module.room for module in EVERYTHING} <= set(LAYER_OF), "a room without a layer"
    upward = []
    for module in EVERYTHING:
        for other in _imported_modules(module):
            # The package itself, `minions`, is a door: its names load lazily.
            if (
                other.room not in {"__init__", module.room}
                and LAYER_OF[other.room] > LAYER_OF[module.room]
            ):
                upward.append(f"{module.name} -> {other.name}")
    assert upward == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Each module can be read before those that use it."""
    graph = {
        module.path: {other.path for other in _imported_modules(module)} for module in EVERYTHING
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_the_root_holds_doors_only() -> None:
    """A new file in the root is a reviewed decision: features live in folders."""
    found = {path.stem for path in (ROOT / "minions").glob("*.py")}
    assert sorted(found) == sorted(IN_THE_ROOT)


def test_few_places_ask_the_settings() -> None:
    """Who answers, and how, is decided once; below the wiring no function takes a Settings."""
    below = {
        room
        for room, layer in LAYER_OF.items()
        if LAYER_OF["settings"] < layer < LAYER_OF["wiring"]
    }
    takers = [
        module.name
        for module in EVERYTHING
        if module.room in below and "minions.settings.Settings" in module.imports_of_ours
    ]
    assert takers == []
    askers = [module for module in CORE if "minions.settings.Settings" in module.imports_of_ours]
    reads = sum(
        _settings_reads(module) for module in askers if module.room not in {"settings", "cli"}
    )
    assert reads <= SETTINGS_READS


def _settings_reads(module: Module) -> int:
    """Attributes of a Settings that a module reads, by the names that one goes by."""
    count = 0
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr in SETTINGS:
            value = node.value
            name = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "")
            count += name in {"settings", "_settings", "chosen", "applied"}
    return count


def test_the_core_knows_no_strategy() -> None:
    """Planners and workers are ports to the core; one wiring module, and no other, builds them."""
    offenders = [
        module.name
        for module in CORE
        if not module.name.startswith("minions/wiring/")
        and module.imports & {"minions_planners", "minions_workers"}
    ]
    assert offenders == []


def test_strategies_import_only_the_core() -> None:
    """Planners and workers know neither each other nor any SDK."""
    offenders = {}
    for module in STRATEGIES:
        own = module.name.split("/")[1]
        others = (
            module.imports - sys.stdlib_module_names - {"minions", own, "structlog", "pydantic"}
        )
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
    offenders = {
        module.name: module.imports & SDKS
        for module in EVERYTHING
        if not module.name.startswith(at_home)
    }
    assert {name: known for name, known in offenders.items() if known} == {}


def test_nothing_runs_what_a_model_wrote() -> None:
    """No eval, no exec, no shell: plans are data."""
    offenders = []
    for module in EVERYTHING:
        offenders += [
            f"{module.name}:{line}" for line in map(_line_that_runs_text, module.nodes) if line
        ]
    assert offenders == []


def _line_that_runs_text(node: ast.AST) -> int | None:
    """The line of a call that runs text as code, or through a shell."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.lineno if node.func.id in {"eval", "exec", "__import__"} else None
    if (
        isinstance(node, ast.keyword)
        and node.arg == "shell"
        and isinstance(node.value, ast.Constant)
    ):
        return node.lineno if node.value.value else None
    return None


def test_functions_and_modules_stay_readable() -> None:
    """No function above 60 lines but a command's own list of options; no module above 400 but the list of features."""
    long_modules = {
        module.name for module in EVERYTHING if module.text.count("\n") > LONGEST_MODULE
    }
    assert long_modules <= {ONE_METHOD_A_FEATURE}
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
    assert (ROOT / "minions" / "run" / "loop.py").read_text(encoding="utf-8").count(
        "\n"
    ) <= LONGEST_FUNCTION


def test_no_port_toward_the_cloud_takes_a_document() -> None:
    """Privacy by types: what a planner is given are cards and digests."""
    tree = ast.parse((ROOT / "minions" / "ports.py").read_text(encoding="utf-8"))
    planner = next(
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Planner"
    )
    named = {node.id for node in ast.walk(planner) if isinstance(node, ast.Name)}
    assert named & {"CorpusCard", "Digest"}
    assert not named & {"Document", "Chunk", "Corpus"}


def test_importing_the_package_loads_next_to_nothing() -> None:
    """``import minions`` loads neither an SDK nor pydantic."""
    code = "import sys, minions; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & (LAZY | {"pydantic", "structlog", "typer"})
