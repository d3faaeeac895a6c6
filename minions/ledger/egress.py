"""The egress log: the exact bytes of each request that left for the cloud."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from minions.store.store import Store


class Departure(NamedTuple):
    """One request body, whole, and where it went; ``entry_id`` is the ledger entry of the attempt."""

    entry_id: int
    endpoint: str
    body: bytes


class EgressLog:
    """The request bodies of a store. All methods raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, run_id: str, entry_id: int, endpoint: str, body: bytes) -> None:
        """Keep one request body; it survives a power cut."""
        self._store.write(
            "INSERT INTO egress (run_id, entry_id, endpoint, body) VALUES (?, ?, ?, ?)",
            (run_id, entry_id, endpoint, zlib.compress(body)),
        )

    def departures(self, run_id: str) -> list[Departure]:
        """What a run sent, in order."""
        rows = self._store.read("SELECT entry_id, endpoint, body FROM egress WHERE run_id = ? ORDER BY id", (run_id,))
        return [Departure(row["entry_id"], row["endpoint"], zlib.decompress(row["body"])) for row in rows]

    def bodies(self, run_id: str) -> list[bytes]:
        """The bytes a run sent, one item a request, in order."""
        return [departure.body for departure in self.departures(run_id)]
