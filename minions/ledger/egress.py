"""The egress log: each request that left for the cloud, its exact bytes, and what they were made of.

What is logged is logged before it is sent, and never changed; a body can be emptied, its size and digest stay.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from pydantic import Field

from minions.ledger.kinds import add_up, in_order
from minions.values.base import Value

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from minions.ledger.entries import Entry
    from minions.store.store import Store

_NO_BODY: Final = b""  # no compressed body is empty
Body = bytes
_COLUMNS: Final = "run_id, entry_id, endpoint, role, round, at, bytes, kinds, sha256, body"


class Departure(Value):
    """One request; ``entry_id`` is the ledger entry of its attempt, ``at`` when it was about to leave (UTC).

    ``kinds`` are its ``bytes`` by what they are (`minions.ledger.kinds`), None where nobody counted; ``sha256`` is of
    the ``body``, which is None where it was not kept, or was deleted.
    """

    run_id: str
    entry_id: int
    endpoint: str
    role: str | None
    round: int | None
    at: str | None
    body: Body | None
    bytes: int
    kinds: dict[str, int] | None
    sha256: str


class EgressSum(Value):
    """Requests added up; ``kinds`` add up to ``bytes``, ``unknown`` among them where nobody counted."""

    requests: int = 0
    bytes: int = 0
    kinds: dict[str, int] = Field(default_factory=dict)


class EndpointSum(EgressSum):
    """The same of one endpoint."""

    endpoint: str


class EgressSummary(EgressSum):
    """What left since a time (None: ever), in all and by endpoint."""

    since: str | None = None
    endpoints: tuple[EndpointSum, ...] = ()


class EgressLog:
    """The requests of a store. All methods raise StoreError. Without ``retain_text``, bodies are not kept."""

    def __init__(self, store: Store, *, retain_text: bool = True) -> None:
        self._store, self._retain_text = store, retain_text

    def append(
        self, entry_id: int, entry: Entry, body: bytes, kinds: Mapping[str, int] | None, *, at: str
    ) -> None:
        """Log a request of the attempt ``entry``; it survives a power cut."""
        values = {
            "run_id": entry.run_id,
            "entry_id": entry_id,
            "endpoint": entry.endpoint,
            "role": entry.role,
            "round": entry.round,
            "at": at,
            "bytes": len(body),
            "kinds": None if kinds is None else json.dumps(kinds),
            "sha256": hashlib.sha256(body).hexdigest(),
            "body": zlib.compress(body) if self._retain_text else _NO_BODY,
        }
        self._store.write(
            f"INSERT INTO egress ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608 - a constant
            tuple(values[name] for name in _COLUMNS.split(", ")),
        )

    def departures(self, run_id: str) -> list[Departure]:
        """What a run sent, in order."""
        rows = self._store.read(
            f"SELECT {_COLUMNS} FROM egress WHERE run_id = ? ORDER BY id",  # noqa: S608 - constants
            (run_id,),
        )
        return [_departure(row) for row in rows]

    def bodies(self, run_id: str) -> list[bytes]:
        """The bytes a run sent, one item a request, in order; of those that were kept."""
        return [
            departure.body for departure in self.departures(run_id) if departure.body is not None
        ]

    def summary(self, since: str | None = None) -> EgressSummary:
        """All runs added up, since a UTC time in ISO 8601."""
        rows = self._store.read(
            "SELECT endpoint, kinds, count(*) AS requests, sum(bytes) AS bytes FROM egress "
            "WHERE coalesce(at, '') >= ? GROUP BY endpoint, kinds ORDER BY endpoint",
            (since or "",),
        )
        by_endpoint = defaultdict[str, list["sqlite3.Row"]](list)
        for row in rows:
            by_endpoint[row["endpoint"]].append(row)
        endpoints = tuple(
            EndpointSum(endpoint=endpoint, **_added_up(own).model_dump())
            for endpoint, own in by_endpoint.items()
        )
        return EgressSummary(since=since, endpoints=endpoints, **_added_up(rows).model_dump())


def total_of(departures: list[Departure]) -> EgressSum:
    """What requests add up to."""
    sums = defaultdict[str, int](int)
    for one in departures:
        add_up(one.kinds, one.bytes, sums)
    return EgressSum(
        requests=len(departures), bytes=sum(one.bytes for one in departures), kinds=in_order(sums)
    )


def _added_up(rows: list[sqlite3.Row]) -> EgressSum:
    """Rows of requests of the same endpoint and the same counts by kind, each of them ``requests`` times."""
    sums = defaultdict[str, int](int)
    for row in rows:
        counted = _kinds(row)
        times = (
            None
            if counted is None
            else {kind: count * row["requests"] for kind, count in counted.items()}
        )
        add_up(times, row["bytes"], sums)
    return EgressSum(
        requests=sum(row["requests"] for row in rows),
        bytes=sum(row["bytes"] for row in rows),
        kinds=in_order(sums),
    )


def _kinds(row: sqlite3.Row) -> dict[str, int] | None:
    return None if row["kinds"] is None else json.loads(row["kinds"])


def _departure(row: sqlite3.Row) -> Departure:
    body = row["body"]
    kept = zlib.decompress(body) if body != _NO_BODY else None
    return Departure(**{**dict(row), "kinds": _kinds(row), "body": kept})
