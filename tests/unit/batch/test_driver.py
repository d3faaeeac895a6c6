"""Many questions at once: what they share is done once, and what ends one ends no other."""

from __future__ import annotations

import json
from contextlib import aclosing
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import AuthenticationError, StoreError, UsageError
from minions.stop_signal import Brake
from minions.store.runs import Runs
from minions.store.store import Store
from minions.values.events import BatchEvent, PlanEvent

if TYPE_CHECKING:
    from pathlib import Path

    from minions import Minions
    from minions.testing import LoopbackServer
    from minions.values.answers import Answer
    from minions.values.events import Event

    Register = Any

SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}


def ask(item: int, **more: Any) -> dict[str, Any]:
    return {"id": f"q{item}", "question": f"What is the code of item {item}?", **more}


async def answered(
    minions: Minions, questions: list[Any], docs: Path, **options: Any
) -> dict[str | None, Answer]:
    return {answer.id: answer async for answer in minions.map(questions, docs, **options)}


async def test_every_question_gets_its_own_answer(minions: Minions, docs: Path) -> None:
    """With the citation it rests on, under the id it came with; texts without an id get one."""
    answers = await answered(minions, [ask(1), ask(3), "What is the code of item 2?"], docs)
    assert {answer.answer for answer in answers.values()} == {"C-1", "C-2", "C-3"}
    assert (answers["q1"].answer, answers["q1"].citations[0].path) == (
        "C-1",
        str(docs / "record_1.txt"),
    )
    assert answers["q1"].question == "What is the code of item 1?"


async def test_a_passage_is_read_once_for_all_questions(
    minions: Minions, docs: Path, register: Register
) -> None:
    """With one slot the worker takes each document's tasks of all questions together, so that its text is computed
    once.
    """
    register.search = False
    await answered(minions, [ask(item) for item in range(4)], docs)
    read = [
        place
        for kind, _, place in (seen.partition(" ") for seen in register.seen)
        if kind in {"look", "read"}
    ]
    assert sorted(place for place, _ in groupby(read)) == ["0", "1", "2", "3"]
    assert len(read) > 4 * 4


async def test_what_several_questions_ask_alike_is_read_once(
    minions: Minions, docs: Path, register: Register
) -> None:
    """Identical tasks are one job for all questions, cache or not; each gets its findings."""
    register.search, register.instruction = False, "List the codes."
    answers = await answered(minions, [ask(item) for item in range(4)], docs, cache=False)
    assert [answers[f"q{item}"].answer for item in range(4)] == ["C-0", "C-1", "C-2", "C-3"]
    assert sorted(seen for seen in register.seen if seen.startswith("read")) == [
        f"read {item}" for item in range(4)
    ]


async def test_a_question_that_fails_touches_no_other(minions: Minions, docs: Path) -> None:
    """Its result says what happened; the others are answered."""
    answers = await answered(minions, [ask(1), {"id": "bad", "question": "garbage"}, ask(2)], docs)
    assert {id_: answer.stop_reason for id_, answer in answers.items()} == {
        "q1": "answered",
        "bad": "error",
        "q2": "answered",
    }
    assert answers["bad"].warnings


async def test_a_question_that_would_send_too_much_touches_no_other(
    minions: Minions, docs: Path
) -> None:
    """Whole passages beyond the limit stay here, and those of other questions go."""
    (docs / "whales.txt").write_text("Whales sing. " * 100)
    options: dict[str, Any] = {
        "protocol": "rag",
        "policy": "open",
        "rag_chunks": 1,
        "max_egress": 400,
    }
    answers = await answered(
        minions, [ask(1), {"id": "long", "question": "Do whales sing?"}, ask(2)], docs, **options
    )
    assert {id_ for id_, answer in answers.items() if answer.stop_reason == "error"} == {"long"}
    assert answers["q1"].egress.sent_bytes
    assert answers["q2"].egress.sent_bytes
    assert "400 are allowed" in answers["long"].warnings[0]


async def test_a_line_that_is_no_question_is_a_result(minions: Minions, docs: Path) -> None:
    """It comes with its reason, and costs nothing."""
    answers = await answered(minions, [{"id": "x"}, ask(1)], docs)
    (bad,) = (answer for id_, answer in answers.items() if id_ != "q1")
    assert (bad.stop_reason, answers["q1"].answer) == ("error", "C-1")
    assert "question" in bad.warnings[0]


async def test_a_question_reads_its_own_documents(
    minions: Minions, docs: Path, register: Register
) -> None:
    """One that names documents reads those alone; a name that the batch has not ends that question only."""
    register.search = False
    questions = [
        ask(1, documents=["record_1.txt"]),
        ask(2, documents="record_[23].txt"),
        ask(3, documents=["no.txt"]),
    ]
    answers = await answered(minions, questions, docs)
    assert (answers["q1"].coverage.documents, answers["q2"].coverage.documents) == (1, 2)
    assert (answers["q1"].answer, answers["q2"].answer, answers["q3"].stop_reason) == (
        "C-1",
        "C-2",
        "error",
    )
    assert "look 0" not in register.seen


