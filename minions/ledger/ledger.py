"""The ledger: entries appended and summed, never changed."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, localcontext
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from minions.ledger.entries import Entry
from minions.values.answers import RoleUsage, UsageByRole
from minions.values.base import Value

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from minions.store.store import Store

Grouping = Literal["model", "role", "day", "run"]

_COLUMNS: Final = tuple(Entry.model_fields)
# An id that neither an entry nor an attempt under way has or had.
_NEXT: Final = """
    1 + max((SELECT coalesce(max(id), 0) FROM entries),
            coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'attempts'), 0))
"""
_INSERT: Final = f"""
    INSERT INTO entries (id, {", ".join(_COLUMNS)}) VALUES (coalesce(?, {_NEXT}), {", ".join("?" * len(_COLUMNS))})
"""  # noqa: S608
_OPEN: Final = f"INSERT INTO attempts (id, run_id, request, entry) VALUES ({_NEXT}, ?, ?, ?)"  # noqa: S608
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM entries"  # noqa: S608 - the columns are Entry's
_SPENT: Final = (
    "SELECT input_tokens + output_tokens AS tokens, bound_tokens, cost_usd, bound_usd FROM entries "
    "WHERE cloud AND role <> 'judge'"  # who judges answers later does not spend what answering may
)
_SUMS: Final = """
    COUNT(*) AS calls, SUM(input_tokens) AS input_tokens, SUM(cached_input_tokens) AS cached_input_tokens,
    SUM(output_tokens) AS output_tokens, SUM(reasoning_tokens) AS reasoning_tokens, cost_usd
