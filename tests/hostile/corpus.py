"""A corpus of hostile files, made by code: every format that a reader takes, and what an attacker puts into it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.hostile import letters, pages, plain, zipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def hostile_files(port: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents, always the same. ``port``: where on this machine a server listens that must not be asked."""
    yield from plain.files()
    yield from zipped.files(port)
    yield from pages.files(port)
    yield from letters.files()


@cache
def _small_files(port: int, at_most: int) -> list[tuple[str, bytes]]:
    """Those of up to so many bytes, and those that only say something. To make them all takes seconds."""
    files = hostile_files(port)
    return [
        (name, content)
        for name, content in files
        if len(content) <= at_most or name.startswith("said-")
    ]


def write_corpus(folder: Path, port: int, *, at_most: int) -> list[Path]:
    """Write the files of up to so many bytes into ``folder``, and those that only say something. Their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in _small_files(port, at_most):
        path = folder / name
        path.write_bytes(content)
        written.append(path)
    return written
