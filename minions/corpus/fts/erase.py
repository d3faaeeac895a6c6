"""Erasing the index. It is a cache: documents that are asked about later are read again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.corpus.fts.schema import open_database, translated, writing

if TYPE_CHECKING:
    from pathlib import Path

_READER_MS: Final = 500
_EMPTY: Final = (
    "INSERT INTO words (words) VALUES ('delete-all')",
    "DELETE FROM files",
    "DELETE FROM chunks",
    "DELETE FROM documents",
)


class Forgotten(NamedTuple):
    """The number of documents in the index; ``erased`` is true if none of their text is on disk."""

    documents: int
    erased: bool


def forget_documents(path: Path, *, dry_run: bool = False) -> Forgotten:
    """Empty the index at ``path``, and delete the copy of it that was moved aside as damaged.

    ``dry_run`` only counts the documents. A question that is running keeps its snapshot; until it
    ends, ``erased`` is False. Raises StoreError.
    """
    if not path.exists():
        return Forgotten(0, erased=True)
    with translated(path), closing(open_database(path)) as connection:
        documents = int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])
        if dry_run:
            return Forgotten(documents, erased=False)
        connection.execute("PRAGMA secure_delete = ON")
        with writing(connection):
            for statement in _EMPTY:
                connection.execute(statement)
        connection.execute("VACUUM")
        connection.execute(f"PRAGMA busy_timeout = {_READER_MS}")  # a reader may take minutes
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        path.with_name(f"{path.name}.damaged").unlink(missing_ok=True)
    return Forgotten(documents, erased=not busy)
