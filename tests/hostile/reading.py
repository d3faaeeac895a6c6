"""Reads hostile files in a process of its own, within a limit on memory.

``python -m tests.hostile.reading FOLDER PORT``. One JSON object a file on stdout: its number, seconds of processor
time, and either a reason or what its text is like.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final

from minions.corpus.chunking import chunk_document
from minions.corpus.readers import read_document
from minions.errors import UnreadableError
from tests.hostile.corpus import hostile_files

MEMORY_BYTES: Final = 3 * 2**30


def main(folder: Path, port: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for number, (name, content) in enumerate(hostile_files(port)):
        path = folder / name
        path.write_bytes(content)
        started = time.process_time()
        told: dict[str, Any] = {"name": name, "number": number, **_read(path)}
        sys.stdout.write(json.dumps({**told, "seconds": time.process_time() - started}) + "\n")
        sys.stdout.flush()
        path.unlink()


def _read(path: Path) -> dict[str, Any]:
    try:
        document = read_document(path)
    except UnreadableError as error:
        return {"reason": error.reason, "path": error.path}
    chunks = chunk_document(document)
    whole = "".join(chunk.text for chunk in chunks) == document.text
    shown = (document.title, *(heading.text for heading in document.outline))
    odd = [text for text in shown if len(text) > 255 or not all(map(_is_shown, text))]
    return {
        "whole": whole,
        "odd": odd[:3] if document.title != path.name else [],
        "leaks": "root:" in document.text,
    }


def _is_shown(letter: str) -> bool:
    return (
        letter >= " "
        and not "\x7f" <= letter <= "\x9f"
        and letter not in "\u2028\u2029\u202e\u2066"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
