"""The ledger: entries are appended and added up, never changed."""

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
# An id that no entry and no open attempt has or had.
_NEXT: Final = """
    1 + max((SELECT coalesce(max(id), 0) FROM entries),
            coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'attempts'), 0))
"""
_INSERT: Final = f"""
    INSERT INTO entries (id, {", ".join(_COLUMNS)})
    VALUES (coalesce(?, {_NEXT}), {", ".join("?" * len(_COLUMNS))})
"""  # noqa: S608
_OPEN: Final = f"""
    INSERT INTO attempts (id, run_id, request, entry) VALUES ({_NEXT}, ?, ?, ?)
"""  # noqa: S608
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM entries"  # noqa: S608
# The judge of an evaluation is not limited by the budget for answering.
_SPENT: Final = (
    "SELECT input_tokens, output_tokens, bound_tokens, cost_usd, bound_usd FROM entries "
    "WHERE cloud AND role <> 'judge'"
)
_TOKENS: Final = (
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
)
# A sum of SQLite overflows at 2**63. Halves of 32 bits can be added up for 2**31 entries.
_HALF: Final = 2**32
_SUMS: Final = "COUNT(*) AS calls, cost_usd, " + ", ".join(
    f"SUM({name} / {_HALF}) AS high_{name}, SUM({name} % {_HALF}) AS low_{name}" for name in _TOKENS
)
_KEYS: Final[dict[Grouping, str]] = {
    "model": "provider || ':' || model",
    "role": "role",
    "day": "substr(at, 1, 10)",
    "run": "run_id",
}
# An entry's cost has at most 60 digits. 40 more are enough for all entries that a disk can hold.
_EXACT: Final = Context(prec=100, traps=[Inexact])


class SummaryRow(Value):
    """The sum of the entries of one model, role, day or run."""

    key: str
    """The model's reference, the role, the day in ISO 8601, or the run's id."""
    calls: int
    """Physical attempts."""
    input_tokens: int
    cached_input_tokens: int
    """The part of ``input_tokens`` that came from a prompt cache."""
    output_tokens: int
    reasoning_tokens: int
    """The part of ``output_tokens`` that was hidden reasoning."""
    cost_usd: Decimal | None
    """The cost of all calls; None if the cost of any is unknown."""
    known_cost_usd: Decimal
    """The cost of the calls whose cost is known."""
    unknown_cost_calls: int
    """Calls whose cost is unknown."""


class OpenAttempt(NamedTuple):
    """A cloud attempt without an entry: it is in flight, or was lost with its process."""

    id: int
    request: str
    """The key of the request (`minions.ledger.meter.request_key`)."""
    entry: Entry
    """The entry as far as it is known, with the most that can have been billed."""