async def test_an_answer_has_the_schema_that_its_question_asks_for(
    minions: Minions, docs: Path
) -> None:
    """The answer is then JSON of that schema; other questions get words."""
    answers = await answered(minions, [ask(2, output_schema=SCHEMA), ask(1)], docs)
    assert json.loads(answers["q2"].answer or "") == {"total": 2}
    assert answers["q1"].answer == "C-1"


async def test_a_question_may_have_rounds_and_money_of_its_own(
    minions: Minions, docs: Path
) -> None:
    """Its limits hold for it alone."""
    answers = await answered(minions, [ask(9, max_rounds=1), ask(1, max_cost_usd=0), ask(2)], docs)
    assert {id_: answer.stop_reason for id_, answer in answers.items()} == {
        "q9": "no_answer",
        "q1": "budget",
        "q2": "answered",
    }
    assert len(answers["q9"].rounds) == 1


@pytest.mark.parametrize(("window", "planned_first"), [(1, 1), (2, 2), (6, 6)])
async def test_the_window_bounds_what_is_under_way(
    minions: Minions, docs: Path, register: Register, window: int, planned_first: int
) -> None:
    """So many questions are planned before the first is decided, and no more: memory and money under way are
    bounded.
    """
    answers = await answered(
        minions, [ask(item % 4, id=str(item)) for item in range(6)], docs, window=window
    )
    calls = [seen for seen in register.seen if seen in {"plan", "decide"}]
    assert calls.index("decide") == planned_first
    assert len(answers) == 6


async def test_answers_come_as_they_are_found(
    minions: Minions, docs: Path, register: Register
) -> None:
    """The first can be used while the last is not begun; leaving stops the rest."""
    async with aclosing(minions.map([ask(item) for item in range(4)], docs, window=1)) as answers:
        first = await anext(answers)
    assert first.answer == "C-0"
    assert register.seen.count("plan") < 4


async def test_a_wrong_key_ends_the_batch_and_loses_nothing(
    minions: Minions, docs: Path, cloud: LoopbackServer, register: Register, tmp_path: Path
) -> None:
    """An error that every question would meet is raised, not recorded with each; with the right key the same call
    goes on, and what was done is not done again.
    """
    output = tmp_path / "out.jsonl"
    questions = [ask(item) for item in range(4)]
    register.on_decision = lambda: setattr(cloud, "api_key", "another")
    with pytest.raises(AuthenticationError):
        await answered(minions, questions, docs, output=output, window=1)
    (record,) = [json.loads(line) for line in output.read_text().splitlines()]
    assert (record["id"], record["answer"]) == ("q0", "C-0")
    cloud.api_key, register.on_decision = "sk-right", lambda: None
    rest = await answered(minions, questions, docs, output=output)
    assert sorted(map(str, rest)) == ["q1", "q2", "q3"]
    assert {answer.answer for answer in rest.values()} == {"C-1", "C-2", "C-3"}
    assert await answered(minions, questions, docs, output=output) == {}


async def test_a_batch_that_is_left_goes_on_with_its_run(
    minions: Minions, docs: Path, register: Register, cloud: LoopbackServer, tmp_path: Path
) -> None:
    """A question that had its plan keeps it: it is not planned, and not paid for, again."""
    output = tmp_path / "out.jsonl"
    register.on_decision = lambda: setattr(cloud, "api_key", "another")
    with pytest.raises(AuthenticationError):
        await answered(minions, [ask(0), ask(1)], docs, output=output, window=2)
    cloud.api_key, register.on_decision = "sk-right", lambda: None
    answers = await answered(minions, [ask(0), ask(1)], docs, output=output)
    planned, decided = register.seen.count("plan"), register.seen.count("decide")
    assert (planned, decided) == (2, 2)
    assert {answer.usage.planner.calls for answer in answers.values()} <= {2, 3}
    with Store.open(minions.home / "minions.sqlite3") as store:
        assert {run.status for run in Runs(store).recent()} == {"answered"}


async def test_pulling_the_brake_ends_with_a_summary(
    minions: Minions, docs: Path, tmp_path: Path
) -> None:
    """Questions under way are ended and written; the summary counts the rest as left."""
    source, output, brake = tmp_path / "in.jsonl", tmp_path / "out.jsonl", Brake()
    source.write_text("\n".join(json.dumps(ask(item)) for item in range(4)))

    def stop_after_two(event: Event) -> None:
        if event.kind == "batch" and event.done == 2:
            brake.pull()

    options: dict[str, Any] = {"output": output, "window": 1}
    summary = await minions.abatch(source, docs, brake=brake, observe=stop_after_two, **options)
    assert (summary.stop_reason, summary.done, summary.total) == ("interrupted", 2, 4)
    assert len(output.read_text().splitlines()) == 2
    rest = await minions.abatch(source, docs, **options)
    assert (rest.stop_reason, rest.answered, rest.done, rest.left) == ("finished", 2, 4, 0)
    assert rest.cost_usd > summary.cost_usd


