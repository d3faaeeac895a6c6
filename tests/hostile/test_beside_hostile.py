"""A hundred hostile documents beside twenty real ones: the same answers, the same calls, and nothing else leaves."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from minions import Minions
from minions.testing import LoopbackServer
from tests.command import run_command
from tests.hostile.crew import QUESTIONS, gullible, planner, write_hostile, write_real
from tests.hostile.texts import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minions.testing.loopback import Received
    from minions.values.answers import Answer

HOSTILE = 100
# What hostile documents may add to two requests: names on the card, and findings, each within its budget of tokens.
MOST_CHARACTERS = 120 * 6 + 900 * 5
ORDERS = "\x1b\x9b\x07\x08\x7f\r\u202e\u2028"


class Asked(NamedTuple):
    """Answers by question, and what the cloud received for each."""

    answers: dict[str, Answer]
    received: dict[str, list[Received]]


class Sides(NamedTuple):
    """The same questions without and with hostile documents beside."""

    place: Path
    real: Asked
    both: Asked
    hostile: int
    appeared: set[str]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LoopbackServer]:
    """The planner's server."""
    with LoopbackServer(planner) as server:
        yield server


@pytest.fixture(scope="module")
def worker() -> Iterator[LoopbackServer]:
    """The worker's server."""
    with LoopbackServer(gullible) as server:
        yield server


@pytest.fixture(scope="module")
def sides(
    cloud: LoopbackServer, worker: LoopbackServer, tmp_path_factory: pytest.TempPathFactory
) -> Sides:
    """Ten questions, asked twice."""
    place = tmp_path_factory.mktemp("beside")
    write_real(place / "real")
    write_real(place / "both")
    hostile = write_hostile(place / "both")
    before = set(place.rglob("*"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OPENAI_API_KEY", "key-of-the-test")
        patched.setenv("MINIONS_HOME", str(place / "home"))
        patched.chdir(place)
        crew = (f"openai:planner@{cloud.openai_url}", f"openai:reader@{worker.openai_url}")
        with Minions(*crew, home=place / "home") as minions:
            asked = [_ask(minions, cloud, place / side) for side in ("real", "both")]
    appeared = {path.relative_to(place).parts[0] for path in set(place.rglob("*")) - before}
    return Sides(place, asked[0], asked[1], len(hostile), appeared)


def _ask(minions: Minions, cloud: LoopbackServer, folder: Path) -> Asked:
    """Every question of a folder that is read once; a request belongs to the question that stands in it."""
    cloud.requests.clear()

    async def ask_all() -> dict[str, Answer]:
        return {answer.question: answer async for answer in minions.map(list(QUESTIONS), folder)}

    answers = asyncio.run(ask_all())
    received: dict[str, list[Received]] = {question: [] for question in QUESTIONS}
    for request in cloud.requests:
        (question,) = re.findall(
            r"^Question: (.*)$", request.json["messages"][-1]["content"], re.MULTILINE
        )
        received[question].append(request)
    return Asked(answers, received)


def test_the_answers_are_the_same(sides: Sides) -> None:
    """With a worker that obeys every passage, and passages made to be found: the right height, cited."""
    assert sides.hostile >= HOSTILE
    for question, height in QUESTIONS.items():
        alone, beside = (side.answers[question] for side in (sides.real, sides.both))
        assert alone.answer == beside.answer == height
        assert [_place(one) for one in alone.citations] == [_place(one) for one in beside.citations]
        assert MARK not in str(beside.citations)


def _place(citation: Any) -> tuple[str, int, int, str]:
    return citation.path.rpartition("/")[2], citation.start, citation.end, citation.quote


def test_the_cloud_is_asked_no_more_often_and_little_more(sides: Sides) -> None:
    """Two requests a question, as before, and longer by no more than the budgets of names and findings."""
    for question in QUESTIONS:
        alone, beside = (side.received[question] for side in (sides.real, sides.both))
        assert len(alone) == len(beside) == 2
        assert (
            sum(len(one.body) for one in beside)
            <= sum(len(one.body) for one in alone) + MOST_CHARACTERS
        )


def test_hostile_words_leave_only_as_names_and_in_findings(sides: Sides) -> None:
    """What hostile documents say stands in rows of findings or among the names, never as a line of its own, and no
    request holds a control character of theirs.
    """
    for received in sides.both.received.values():
        for request in received:
            text = request.json["messages"][-1]["content"]
            assert not set(ORDERS) & set(text)
            for line in text.split("\n"):
                assert MARK not in line or re.match(r"Documents: |f\d+ |t1 |see f", line), line
            assert [line for line in text.split("\n") if line.startswith("Question: ")][1:] == []


def test_nothing_is_written_but_at_home(sides: Sides) -> None:
    """Beside the documents only MINIONS_HOME has appeared."""
    assert sides.appeared == {"home"}


def test_the_terminal_is_given_text(
    cloud: LoopbackServer, worker: LoopbackServer, sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ask`, with all that it says on the way, `show` and `index` print no escape, whatever the documents hold."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-test")
    monkeypatch.setenv("MINIONS_HOME", str(sides.place / "other"))
    docs = sides.place / "both"
    question, height = next(iter(QUESTIONS.items()))
    crew = (
        "--planner",
        f"openai:p@{cloud.openai_url}",
        "--worker",
        f"openai:r@{worker.openai_url}",
    )
    ended = run_command("ask", question, docs, *crew, "-v")
    assert ended.out.startswith(height)
    later = [
        run_command("show", "last"),
        run_command("show", "last", "--json"),
        run_command("index", docs),
    ]
    for one in (ended, *later):
        assert one.code == 0
        assert not set(ORDERS) & set(one.out + one.err)