class Ledger:
    """The entries of a store. All methods raise StoreError.

    Times are in UTC, in ISO 8601. Sums are exact.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, entry: Entry, *, attempt: int | None = None) -> int:
        """Append an entry and return its id.

        ``attempt`` is the id of the open attempt that the entry closes. A cloud entry survives a
        power cut at once, a local one after ``flush``.
        """
        values: list[object] = []
        for name in _COLUMNS:
            value = getattr(entry, name)
            if isinstance(value, Decimal):
                value = format(value, "f")
            values.append(value)
        if attempt is None:
            return self._store.write(_INSERT, [None, *values], durable=entry.cloud)
        with self._store.transaction(durable=entry.cloud):
            self._store.write("DELETE FROM attempts WHERE id = ?", (attempt,))
            return self._store.write(_INSERT, [attempt, *values])

    def open(self, entry: Entry, request: str) -> int:
        """Record that an attempt is about to begin, and return the id that its entry will have.

        So the attempt is known even if this process ends before its reply.
        """
        return self._store.write(_OPEN, (entry.run_id, request, entry.model_dump_json()))

    def open_attempts(self, batch: str | None = None) -> list[OpenAttempt]:
        """Return the attempts without an entry, of the runs of a batch or of all runs.

        An attempt is lost only if its process has ended, which the caller has to know.
        """
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
        """Enter the attempts that began before a time and never ended, and return their number.

        Their cost is unknown. Attempts of a batch are left: they are entered when it resumes.
        """
        rows = self._store.read(
            "SELECT id, entry FROM attempts "
            "WHERE run_id NOT IN (SELECT run_id FROM runs WHERE batch IS NOT NULL)"
        )
        lost: list[tuple[int, Entry]] = []
        for row in rows:
            entry = Entry.model_validate_json(row["entry"])
            if entry.at < before:
                lost.append((row["id"], entry))
        for attempt, entry in lost:
            self.append(entry, attempt=attempt)
        return len(lost)

    def spent(self, batch: str) -> tuple[int, Decimal]:
        """Return the cloud tokens and dollars that a batch has spent, deleted runs included.

        Attempts of unknown cost count at their bounds.
        """
        own = (
            "SELECT run_id FROM runs WHERE batch = :name "
            "UNION SELECT run_id FROM forgotten WHERE batch = :name"
        )
        return self._spent(f"run_id IN ({own})", batch)

    def spent_by(self, run_id: str) -> tuple[int, Decimal]:
        """Return the cloud tokens and dollars that one run has spent, as ``spent`` counts them."""
        return self._spent("run_id = :name", run_id)

    def _spent(self, whose: str, name: str) -> tuple[int, Decimal]:
        rows = self._store.read(f"{_SPENT} AND {whose}", {"name": name})
        tokens = 0
        costs: list[Decimal] = []
        for row in rows:
            bound_tokens = row["bound_tokens"]
            if bound_tokens is None:
                # Not added up in SQLite, where a sum above 2**63 loses digits.
                bound_tokens = row["input_tokens"] + row["output_tokens"]
            tokens += bound_tokens
            cost = row["cost_usd"] if row["bound_usd"] is None else row["bound_usd"]
            if cost is not None:
                costs.append(Decimal(cost))
        return tokens, exact_sum(costs)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Append everything in a block, to the egress log of the same store too, or nothing."""
        with self._store.transaction():
            yield

    def flush(self) -> None:
        """Make everything appended so far survive a power cut."""
        self._store.sync()

    def entries(self, run_id: str | None = None, since: str | None = None) -> list[Entry]:
        """Return the entries of a run or of all, since a time if one is given, in order."""
        rows = self._store.read(
            f"{_SELECT} WHERE (?1 IS NULL OR run_id = ?1) AND at >= ?2 ORDER BY id",
            (run_id, since or ""),
        )
        return [Entry(**dict(row)) for row in rows]

    def usage(self, run_id: str) -> UsageByRole:
        """Add up the usage of a run by role."""
        rows = self._store.read(
            f"SELECT role AS key, {_SUMS} FROM entries "  # noqa: S608 - constants
            "WHERE run_id = ? GROUP BY role, cost_usd",
            (run_id,),
        )
        totals = _totals(rows)
        return UsageByRole(planner=totals["planner"].usage(), worker=totals["worker"].usage())

    def summary(self, by: Grouping, since: str | None = None) -> list[SummaryRow]:
        """Return one row for each model, role, day or run, sorted by key."""
        rows = self._store.read(
            f"SELECT {_KEYS[by]} AS key, {_SUMS} FROM entries "  # noqa: S608 - constants
            "WHERE at >= ? GROUP BY 1, cost_usd",
            (since or "",),
        )
        return [total.row(key) for key, total in sorted(_totals(rows).items())]


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Add up costs of entries without rounding, so that their order does not matter."""
    with localcontext(_EXACT):
        return sum(amounts, start=Decimal(0))


@dataclass
class _Total:
    """A sum of entries in the making."""

    calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    known_cost_usd: Decimal = Decimal(0)
    unknown_cost_calls: int = 0

    def add(self, row: sqlite3.Row) -> None:
        """Add a row of ``_SUMS``: entries that share one cost."""
        self.calls += row["calls"]
        self.input_tokens += _whole(row, "input_tokens")
        self.cached_input_tokens += _whole(row, "cached_input_tokens")
        self.output_tokens += _whole(row, "output_tokens")
        self.reasoning_tokens += _whole(row, "reasoning_tokens")
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


def _whole(row: sqlite3.Row, name: str) -> int:
    """Put a sum of ``_SUMS`` together from its halves."""
    high: int = row[f"high_{name}"]
    low: int = row[f"low_{name}"]
    return high * _HALF + low


def _totals(rows: Iterable[sqlite3.Row]) -> defaultdict[str, _Total]:
    totals: defaultdict[str, _Total] = defaultdict(_Total)
    for row in rows:
        totals[row["key"]].add(row)
    return totals