async def test_an_output_that_cannot_be_written_to_ends_the_batch(
    minions: Minions, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further question is paid for when its result could not be kept."""

    def full(*_: object, **__: object) -> None:
        raise StoreError("no space", hint="free some")

    with monkeypatch.context() as patched:
        patched.setattr("minions.batch.output.Output.append", full)
        with pytest.raises(StoreError, match="no space"):
            await answered(
                minions,
                [ask(item) for item in range(4)],
                docs,
                output=tmp_path / "o.jsonl",
                window=1,
            )
    rest = await answered(
        minions, [ask(item) for item in range(4)], docs, output=tmp_path / "o.jsonl"
    )
    assert [rest[f"q{item}"].answer for item in range(1, 4)] == ["C-1", "C-2", "C-3"]
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 4


async def test_events_tell_whose_they_are_and_how_far_it_is(
    minions: Minions, docs: Path, tmp_path: Path
) -> None:
    """Each plan names its run; the counts begin with what stands in the output."""
    events: list[Event] = []
    output = tmp_path / "out.jsonl"
    await answered(minions, [ask(0)], docs, output=output)
    await answered(minions, [ask(0), ask(1), ask(2)], docs, output=output, observe=events.append)
    counts = [event for event in events if isinstance(event, BatchEvent)]
    assert [(event.done, event.answered, event.total) for event in counts] == [
        (1, 0, 3),
        (2, 1, 3),
        (3, 2, 3),
    ]
    assert len({event.run_id for event in events if isinstance(event, PlanEvent)}) == 2


async def test_a_batch_over_nothing_reads_nothing(minions: Minions, tmp_path: Path) -> None:
    """All done, and the documents gone since: there is nothing to read, and nothing fails."""
    (tmp_path / "docs").mkdir()
    record = {"id": "q1", "stop_reason": "answered"}
    (tmp_path / "out.jsonl").write_text(json.dumps(record) + "\n")
    assert (
        await answered(minions, [ask(1)], tmp_path / "nowhere", output=tmp_path / "out.jsonl") == {}
    )


async def test_questions_may_bring_all_documents_themselves(
    minions: Minions, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of questions names its documents, relative to its own folder; a line that names none cannot be asked."""
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [ask(1, documents=["docs/record_1.txt"]), ask(2, documents="docs")]
    source.write_text("\n".join(json.dumps(line) for line in lines))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    summary = await minions.abatch(source, output=output)
    assert (summary.answered, summary.failed) == (2, 0)
    with pytest.raises(UsageError, match="no documents"):
        await answered(minions, [ask(1)], ())  # type: ignore[arg-type]


async def test_an_observer_that_raises_ends_the_batch_and_spoils_no_result(
    minions: Minions, docs: Path, tmp_path: Path
) -> None:
    """A broken pipe, or a bug in who watches: it is raised as it was, and is nobody's failure; the batch goes on when
    the same is asked again.
    """
    output = tmp_path / "out.jsonl"

    def break_(event: Event) -> None:
        if event.kind == "batch" and event.done == 1:
            raise BrokenPipeError("who watched is gone")

    with pytest.raises(BrokenPipeError):
        await answered(
            minions, [ask(item) for item in range(3)], docs, output=output, observe=break_, window=1
        )
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(record["id"], record["stop_reason"]) for record in records] == [("q0", "answered")]
    rest = await answered(minions, [ask(item) for item in range(3)], docs, output=output)
    assert {answer.answer for answer in rest.values()} == {"C-1", "C-2"}


async def test_a_limit_of_its_own_needs_a_price_of_its_own(
    minions: Minions, docs: Path, cloud: LoopbackServer, register: Register
) -> None:
    """Where nobody knows the planner's price, only a question that limits its cost cannot be asked; it says what to
    state.
    """
    planner = f"openai:nobody-knows-it@{cloud.openai_url}"
    answers = await answered(minions, [ask(1, max_cost_usd=1), ask(2)], docs, planner=planner)
    assert {id_: answer.stop_reason for id_, answer in answers.items()} == {
        "q1": "error",
        "q2": "answered",
    }
    assert register.seen.count("plan") == 1


async def test_a_question_that_goes_on_keeps_to_its_limit(
    minions: Minions, docs: Path, register: Register, tmp_path: Path
) -> None:
    """The money its run spent in an earlier process counts: starting again and again does not stretch a limit."""
    schema = {
        **SCHEMA,
        "description": "As it stands in the register. " * 100,
    }  # makes the second call the larger

    async def next_call(limit: str, **options: Any) -> str:
        """The cost of the call that the limit refused."""
        question = ask(1, max_cost_usd=limit, output_schema=schema)
        (answer,) = (await answered(minions, [question], docs, **options)).values()
        assert answer.stop_reason == "budget"
        return answer.warnings[-1].partition("up to ")[2].partition(" ")[0]

    decision = await next_call(await next_call("0"))
    output = tmp_path / "out.jsonl"
    for _ in range(3):
        await next_call(decision, output=output)
    assert register.seen.count("decide") == 0
    assert register.seen.count("plan") == 2
