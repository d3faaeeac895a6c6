"""``runs delete`` and ``purge``: confirmation, output and refusals."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minions.cli.commands import runs
from minions.cli.render.tables import departure_record, removed_lines, run_lines
from minions.ledger.egress import Departure
from minions.store import Run, Runs, Store
from minions.store.deletion import Removed
from minions.store.retention import without_text

if TYPE_CHECKING:
    from collections.abc import Callable

USING = {"planner": "p", "worker": "w", "protocol": "minions", "policy": "findings"}


@pytest.fixture
def home(make: Any) -> Path:
    """A home with a run that has ended, ``a1``, and one that has not, ``b2``."""
    folder = Path(os.environ["MINIONS_HOME"])
    with Store.open(folder / "minions.sqlite3") as store:
        runs = Runs(store)
        for run_id in ("a1", "b2"):
            runs.start(
                run_id,
                question="How tall?",
                started_at="2026-01-01T00:00:00+00:00",
                item=None,
                **USING,
            )
        runs.finish(make.answer(run_id="a1"))
    return folder


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Somebody at a terminal, who types this."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def types(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(text))

    return types


@pytest.mark.parametrize(
    "command", [("runs", "delete", "a1"), ("purge", "--older-than", "2026-02-01")]
)
@pytest.mark.parametrize(("typed", "left"), [("n\n", 2), ("", 2), ("y\n", 1)])
def test_a_person_is_asked_first(
    minions: Any,
    home: Path,
    person: Callable[[str], None],
    command: tuple[str, ...],
    typed: str,
    left: int,
) -> None:
    """On a terminal nothing is deleted without a yes; the question is not on stdout."""
    person(typed)
    ended = minions(*command)
    assert ended.code == (0 if typed == "y\n" else 1)
    assert ("nothing was deleted" in ended.err) == (typed != "y\n")
    assert "[y/N]" not in ended.out
    assert len(minions("runs", "--json").json) == left


def test_the_run_that_was_asked_about_goes(
    minions: Any, home: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question names the run; a run that ends meanwhile does not become the last one."""
    asked: list[str] = []

    def another_ends_meanwhile(question: str, **_: object) -> bool:
        asked.append(question)
        with Store.open(home / "minions.sqlite3") as store:
            Runs(store).start(
                "c3",
                question="How old?",
                started_at="2026-01-02T00:00:00+00:00",
                item=None,
                **USING,
            )
            Runs(store).finish(make.answer(run_id="c3"))
        return True

    monkeypatch.setattr(runs, "_is_sure", another_ends_meanwhile)
    assert minions("runs", "delete", "last", "--running").code == 0
    assert asked == ["delete b2?"]
    assert {run["run_id"] for run in minions("runs", "--json").json} == {"a1", "c3"}


def test_who_names_no_run_is_not_asked(
    minions: Any, home: Path, person: Callable[[str], None]
) -> None:
    """An unknown run is an error before any question."""
    person("y\n")
    refused = minions("runs", "delete", "a1", "nosuch")
    assert (refused.code, "[y/N]" in refused.err) == (2, False)
    assert len(minions("runs", "--json").json) == 2


@pytest.mark.parametrize(
    "command", [("runs", "delete", "a1"), ("purge", "--older-than", "2026-02-01")]
)
def test_yes_is_an_option(
    minions: Any, home: Path, person: Callable[[str], None], command: tuple[str, ...]
) -> None:
    """With --yes nobody is asked."""
    person("")
    assert minions(*command, "--yes").code == 0
    assert [run["run_id"] for run in minions("runs", "--json").json] == ["b2"]


def test_a_dry_run_asks_nothing(minions: Any, home: Path, person: Callable[[str], None]) -> None:
    """A dry run deletes nothing."""
    person("")
    ended = minions("purge", "--older-than", "2026-02-01", "--dry-run")
    assert ended.out.startswith(
        "would be deleted   runs: 1\nnot deleted, because they have not ended: b2"
    )
    assert len(minions("runs", "--json").json) == 2


def test_a_run_that_has_not_ended_is_refused(minions: Any, home: Path) -> None:
    """The hint says how to delete it anyway."""
    refused = minions("runs", "delete", "b2")
    assert (refused.code, "minions runs delete b2 --running" in refused.err) == (2, True)
    assert minions("runs", "delete", "b2", "--running", "--json").json["runs"] == 1


def test_options_of_the_list_are_not_taken_for_those_of_delete(
    minions: Any, home: Path, tmp_path: Path
) -> None:
    """--home before delete is refused: runs of another home would be deleted."""
    ended = minions("runs", "--home", tmp_path / "other", "delete", "a1")
    assert (ended.code, "--home" in ended.err) == (2, True)
    assert len(minions("runs", "--json").json) == 2


@pytest.mark.parametrize("how_old", [(), ("--older-than", "long ago")])
def test_a_purge_is_told_how_old(minions: Any, home: Path, how_old: tuple[str, ...]) -> None:
    """A deletion that cannot be undone has no default age."""
    assert minions("purge", *how_old).code == 2
    assert len(minions("runs", "--json").json) == 2


def test_what_is_left_on_the_disk_is_said() -> None:
    """If another process uses the database, the output says what remains."""
    assert removed_lines(Removed(erased=True)) == ["deleted   nothing"]
    assert (
        "the next deletion removes them"
        in removed_lines(Removed(runs=1, bodies=2, erased=False))[-1]
    )


def test_a_run_without_words_says_so(make: Any) -> None:
    """A run whose text was not stored is not shown as a run without an answer."""
    facts: dict[str, Any] = {
        "run_id": "r",
        "started_at": "2026",
        "finished_at": None,
        "status": "answered",
        **USING,
    }
    run = Run(**facts, question="How tall?", answer=without_text(make.answer()))
    assert "(the text was not stored)" in run_lines(run, [])


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b'{"a": 1}', {"a": 1}), (b"\xff{", "\\xff{"), (None, None), (b"[" * 100_000, "[" * 100_000)],
)
def test_any_body_can_be_shown(body: bytes | None, shown: Any) -> None:
    """A body is shown as JSON if it is JSON, else as text."""
    facts: dict[str, Any] = {
        "run_id": "r",
        "entry_id": 1,
        "endpoint": "e",
        "role": None,
        "round": None,
        "at": None,
    }
    departure = Departure(**facts, body=body, bytes=3, kinds=None, sha256="")
    assert departure_record(departure)["body"] == shown
