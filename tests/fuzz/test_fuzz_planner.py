"""A hostile planner: its tasks, decisions and answers are data, bounded, and can be printed, stored and sent on."""

from __future__ import annotations

import json
import math
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from minions.corpus.index import Index
from minions.errors import CalculationError
from minions.evidence.calculation import calculate, fill_in
from minions.execution.expand import expand
from minions.execution.parse_tasks import read_tasks
from minions.text.numbers import (
    numbers_by_sort,
    numbers_in,
    parse_amounts,
    parse_number,
    with_plain_numbers,
)
from minions.values.answers import Answer
from minions.values.limits import Limits
from minions_planners.reading import read_decision, read_plan
from tests.fuzz.hostile_values import (
    FUZZ,
    SLOW,
    TEXTS,
    VALUES,
    assert_can_be_kept,
    bent,
    changed,
    objects,
    texts_in,
)

if TYPE_CHECKING:
    from minions.values.plans import Decision, Task

MOST_TASKS = 6
TASK = {
    "instruction": "State net revenue in 2022.",
    "output": "number",
    "options": ["high", "low"],
    "documents": ["report.pdf"],
    "search": ["net revenue"],
    "unit": "chunk",
    "reduce": "collect",
}
TASKS = changed(TASK) | objects(*TASK)
REPLIES = st.fixed_dictionaries(
    {},
    optional={
        "tasks": st.lists(TASKS, max_size=9) | VALUES,
        "answer": VALUES,
        "findings": VALUES,
        "confidence": VALUES,
        "message": VALUES,
    },
)
_SIGNS = (
    "1",
    "9",
    "0",
    ".",
    ",",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "%",
    "|",
    " ",
    "f1",
    "f2",
    "e",
    "million",
    "k",
    "$",
    "**",
    "{{",
    "}}",
    "\u2212",
    "\u0663",
)
EXPRESSIONS = st.lists(st.sampled_from(_SIGNS), max_size=40).map("".join) | TEXTS


def assert_bounded(task: Task) -> None:
    """What a task may ask for has an end."""
    assert len(task.instruction) <= 600
    for texts, most, characters in (
        (task.options, 50, 100),
        (task.documents, 200, 500),
        (task.search, 8, 200),
    ):
        assert len(texts) <= most
        assert all(0 < len(text) <= characters for text in texts)


def assert_decided(decision: Decision) -> None:
    """A decision is in bounds, and can be kept and sent."""
    assert 0 <= decision.confidence <= 1
    assert math.isfinite(decision.confidence)
    assert len(decision.findings) <= 1_000
    assert len(decision.tasks) <= MOST_TASKS
    for task in decision.tasks:
        assert_bounded(task)
    for text in texts_in(decision.model_dump()):
        assert text.encode()
        assert "\x00" not in text


@FUZZ
@given(REPLIES)
def test_no_plan_asks_for_more_than_it_may(reply: dict[str, Any]) -> None:
    """Of any reply at least one task and at most as many as are allowed, each short and fit to be sent."""
    plan = read_plan(reply, "Who?", max_tasks=MOST_TASKS)
    assert 1 <= len(plan.tasks) <= MOST_TASKS
    for task in plan.tasks:
        assert_bounded(task)
    assert all(
        text.isprintable()
        for text in texts_in(plan.model_dump())
        if "\x1b" in text or "\x00" in text
    )
    assert json.loads(plan.model_dump_json())


@FUZZ
@given(REPLIES, st.booleans())
def test_every_decision_is_in_bounds(reply: dict[str, Any], as_json: bool) -> None:
    """Confidence in [0, 1], findings and tasks counted, texts that can be written; a JSON answer that is JSON."""
    decision = read_decision(reply, max_tasks=MOST_TASKS, as_json=as_json)
    assert_decided(decision)
    if as_json and decision.answer is not None:
        json.loads(decision.answer, parse_constant=lambda name: f"{name} is no JSON" / 1)  # type: ignore[operator]


@FUZZ
@given(VALUES | st.lists(TASKS, max_size=3), st.integers(1, 50))
def test_any_value_is_read_as_tasks(value: Any, most: int) -> None:
    """Numbered by the device, at most as many as are allowed."""
    tasks, _ = read_tasks(value, most)
    assert [task.id for task in tasks] == [f"t{number}" for number in range(1, len(tasks) + 1)]
    assert len(tasks) <= most


