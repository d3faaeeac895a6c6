"""A batch under limits and interruptions: a budget holds whatever runs at once, and stopping loses nothing."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from minions.ledger.entries import LOST
from minions.ledger.ledger import Ledger
from minions.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    World = Any

QUESTIONS, AFFORDED = 64, 20


def _spent_usd(world: World) -> Decimal:
    """What the server counted, at the stated price of 2 and 10 dollars a million."""
    usages = world.planner.usages
    tokens = sum(2 * usage.input_tokens + 10 * usage.output_tokens for usage in usages)
    return Decimal(tokens) / 1_000_000


def test_sixty_four_questions_never_pass_a_budget_for_twenty(world: World) -> None:
    """Asked at once, they spend no cent too much, those that were paid for are answered, and the batch says that its
    budget ended it (exit 4); with more money it goes on, and what was spent before counts.
    """
    world.write(documents=QUESTIONS, questions=QUESTIONS)
    assert world.run("--window", "64", "-q")[0] == 0
    whole = _spent_usd(world)
    world.output.unlink()
    before, limit = whole, whole * AFFORDED / QUESTIONS + Decimal("0.05")
    code, said = world.run("--window", "64", "--max-cost", f"{limit:f}")
    first = _spent_usd(world) - before
    assert (code, first <= limit) == (4, True), said
    answered = sum(record["stop_reason"] == "answered" for record in world.records())
    assert AFFORDED <= answered < QUESTIONS
    assert {record["stop_reason"] for record in world.records()} == {"answered", "budget"}
    assert "raise --max-cost" in said
    code, said = world.run("--window", "64", "--max-cost", f"{limit + whole:f}")
    assert code == 0, said
    assert _spent_usd(world) - before == first + (whole - first), (
        "what was paid for before was paid for again"
    )
    assert sum(record["stop_reason"] == "answered" for record in world.records()) == QUESTIONS


def test_a_question_may_have_a_limit_of_its_own(world: World) -> None:
    """The one that may spend nothing is stopped, and no other."""
    world.write(documents=4, questions=3)
    lines = (world.folder / "in.jsonl").read_text().splitlines()
    poor = {**json.loads(lines[0]), "max_cost_usd": 0}
    (world.folder / "in.jsonl").write_text("\n".join([json.dumps(poor), *lines[1:]]))
    assert world.run()[0] == 0
    reasons = {record["id"]: record["stop_reason"] for record in world.records()}
    assert reasons == {"q0": "budget", "q1": "answered", "q2": "answered"}


def _interrupt(world: World, *, times: int, after_requests: int) -> tuple[int, str]:
    with world.start("--window", "8") as process:
        while len(world.planner.requests) + len(world.reader.requests) < after_requests:
            assert process.poll() is None
            time.sleep(0.005)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.03)
        _, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("times", [1, 2])
def test_interrupting_loses_nothing(world: World, times: int) -> None:
    """Ctrl-C lets calls under way end and exits with 130, twice stops at once; going on afterwards, every question is
    answered once.
    """
    world.write(documents=60, questions=40)
    world.reader_takes_s = 0.02
    code, said = _interrupt(world, times=times, after_requests=60)
    assert (code, "Ctrl-C again" in said) == (130, True)
    written = len(world.records()) if world.output.exists() else 0
    assert written < 40
    world.reader_takes_s = 0
    code, said = world.run("-q")
    assert code == 0, said
    assert world.answers() == world.expected()
    if times == 1:
        assert max(Counter(request.body for request in world.planner.requests).values()) == 1
        assert max(Counter(request.body for request in world.reader.requests).values()) == 1


def test_a_second_process_on_the_same_output_is_refused(world: World) -> None:
    """Two batches never write into one file; the first is not disturbed."""
    world.write(documents=40, questions=30)
    with world.start("-q") as first:
        while len(world.planner.requests) < 1:
            time.sleep(0.01)
        code, said = world.run()
        assert (code, "another process is writing" in said) == (2, True)
        first.communicate(timeout=120)
    assert first.returncode == 0
    assert world.answers() == world.expected()


def test_two_batches_share_a_home(world: World, tmp_path: Path) -> None:
    """With outputs of their own they run side by side, each whole, and the second reads what the first has read."""
    world.write(documents=40, questions=30)
    with world.start("-q") as first, world.start("-q", output="other.jsonl") as second:
        for process in (first, second):
            process.communicate(timeout=120)
    assert (first.returncode, second.returncode) == (0, 0)
    assert world.answers() == world.expected()
    others = [json.loads(line) for line in (world.folder / "other.jsonl").read_text().splitlines()]
    assert Counter((record["id"], record["answer"]) for record in others) == world.expected()


def test_a_torn_last_line_is_moved_beside_and_asked_again(world: World) -> None:
    """Half a record is no record, and the user is told."""
    world.write(documents=6, questions=5)
    assert world.run("-q")[0] == 0
    whole = world.output.read_text()
    world.output.write_text(whole[:-40])
    code, said = world.run()
    assert (code, "was moved to out.jsonl.torn" in said) == (0, True)
    assert world.answers() == world.expected()


def test_bad_lines_and_failures_are_records_and_touch_no_other(world: World) -> None:
    """What is no question, and a question about a document that is not there, become records with an error; the exit
    code says so; `--retry-errors` asks again what can be asked.
    """
    world.write(documents=6, questions=3)
    extra = [
        '{"question": ""}',
        "not json",
        '{"id": "lost", "question": "code of item 1?", "documents": ["nowhere.txt"]}',
    ]
    with (world.folder / "in.jsonl").open("a") as file:
        file.write("\n".join(extra) + "\n")
    code, said = world.run()
    assert (code, "3 failed" in said) == (1, True)
    errors = {
        record["id"]: record["error"]["message"] for record in world.records() if "error" in record
    }
    assert len(errors) == 3
    assert "nowhere.txt" in errors["lost"]
    assert any(
        re.search(r"line 5: the line is not a JSON object", message) for message in errors.values()
    )
    assert world.run("-q")[0] == 0, "what failed is not asked again unasked"
    (world.folder / "docs" / "nowhere.txt").write_text(f"item 1 has the code {1}.\n")
    assert world.run("-q", "--retry-errors")[0] == 1
    assert [record["id"] for record in world.records()].count("lost") == 2


def test_a_lost_network_is_waited_for(world: World) -> None:
    """The planner's endpoint goes away in the middle and comes back: every question is answered all the same."""
    world.write(documents=60, questions=40)
    with world.start("-q") as process:
        while len(world.planner.requests) < 20:
            time.sleep(0.005)
        world.planner.port = int(world.planner.url.rpartition(":")[2])
        world.planner.__exit__()
        time.sleep(3)
        world.planner.__enter__()
        process.communicate(timeout=120)
    assert process.returncode == 0
    assert world.answers() == world.expected()
    with Store.open(world.home / "minions.sqlite3") as store:
        assert all(entry.status != LOST for entry in Ledger(store).entries())
