"""Which chunks match a query, and how well: BM25, kept to some documents and to a bounded amount of work."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.corpus.search import any_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from minions.corpus.search import Terms
    from minions.corpus.stored import Query

HEADS_WEIGHT: Final = 2.0  # of title and headings against the text; docs/experiments.md
# In an index of up to so many chunks all that match are scored. Scoring one takes 4 us, finding it a twentieth.
EXACT_ROWS: Final = 20_000
# In a larger one so many are scored for a query.
SCORED_ROWS: Final = 5000
# A word in more chunks than this says little, and even counting them takes long: it is used for lack of rarer ones.
COMMON_ROWS: Final = 20_000
_COUNTS_KEPT: Final = 10_000
_RANGES_IN_SQL: Final = 4


class Scope(NamedTuple):
    """Rows of chunks, as ranges (first and last) that neither touch nor overlap, in order."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> Scope:
        """The scope of spans (first row, number of rows), which do not overlap."""
        joined: list[tuple[int, int]] = []
        for first, count in sorted(spans):
            if joined and first == joined[-1][1] + 1:
                joined[-1] = joined[-1][0], first + count - 1
            elif count:
                joined.append((first, first + count - 1))
        return cls(tuple(joined))

    @property
    def rows(self) -> int:
        """How many rows are in scope."""
        return sum(last - first + 1 for first, last in self.ranges)


class Matcher:
    """Matches within one snapshot. Not for several threads at once: `LocalCorpus` holds its lock around it."""

    def __init__(self, snapshot: sqlite3.Connection, query: Query, *, chunks: int) -> None:
        """``chunks``: how many the snapshot holds, other runs' too."""
        self._query, self._chunks = query, chunks
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._bits, self._first_bit = bytearray(), 0
        self._bits_of: Scope | None = None
        snapshot.create_function("in_scope", 1, self._in_scope, deterministic=True)

    def best(self, terms: Terms, scope: Scope | None, limit: int) -> list[tuple[int, float]]:
        """Rows of chunks and their scores, best first, within the scope (None: all)."""
        expression = self._affordable(terms, self._chunks if scope is None else scope.rows)
        if not expression or limit < 1 or (scope is not None and not scope.ranges):
            return []
        within, bounds = self._within(scope)
        sql = (
            f"SELECT words.rowid, -bm25(words, {HEADS_WEIGHT}, 1.0) AS score FROM words "  # noqa: S608 - constants
            f"WHERE words MATCH ? {within} ORDER BY score DESC, words.rowid LIMIT ?"
        )
        return [(int(row), float(score)) for row, score in self._query(sql, (expression, *bounds, limit))]

    def _affordable(self, terms: Terms, rows: int) -> str:
        """The expression to match. In a large scope, chunks must hold one of the rarest terms, as many of these as are
        worth scoring; the others count where they stand beside them.

        Terms that must match weigh twice then: they are named twice, and the rarest are what a question is about.
        """
        if self._chunks <= EXACT_ROWS:
            return any_of(terms)
        # Little words at its ends make a sequence ten times as slow to look for: they stand in every chunk.
        terms = terms._replace(sequence=terms.core)
        if rows <= SCORED_ROWS or not terms.any_of:
            return any_of(terms)
        counts = {term: self._count(term) for term in terms.any_of}
        if sum(counts.values()) <= SCORED_ROWS:
            return any_of(terms)
        rare: list[str] = []
        spent = 0
        for term in sorted(counts, key=counts.__getitem__):
            spent += counts[term]
            if any(counts[one] for one in rare) and spent > SCORED_ROWS:
                break
            rare.append(term)
        # The words in sequence stand where all of them do, so they add no chunk, only weight.
        sequence = [terms.sequence] if terms.sequence else []
        others = [term for term in counts if term not in rare and counts[term] < COMMON_ROWS]
        if not others:
            return " OR ".join([*rare, *sequence])
        return f"({' OR '.join(rare)}) AND ({' OR '.join([*rare, *others, *sequence])})"

    def _count(self, term: str) -> int:
        """In how many chunks a term stands, counted up to `COMMON_ROWS`."""
        if term not in self._counts:
            sql = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
            self._counts[term] = int(self._query(sql, (term, COMMON_ROWS))[0][0])
            if len(self._counts) > _COUNTS_KEPT:
                self._counts.popitem(last=False)
        return self._counts[term]

    def _within(self, scope: Scope | None) -> tuple[str, tuple[int, ...]]:
        """The conditions that keep a match to a scope, and their values.

        The outer bounds are for the index, which begins and ends there; ``+`` keeps the others from it.
        """
        if scope is None:
            return "", ()
        outer = "AND words.rowid >= ? AND words.rowid <= ?"
        bounds = (scope.ranges[0][0], scope.ranges[-1][1])
        if len(scope.ranges) == 1:
            return outer, bounds
        if len(scope.ranges) <= _RANGES_IN_SQL:
            either = " OR ".join(["+words.rowid BETWEEN ? AND ?"] * len(scope.ranges))
            return f"{outer} AND ({either})", (*bounds, *(bound for one in scope.ranges for bound in one))
        self._mark(scope)
        return f"{outer} AND in_scope(words.rowid)", bounds

    def _mark(self, scope: Scope) -> None:
        if scope is self._bits_of:
            return
        first, end = scope.ranges[0][0], scope.ranges[-1][1] + 1
        self._bits, self._first_bit, self._bits_of = bytearray(end - first), first, scope
        for start, last in scope.ranges:
            self._bits[start - first : last + 1 - first] = b"\1" * (last + 1 - start)

    def _in_scope(self, row: int) -> int:
        return self._bits[row - self._first_bit]
