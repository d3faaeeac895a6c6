"""However a question ends, and whoever ends it: the record says so, and nothing stays open."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

import pytest

from minions import Minions, home
from minions.errors import ConfigError, PriceUnknownError
from minions.run.crew import Crew
from minions.store.runs import Runs
from minions.store.store import Store
from minions.testing import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest
    from minions.values.events import Event

QUESTION = "How tall is the lighthouse?"
PLAN = {"tasks": [{"instruction": QUESTION, "output": "text", "search": ["lighthouse"]}]}


class OneLine:
    """Plans one search, reads line 1 of whatever it finds, and answers with the folder it stands in."""

    def __call__(self, request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if "Findings:" in text:
            found = next((word for word in ("red", "green") if f"{word} one" in text), None)
            return {"answer": found, "findings": ["f1"], "confidence": 0.9, "tasks": []}
        if "Question:" in text:
            return PLAN
        if "Does this passage" in text:
            return "yes"
        return {"lines": [1], "answer": "see line 1"}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """Plays all roles."""
    with LoopbackServer(OneLine()) as started:
        yield started


@pytest.fixture
def minions(server: LoopbackServer) -> Iterator[Minions]:
    """The API over it."""
    model = f"openai:m@{server.openai_url}"
    with Minions(planner=model, worker=model, attempts=1) as instance:
        yield instance


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders, each with a lighthouse."""
    made = [tmp_path / "red", tmp_path / "green"]
    for folder in made:
        folder.mkdir()
        for number in range(3):
            text = f"The {folder.name} one, lighthouse number {number}, is {number} metres tall.\n"
            (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    return made


def _status(minions: Minions) -> str:
    with Store.open(minions.home / "minions.sqlite3") as store:
        return Runs(store).get("last").status


async def test_questions_about_different_folders_do_not_disturb_each_other(
    minions: Minions, folders: list[Path]
) -> None:
    """In a home without an index, side by side, each is answered from its own folder and cites nothing else."""
    answers = await asyncio.gather(*(minions.aask(QUESTION, folder) for folder in folders * 2))
    for answer, folder in zip(answers, folders * 2, strict=True):
        assert answer.answer == folder.name
        assert answer.coverage.documents == 3
        assert all(citation.path.startswith(str(folder)) for citation in answer.citations)
        assert all(folder.name in citation.quote for citation in answer.citations)


@pytest.mark.parametrize("kind", ["start", "plan", "job", "cloud_call"])
def test_an_observer_that_raises_ends_the_run(
    minions: Minions, folders: list[Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the events may go away at any of them: the run is recorded as ended, its models are closed."""
    closed: list[Crew] = []

    async def aclose(crew: Crew) -> None:
        closed.append(crew)
        await crew.opened.aclose()

    def observe(event: Event) -> None:
        if event.kind == kind:
            raise BrokenPipeError(kind)

    monkeypatch.setattr(Crew, "aclose", aclose)
    with pytest.raises(BrokenPipeError):
        minions.ask(QUESTION, folders[0], observe=observe)
    assert _status(minions) == "error"
    assert len(closed) == 1


def test_an_observer_that_raises_stops_the_reading(
    minions: Minions, folders: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    """What it raised comes out of the question, once, and not as a traceback of the event loop."""
    for number in range(500):
        (folders[0] / f"more-{number}.txt").write_text(f"More {number}.", encoding="utf-8")
    seen: list[Event] = []

    def observe(event: Event) -> None:
        seen.append(event)
        raise BrokenPipeError

    with caplog.at_level(logging.ERROR, logger="asyncio"), pytest.raises(BrokenPipeError):
        minions.ask(QUESTION, folders[0], observe=observe)
    assert len(seen) == 1
    assert not caplog.records
    with Store.open(minions.home / "minions.sqlite3") as store:
        assert Runs(store).recent() == []


async def test_of_two_first_questions_one_keeps_the_model(
    minions: Minions, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Side by side both open the model of this process; closing the API frees it all the same."""

    class Hold:
        held = 0

        def __init__(self) -> None:
            Hold.held += 1

        def release(self) -> None:
            Hold.held -= 1

    both = asyncio.Barrier(2)

    async def open_embedded(*_: object) -> Any:
        await both.wait()
        return cast("Any", Hold())

    monkeypatch.setattr(home, "open_embedded", open_embedded)
    await asyncio.gather(*(minions.aask(QUESTION, folder) for folder in folders))
    assert Hold.held == 1
    minions._home.close()
    assert Hold.held == 0


def test_settings_for_a_question_leave_the_chosen_file_in_charge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a configuration file of one's own the folder's minions.toml counts for no question."""
    chosen = tmp_path / "chosen.toml"
    chosen.write_text("max_rounds = 3\n", encoding="utf-8")
    (tmp_path / "minions.toml").write_text("max_jobs = 1\nmax_rounds = 9\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    changed = Minions(config=chosen)._with({"max_tasks": 2})
    assert (changed.max_rounds, changed.max_tasks) == (3, 2)
    assert changed.max_jobs == Minions(config=chosen).settings.max_jobs != 1


def test_what_cannot_work_is_told_before_a_document_is_read(
    minions: Minions, folders: list[Path]
) -> None:
    """A missing key and an unknown price under a cost limit cost no reading."""
    seen: list[Event] = []
    with pytest.raises(ConfigError, match="API key"):
        minions.ask(QUESTION, folders[0], planner="openai:gpt-5.4", observe=seen.append)
    with pytest.raises(PriceUnknownError):
        minions.ask(QUESTION, folders[0], max_cost="1", observe=seen.append)
    assert seen == []
    assert not (minions.home / "index.sqlite3").exists()