"""
_KEYS: Final[dict[Grouping, str]] = {
    "model": "provider || ':' || model",
    "role": "role",
    "day": "substr(at, 1, 10)",
    "run": "run_id",
}
# An entry's cost has at most 60 digits; 40 more hold the sum of more entries than a disk does.
_EXACT: Final = Context(prec=100, traps=[Inexact])


class SummaryRow(Value):
    """The entries of one model, role, day or run. ``cost_usd`` is None when any of them is unknown."""

    key: str
    calls: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None
    known_cost_usd: Decimal
    unknown_cost_calls: int


class OpenAttempt(NamedTuple):
    """A cloud attempt that left and has no entry yet: under way, or lost with its process.

    ``request`` identifies what was asked, ``entry`` is what is known of it, with the most it can be billed for.
    """

    id: int
    request: str
    entry: Entry


class Ledger:
    """The entries of a store. All methods raise StoreError; times are UTC in ISO 8601, sums exact."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, entry: Entry, *, attempt: int | None = None) -> int:
        """Add an entry; its id. A cloud entry survives a power cut at once, a local one after ``flush``.

        ``attempt`` is the open attempt that ends with it.
        """
        values = [_sql_value(getattr(entry, name)) for name in _COLUMNS]
        if attempt is None:
            return self._store.write(_INSERT, [None, *values], durable=entry.cloud)
        with self._store.transaction(durable=entry.cloud):
            self._store.write("DELETE FROM attempts WHERE id = ?", (attempt,))
            return self._store.write(_INSERT, [attempt, *values])

    def open(self, entry: Entry, request: str) -> int:
        """Record that an attempt is about to leave, so that it is known even if this process ends; the id it will
        have as an entry.
        """
        return self._store.write(_OPEN, (entry.run_id, request, entry.model_dump_json()))

    def open_attempts(self, batch: str | None = None) -> list[OpenAttempt]:
        """Attempts without an entry: of the runs of a batch, or all. Whether they are lost, their owner knows."""
        rows = self._store.read(
            "SELECT id, request, entry FROM attempts "
            "WHERE ?1 IS NULL OR run_id IN (SELECT run_id FROM runs WHERE batch = ?1) ORDER BY id",
            (batch,),
        )
        return [
            OpenAttempt(row["id"], row["request"], Entry.model_validate_json(row["entry"]))
            for row in rows
        ]

    def enter_lost(self, *, before: str) -> int:
        """Enter, as of unknown cost, attempts outside of batches that began before a time and never ended: their
        process did. How many. (Those of a batch are entered when it resumes.)
        """
        rows = self._store.read(
            "SELECT id, entry FROM attempts WHERE run_id NOT IN (SELECT run_id FROM runs WHERE batch IS NOT NULL)"
        )
        lost = [(row["id"], Entry.model_validate_json(row["entry"])) for row in rows]
        lost = [(id_, entry) for id_, entry in lost if entry.at < before]
        for id_, entry in lost:
            self.append(entry, attempt=id_)
        return len(lost)

    def spent(self, batch: str) -> tuple[int, Decimal]:
        """Cloud tokens and dollars of a batch's runs so far, also of deleted ones; at their bounds where unknown."""
        own = (
            "SELECT run_id FROM runs WHERE batch = :name "
            "UNION SELECT run_id FROM forgotten WHERE batch = :name"
        )
        return self._spent(f"run_id IN ({own})", batch)

    def spent_by(self, run_id: str) -> tuple[int, Decimal]:
        """The same of one run."""
        return self._spent("run_id = :name", run_id)

    def _spent(self, whose: str, name: str) -> tuple[int, Decimal]:
        rows = self._store.read(f"{_SPENT} AND {whose}", {"name": name})
        tokens = sum(
            row["tokens"] if row["bound_tokens"] is None else row["bound_tokens"] for row in rows
        )
        costs = (
            row["bound_usd"] if row["bound_usd"] is not None else row["cost_usd"] for row in rows
        )
        return tokens, exact_sum(Decimal(cost) for cost in costs if cost is not None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What the block appends here and to the same store's egress log is there whole or not at all."""
        with self._store.transaction():
            yield

    def flush(self) -> None:
        """Make everything appended so far survive a power cut."""
        self._store.sync()

    def entries(self, run_id: str | None = None, since: str | None = None) -> list[Entry]:
        """Entries in the order of their appending: of a run, since a time, or all."""
        rows = self._store.read(
            f"{_SELECT} WHERE (?1 IS NULL OR run_id = ?1) AND at >= ?2 ORDER BY id",
            (run_id, since or ""),
        )
        return [Entry(**dict(row)) for row in rows]

    def usage(self, run_id: str) -> UsageByRole:
        """What a run used, by role."""
        rows = self._store.read(
            f"SELECT role AS key, {_SUMS} FROM entries WHERE run_id = ? GROUP BY role, cost_usd",  # noqa: S608 - constants
            (run_id,),
        )
        totals = _totals(rows)
        return UsageByRole(planner=totals["planner"].usage(), worker=totals["worker"].usage())

    def summary(self, by: Grouping, since: str | None = None) -> list[SummaryRow]:
        """One row a model, role, day or run, in the order of their names."""
        rows = self._store.read(
            f"SELECT {_KEYS[by]} AS key, {_SUMS} FROM entries WHERE at >= ? GROUP BY 1, cost_usd",  # noqa: S608 - constants
            (since or "",),
        )
        return [total.row(key) for key, total in sorted(_totals(rows).items())]


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of entries' costs, unrounded, so independent of their order."""
    with localcontext(_EXACT):
        return sum(amounts, start=Decimal(0))


@dataclass
class _Total:
    calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    known_cost_usd: Decimal = Decimal(0)
    unknown_cost_calls: int = 0

    def add(self, row: sqlite3.Row) -> None:
        """Add rows of the database that share one cost."""
        self.calls += row["calls"]
        self.input_tokens += row["input_tokens"]
        self.cached_input_tokens += row["cached_input_tokens"]
        self.output_tokens += row["output_tokens"]
        self.reasoning_tokens += row["reasoning_tokens"]
        if row["cost_usd"] is None:
            self.unknown_cost_calls += row["calls"]
            return
        with localcontext(_EXACT):
            self.known_cost_usd += Decimal(row["cost_usd"]) * row["calls"]

    @property
    def cost_usd(self) -> Decimal | None:
        return None if self.unknown_cost_calls else self.known_cost_usd

    def usage(self) -> RoleUsage:
        return RoleUsage(
            calls=self.calls,
            input_tokens=self.input_tokens,
            cached_input_tokens=self.cached_input_tokens,
            output_tokens=self.output_tokens,
            reasoning_tokens=self.reasoning_tokens,
            cost_usd=self.cost_usd,
        )

    def row(self, key: str) -> SummaryRow:
        return SummaryRow(
            key=key,
            known_cost_usd=self.known_cost_usd,
            unknown_cost_calls=self.unknown_cost_calls,
            **self.usage().model_dump(),
        )


def _totals(rows: Iterable[sqlite3.Row]) -> defaultdict[str, _Total]:
    totals: defaultdict[str, _Total] = defaultdict(_Total)
    for row in rows:
        totals[row["key"]].add(row)
    return totals


def _sql_value(value: object) -> object:
    return format(value, "f") if isinstance(value, Decimal) else value
