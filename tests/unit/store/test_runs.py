"""Runs on disk: found again by id, by its beginning, or as the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import UsageError
from minions.store import Runs, Store, new_run_id
from minions.testing.clock import FakeClock
from minions.values.answers import Answer, StopReason

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runs() -> Iterator[Runs]:
    """The runs of an empty store."""
    with Store.memory() as store:
        yield Runs(store, clock=FakeClock())


def _start(runs: Runs, run_id: str, started_at: str = "2026-01-01T00:00:00+00:00") -> None:
    fields: dict[str, Any] = {
        "planner": "openai:gpt-5.4",
        "worker": "local:w",
        "protocol": "minions",
        "policy": "strict",
    }
    runs.start(run_id, question="How much?", started_at=started_at, **fields)


def _answer(run_id: str, stop_reason: StopReason = "answered") -> Answer:
    return Answer(
        run_id=run_id, question="How much?", answer="12", confidence=0.5, stop_reason=stop_reason
    )


@pytest.mark.parametrize(
    "stop_reason", ["answered", "no_answer", "budget", "timeout", "interrupted", "error"]
)
def test_a_finished_run_keeps_its_result_and_how_it_ended(
    runs: Runs, stop_reason: StopReason
) -> None:
    """Partial results are on disk like complete ones."""
    _start(runs, "r1")
    runs.finish(_answer("r1", stop_reason))
    run = runs.get("r1")
    assert (run.status, run.answer) == (stop_reason, _answer("r1", stop_reason))
    assert run.finished_at == "2026-01-01T00:00:00+00:00"


def test_a_run_that_died_is_still_known(runs: Runs) -> None:
    """A process that was killed leaves the run as running, with what was saved last."""
    _start(runs, "r1")
    assert runs.get("r1").answer is None
    runs.save(_answer("r1"))
    run = runs.get("r1")
    assert (run.status, run.finished_at, run.answer) == ("running", None, _answer("r1"))


def test_a_run_is_found_by_a_unique_beginning_or_as_the_last(runs: Runs) -> None:
    """Nobody types whole ids."""
    _start(runs, "20260101-000000-aa")
    _start(runs, "20260102-000000-bb")
    assert runs.get("20260101").run_id == "20260101-000000-aa"
    assert runs.get("last").run_id == "20260102-000000-bb"


def test_an_exact_id_wins_over_longer_ones(runs: Runs) -> None:
    """An id that begins another id can still be named."""
    _start(runs, "a")
    _start(runs, "ab")
    assert runs.get("a").run_id == "a"


def test_an_ambiguous_beginning_names_the_candidates(runs: Runs) -> None:
    """The message lists the ids to choose from."""
    _start(runs, "2026-aa")
    _start(runs, "2026-bb")
    with pytest.raises(UsageError, match=r"2026-aa, 2026-bb"):
        runs.get("2026")


@pytest.mark.parametrize("reference", ["nothing", "last", "", "%", "_"])
def test_an_unknown_run_says_where_to_look(runs: Runs, reference: str) -> None:
    """The hint is a command to type; signs of SQL patterns mean nothing."""
    with pytest.raises(UsageError) as caught:
        runs.get(reference)
    assert "minions runs" in (caught.value.hint or "")


def test_recent_runs_come_last_first_within_limit_and_time(runs: Runs) -> None:
    """The list starts with the latest run."""
    for day in (1, 2, 3):
        _start(runs, f"r{day}", f"2026-01-0{day}T00:00:00+00:00")
    assert [run.run_id for run in runs.recent(limit=2)] == ["r3", "r2"]
    assert [run.run_id for run in runs.recent(since="2026-01-02")] == ["r3", "r2"]


def test_run_ids_sort_by_time_and_differ_within_a_second() -> None:
    """Ids made later sort later, and a hundred in one second are a hundred ids."""
    clock = FakeClock()
    first = {new_run_id(clock) for _ in range(100)}
    clock.advance(1)
    assert len(first) == 100
    assert max(first) < new_run_id(clock)
    assert all(name.startswith("20260101-000000-") for name in first)
