"""The ledger: what went in comes out, is never changed, and adds up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import StoreError
from minions.ledger.entries import Entry
from minions.ledger.ledger import Ledger, exact_sum
from minions.store import Store
from minions.values.answers import RoleUsage

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Entry]

costs = st.decimals(min_value=0, max_value=10**9, places=28, allow_nan=False, allow_infinity=False)


def test_an_entry_comes_back_as_it_went_in(ledger: Ledger, entry: Make) -> None:
    """Every field survives, the unknown cost as unknown and money to the last digit."""
    written = [
        entry(
            cost_usd=None,
            price_source=None,
            status="deadline_error",
            usage_estimated=True,
            reasoning_tokens=1,
        ),
        entry(
            cost_usd=Decimal("1E-7"),
            price_source="genai-prices 0.2.3",
            price_date="2026-01-01",
            bytes_out=9,
        ),
    ]
    assert [ledger.append(item) for item in written] == [1, 2]
    assert ledger.entries() == written


def test_entries_can_be_asked_by_run_and_time(ledger: Ledger, entry: Make) -> None:
    """``--since`` and a run's id select."""
    early, late = (
        entry(at="2026-01-01T00:00:00+00:00"),
        entry(run_id="r2", at="2026-02-01T00:00:00+00:00"),
    )
    ledger.append(early)
    ledger.append(late)
    assert ledger.entries("r1") == [early]
    assert ledger.entries(since="2026-01-15") == [late]


@pytest.mark.parametrize("statement", ["UPDATE entries SET cost_usd = '0'", "DELETE FROM entries"])
def test_entries_cannot_be_changed_or_removed(
    ledger: Ledger, store: Store, entry: Make, statement: str
) -> None:
    """The ledger is append-only, for this program's own mistakes too."""
    ledger.append(entry())
    with pytest.raises(StoreError, match="append-only"):
        store.write(statement)
    assert ledger.entries() == [entry()]


def test_usage_of_a_run_is_by_role(ledger: Ledger, entry: Make) -> None:
    """The bill counts attempts and tokens of this run only, and a role that did nothing cost nothing."""
    ledger.append(entry(cached_input_tokens=4))
    ledger.append(entry(status="server_error"))
    ledger.append(entry(run_id="other"))
    usage = ledger.usage("r1")
    assert usage.planner == RoleUsage(
        calls=2, input_tokens=20, cached_input_tokens=4, output_tokens=4, cost_usd=Decimal(1)
    )
    assert usage.worker == RoleUsage()


def test_one_unknown_cost_makes_the_sum_unknown(ledger: Ledger, entry: Make) -> None:
    """Unknown is never added as 0; what is known is still told."""
    for cost in (Decimal(1), None, Decimal(2)):
        ledger.append(entry(cost_usd=cost))
    assert ledger.usage("r1").planner.cost_usd is None
    (row,) = ledger.summary("run")
    assert (row.cost_usd, row.known_cost_usd, row.unknown_cost_calls, row.calls) == (
        None,
        Decimal(3),
        1,
        3,
    )


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("model", ["ollama:llama3.2:3b", "openai:gpt-5.4"]),
        ("role", ["planner", "worker"]),
        ("day", ["2026-01-01", "2026-01-02"]),
        ("run", ["r1", "r2"]),
    ],
)
def test_a_summary_groups_what_it_is_asked_to(
    ledger: Ledger, entry: Make, by: Any, keys: list[str]
) -> None:
    """Each way of grouping names its groups and loses no call."""
    ledger.append(entry())
    local = {
        "provider": "ollama",
        "model": "llama3.2:3b",
        "role": "worker",
        "cost_usd": Decimal(0),
        "cloud": False,
    }
    ledger.append(entry(run_id="r2", at="2026-01-02T00:00:00+00:00", **local))
    rows = ledger.summary(by)
    assert [row.key for row in rows] == keys
    assert [row.calls for row in rows] == [1, 1]
    assert [row.key for row in ledger.summary(by, since="2026-01-02")] == (
        [keys[0]] if by == "model" else keys[1:]
    )


@given(amounts=st.lists(st.none() | costs, max_size=8), seed=st.randoms(use_true_random=False))
def test_sums_are_exact_and_do_not_depend_on_order(
    amounts: list[Decimal | None], seed: random.Random
) -> None:
    """However the attempts of a run interleave, its bill is the same, to the last digit."""
    shuffled = list(amounts)
    seed.shuffle(shuffled)
    known = [amount for amount in amounts if amount is not None]
    for order in (amounts, shuffled):
        with Store.memory() as store:
            ledger = Ledger(store)
            for amount in order:
                ledger.append(_spent(amount))
            rows = ledger.summary("role")
            total = rows[0].known_cost_usd if rows else Decimal(0)
            assert (
                Fraction(total)
                == sum(map(Fraction, known), start=Fraction(0))
                == Fraction(exact_sum(known))
            )
            assert (ledger.usage("r").planner.cost_usd is None) == (None in amounts)


def _spent(cost_usd: Decimal | None) -> Entry:
    return Entry(
        run_id="r",
        round=1,
        role="planner",
        cloud=False,
        provider="p",
        model="m",
        endpoint="e",
        at="2026",
        cost_usd=cost_usd,
        latency_s=0,
        status="ok",
    )


def test_what_was_appended_survives_the_end_of_the_process(tmp_path: Path, entry: Make) -> None:
    """Another connection sees a cloud entry as soon as it is appended, and a local one too."""
    path = tmp_path / "s.sqlite3"
    with Store.open(path) as store, Store.open(path) as other:
        ledger = Ledger(store)
        ledger.append(entry())
        ledger.append(entry(cloud=False))
        assert len(Ledger(other).entries()) == 2
        ledger.flush()


def test_an_attempt_without_an_end_is_entered_once_it_must_be_lost(
    ledger: Ledger, entry: Make
) -> None:
    """A question whose process was killed leaves a call: it is entered as lost, of unknown cost, and not before its
    time is up.
    """
    lost = entry(
        status="lost",
        cost_usd=None,
        at="2026-01-01T00:00:00+00:00",
        bound_tokens=9,
        bound_usd=Decimal(1),
    )
    ledger.open(lost, "request")
    assert ledger.enter_lost(before="2025-12-31T23:59:59+00:00") == 0
    assert ledger.enter_lost(before="2026-01-01T00:00:01+00:00") == 1
    assert (ledger.entries(), ledger.open_attempts()) == ([lost], [])


def test_entries_of_any_size_add_up(ledger: Ledger, entry: Make) -> None:
    """A ledger that holds impossible counts is still added up, exactly: SQLite's own sum overflows."""
    most = 2**63 - 1
    for _ in range(3):
        ledger.append(entry(input_tokens=most, output_tokens=most, cached_input_tokens=most))
    (row,) = ledger.summary("run")
    assert (row.input_tokens, row.cached_input_tokens) == (3 * most, 3 * most)
    assert ledger.usage("r1").planner.output_tokens == 3 * most
    assert ledger.spent_by("r1") == (6 * most, Decimal("1.5"))
