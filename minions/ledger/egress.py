"""The egress log: the exact bytes of every request to the cloud, and their kinds.

A request is logged before it is sent, and its row never changes. Only its body can be deleted; size
and digest stay.
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

_NO_BODY: Final = b""  # a compressed body is never empty
Body = bytes
_COLUMNS: Final = "run_id, entry_id, endpoint, role, round, at, bytes, kinds, sha256, body"


class Departure(Value):
    """One request in the egress log."""

    run_id: str
    entry_id: int
    """The id of the attempt's entry in the ledger."""
    endpoint: str
    role: str | None
    round: int | None
    """The number of the round, from 1."""
    at: str | None
    """The time right before the request was sent, in UTC, in ISO 8601."""
    body: Body | None
    """The exact bytes; None if they were not kept, or were deleted."""
    bytes: int
    """The length of the body."""
    kinds: dict[str, int] | None
    """The bytes of each kind (`minions.ledger.kinds`); None if they were not counted."""
    sha256: str
    """The digest of the body, in hexadecimal."""


class EgressSum(Value):
    """The sum of several requests."""

    requests: int = 0
    bytes: int = 0
    kinds: dict[str, int] = Field(default_factory=dict)
    """Bytes of each kind, which add up to ``bytes``; uncounted bytes are of kind ``unknown``."""


class EndpointSum(EgressSum):
    """The sum of the requests to one endpoint."""

    endpoint: str


class EgressSummary(EgressSum):
    """The sum of all requests since a given time, and the sums of each endpoint."""

    since: str | None = None
    """The time in UTC, in ISO 8601; None for all requests ever."""
    endpoints: tuple[EndpointSum, ...] = ()


class EgressLog:
    """The egress log of a store. All methods raise StoreError.

    Without ``retain_text``, bodies are not kept.
    """

    def __init__(self, store: Store, *, retain_text: bool = True) -> None:
        self._store = store
        self._retain_text = retain_text

    def append(
        self, entry_id: int, entry: Entry, body: bytes, kinds: Mapping[str, int] | None, *, at: str
    ) -> None:
        """Log a request of the attempt ``entry``; the row survives a power cut."""
        kinds_json = None if kinds is None else json.dumps(kinds)
        kept_body = zlib.compress(body) if self._retain_text else _NO_BODY
        values = {
            "run_id": entry.run_id,
            "entry_id": entry_id,
            "endpoint": entry.endpoint,
            "role": entry.role,
            "round": entry.round,
            "at": at,
            "bytes": len(body),
            "kinds": kinds_json,
            "sha256": hashlib.sha256(body).hexdigest(),
            "body": kept_body,
        }
        marks = ", ".join("?" * len(values))
        self._store.write(
            f"INSERT INTO egress ({_COLUMNS}) VALUES ({marks})",  # noqa: S608 - constants
            tuple(values[name] for name in _COLUMNS.split(", ")),
        )

    def departures(self, run_id: str) -> list[Departure]:
        """Return the requests of a run, in order."""
        rows = self._store.read(
            f"SELECT {_COLUMNS} FROM egress WHERE run_id = ? ORDER BY id",  # noqa: S608 - constants
            (run_id,),
        )
        found: list[Departure] = []
        for row in rows:
            body = row["body"]
            kept = None if body == _NO_BODY else zlib.decompress(body)
            found.append(Departure(**{**dict(row), "kinds": _kinds(row), "body": kept}))
        return found

    def bodies(self, run_id: str) -> list[bytes]:
        """Return the request bodies of a run that were kept, in order."""
        departures = self.departures(run_id)
        return [departure.body for departure in departures if departure.body is not None]

    def summary(self, since: str | None = None) -> EgressSummary:
        """Add up the requests of all runs since a time in UTC, in ISO 8601."""
        rows = self._store.read(
            "SELECT endpoint, kinds, count(*) AS requests, sum(bytes) AS bytes FROM egress "
            "WHERE coalesce(at, '') >= ? GROUP BY endpoint, kinds ORDER BY endpoint",
            (since or "",),
        )
        by_endpoint = defaultdict[str, list["sqlite3.Row"]](list)
        for row in rows:
            by_endpoint[row["endpoint"]].append(row)
        endpoints: list[EndpointSum] = []
        for endpoint, own in by_endpoint.items():
            endpoints.append(EndpointSum(endpoint=endpoint, **_sum_of(own).model_dump()))
        total = _sum_of(rows)
        return EgressSummary(since=since, endpoints=tuple(endpoints), **total.model_dump())


def total_of(departures: list[Departure]) -> EgressSum:
    """Add up requests."""
    size = 0
    kinds = defaultdict[str, int](int)
    for departure in departures:
        size += departure.bytes
        add_up(departure.kinds, departure.bytes, kinds)
    return EgressSum(requests=len(departures), bytes=size, kinds=in_order(kinds))


def _sum_of(rows: list[sqlite3.Row]) -> EgressSum:
    """Add up rows, each for ``requests`` requests of the same kinds and of ``bytes`` in all."""
    requests = 0
    size = 0
    kinds = defaultdict[str, int](int)
    for row in rows:
        requests += row["requests"]
        size += row["bytes"]
        counted = _kinds(row)
        if counted is not None:
            counted = {kind: count * row["requests"] for kind, count in counted.items()}
        add_up(counted, row["bytes"], kinds)
    return EgressSum(requests=requests, bytes=size, kinds=in_order(kinds))


def _kinds(row: sqlite3.Row) -> dict[str, int] | None:
    return None if row["kinds"] is None else json.loads(row["kinds"])
