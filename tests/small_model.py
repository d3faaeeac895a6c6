"""A small registry: one model of three parts, carried by packages that must never be imported."""

from __future__ import annotations

import hashlib
import importlib
from typing import TYPE_CHECKING

import pytest

from minions.weights import catalogue
from minions.weights.catalogue import Carrier, ModelEntry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = (b"GGUF" + b"a" * 5000, b"b" * 7000, b"c" * 11)


@pytest.fixture
def content() -> bytes:
    """The whole file."""
    return b"".join(PARTS)


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch, content: bytes) -> ModelEntry:
    """The only model of the registry."""
    known = ModelEntry(
        name="tiny-model",
        repository="Maker/Tiny-GGUF",
        revision="abc123",
        file="tiny.gguf",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        carriers=tuple(
            Carrier(f"tiny-part{n}", "1.0", f"tiny_part{n}/data/part{n:02d}.bin") for n in (1, 2, 3)
        ),
    )
    monkeypatch.setattr(catalogue, "MODELS", (known,))
    return known


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home."""
    return tmp_path / "home"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install carrier packages with these parts; importing one of them fails the test."""

    def installed(*parts: bytes) -> Path:
        site = tmp_path / "site"
        for number, part in enumerate(parts, 1):
            data = site / f"tiny_part{number}" / "data"
            data.mkdir(parents=True)
            (data.parent / "__init__.py").write_text(
                "raise AssertionError('a carrier package was imported')"
            )
            (data / f"part{number:02d}.bin").write_bytes(part)
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        return site

    return installed
