"""A corpus of hostile files, made by code: every format that a reader takes, and what an attacker puts into it."""

from __future__ import annotations

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


def write_corpus(folder: Path, port: int, *, at_most: int | None = None) -> list[Path]:
    """Write the files into ``folder``; ``at_most``: only those of up to so many bytes, and those that only say
    something. Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in hostile_files(port):
        if at_most is None or len(content) <= at_most or name.startswith("said-"):
            path = folder / name
            path.write_bytes(content)
            written.append(path)
    return written