@SLOW
@given(REPLIES, VALUES)
@example({"answer": "41\x00 \x1b[31mmetres\ud800"}, "Ho\x00w?\ud800")
@example({"answer": "The documents do not say \ud800.", "findings": []}, None)
@example({"answer": "{{1 +\x00 1}} {{2 / 0}} {{f1 * \ud800}}", "findings": "f1"}, "x")
def test_what_a_planner_writes_can_be_printed_and_stored(
    reply: dict[str, Any], instruction: Any
) -> None:
    """Zero bytes, half pairs and control sequences in an answer, a warning or a task crash nobody downstream."""
    decision = read_decision(
        {**reply, "tasks": [{"instruction": instruction}]}, max_tasks=MOST_TASKS
    )
    filled = fill_in(decision.answer or "", (), {})
    answer = Answer(
        run_id="20260101-000000-abcdef",
        question="Who?",
        answer=filled.answer if decision.answer is not None else None,
        confidence=decision.confidence * filled.doubt,
        stop_reason="answered" if decision.answer is not None else "no_answer",
        calculations=filled.calculations,
        warnings=(*decision.warnings, *filled.warnings),
    )
    with tempfile.TemporaryDirectory() as folder:
        assert_can_be_kept(answer, Path(folder))
    for task in decision.tasks:
        assert json.loads(task.model_dump_json())["id"] == task.id


@SLOW
@given(st.lists(TASKS, max_size=4))
def test_tasks_reach_the_corpus_and_nothing_else(given_tasks: list[dict[str, Any]]) -> None:
    """Selectors, globs and search phrases of any kind select documents of the corpus, and no more jobs than allowed."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("report.txt", "notes.md", "[odd] name*.txt"):
            Path(folder, name).write_text(f"Net revenue of {name} was 12.4 million in 2022.\n" * 20)
        with Index.open(Path(folder, "state", "index.sqlite")) as index:
            corpus, _ = index.update([Path(folder)], chunk_tokens=80)
            plan = read_plan({"tasks": given_tasks}, "What was net revenue?", max_tasks=MOST_TASKS)
            for task in plan.tasks:
                chosen = corpus.contents.select(task.documents)
                assert {corpus.text(one)[:14] for one in chosen.ids} <= {"Net revenue of"}
            expansion = expand(
                plan, "What was net revenue?", corpus, Limits(max_jobs=20), round_number=1
            )
            assert len(expansion.jobs) <= 20


@FUZZ
@given(EXPRESSIONS)
@example("9**9**9")
@example("1e999999")
@example("(" * 10_000)
@example("-" * 299 + "1")
@example("1/3" * 99)
@example("__import__('os').system('true')")
@example("f1.__class__")
def test_no_expression_is_more_than_arithmetic(expression: str) -> None:
    """A number of bounded length, or CalculationError: nothing is executed, nothing hangs."""
    with suppress(CalculationError):
        result = calculate(expression)
        assert len(result) <= 80
        assert set(result) <= set("-.0123456789")


@FUZZ
@given(st.lists(EXPRESSIONS | EXPRESSIONS.map("{{{{{}}}}}".format), max_size=6).map(" ".join))
def test_an_answer_keeps_its_words_whatever_its_arithmetic(answer: str) -> None:
    """Filling in loses nothing but braces, and grows an answer by a bounded number of digits a calculation."""
    filled = fill_in(answer, (), {})
    assert len(filled.calculations) <= 50
    assert len(filled.answer) <= len(answer) + 80 * len(filled.calculations)
    assert filled.doubt in {0.5, 1.0}


@FUZZ
@given(EXPRESSIONS | bent(VALUES))
def test_any_text_is_searched_for_numbers(text: str) -> None:
    """Finite numbers, or none."""
    numbers = [
        *numbers_in(text),
        *parse_amounts(text),
        *(number for _, number in numbers_by_sort(text)),
    ]
    first = parse_number(text)
    assert all(number.is_finite() for number in (*numbers, *([first] if first is not None else [])))
    with_plain_numbers(text)
