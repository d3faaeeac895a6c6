"""What users and their files say: batch lines, data sets, plans, prices and settings, read or refused in our words."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minions.batch.items import BadLine, Item, as_items, read_items
from minions.errors import ConfigError, MinionsError
from minions.evals.dataset import read_dataset
from minions.evals.plans import read_plans
from minions.ledger.prices import Price, PriceBook
from minions.settings import Settings
from minions.values.chat import Usage
from tests.fuzz.hostile_values import (
    FUZZ,
    NUMBERS,
    SLOW,
    TEXTS,
    VALUES,
    changed,
    json_lines,
    objects,
)

ITEM = {
    "id": "q1",
    "question": "Who?",
    "documents": ["a.txt"],
    "output_schema": {"type": "object"},
    "max_cost_usd": "0.5",
    "max_rounds": 2,
    "timeout_s": 9.5,
}
_PART = {"type": "text", "text": "Who?"}
_TURN = {"role": "user", "content": [_PART]}
BODY = st.builds(
    lambda part, turn, body: {
        "custom_id": "q",
        "body": {**body, "messages": [{**turn, "content": [part, _PART]}]},
    },
    changed(_PART),
    changed(_TURN),
    objects("response_format", "text", "input"),
)
OPENAI = BODY | objects("custom_id", "body")
QUESTIONS = changed(ITEM) | OPENAI | objects(*ITEM)
EXAMPLE = {
    "id": "q1",
    "question": "Who?",
    "answer": ["Anna", "Reid"],
    "kind": "list",
    "choices": ["a"],
    "documents": ["a.txt"],
    "evidence": [{"document": "a.txt", "text": "Anna", "page": 1}],
    "unanswerable": False,
}
TASK = {
    "instruction": "Who?",
    "output": "text",
    "search": ["x"],
    "documents": [],
    "options": [],
    "unit": "chunk",
}
PLANS = st.fixed_dictionaries(
    {"id": st.sampled_from(["q1", "q2"]) | VALUES, "tasks": st.lists(changed(TASK)) | VALUES}
)


@SLOW
@given(json_lines(QUESTIONS))
def test_every_line_of_a_batch_is_a_question_or_a_reason(content: bytes) -> None:
    """No line takes the others with it: each is an item that can be stored and sent, or says why it is none."""
    with tempfile.TemporaryDirectory() as folder, suppress(MinionsError):
        path = Path(folder, "in.jsonl")
        path.write_bytes(content)
        items = read_items(path)
        assert len({item.id for item in items}) == len(items)
        for item in items:
            assert (
                json.loads(item.model_dump_json())
                if isinstance(item, Item)
                else item.reason.encode()
            )


@FUZZ
@given(st.lists(QUESTIONS | TEXTS, max_size=3))
def test_questions_from_python_are_read_likewise(questions: list[Any]) -> None:
    """Mappings and texts, as many items as were given."""
    items = as_items(questions)
    assert len(items) == len(questions)
    assert all(isinstance(item, Item | BadLine) for item in items)


@SLOW
@given(json_lines(changed(EXAMPLE) | objects(*EXAMPLE)))
def test_a_data_set_is_read_or_refused(content: bytes) -> None:
    """What is read can be stored and sent to a judge."""
    with tempfile.TemporaryDirectory() as folder, suppress(MinionsError):
        path = Path(folder, "set.jsonl")
        path.write_bytes(content)
        for one in read_dataset(path):
            assert json.loads(one.model_dump_json())["id"] == one.id


@SLOW
@given(json_lines(PLANS | objects("id", "tasks")))
def test_a_file_of_plans_is_read_or_refused(content: bytes) -> None:
    """Plans for questions that there are, of tasks as they are written."""
    with tempfile.TemporaryDirectory() as folder, suppress(MinionsError):
        path = Path(folder, "plans.jsonl")
        path.write_bytes(content)
        plans = read_plans(path, {"q1", "q2"}, max_tasks=6)
        assert set(plans) <= {"q1", "q2"}
        assert all(1 <= len(plan.tasks) <= 6 and plan.model_dump_json() for plan in plans.values())


_FIGURES = st.lists(
    st.sampled_from(["1", "0", ".", "/", "=", "e", "-", "9" * 70, "$", "nan", " ", "_", "m"]),
    max_size=12,
)


@FUZZ
@given(_FIGURES.map("".join) | TEXTS.map("m=1/{}".format) | TEXTS)
@example("m=1e-999999/1")
@example("m=" + "9" * 5000 + "/1")
def test_a_price_is_money_or_refused(text: str) -> None:
    """A finite number of dollars for any number of tokens, or ConfigError."""
    with suppress(ConfigError):
        model, price = Price.parse(text)
        usage = Usage(input_tokens=10**12, cached_input_tokens=10**11, output_tokens=10**12)
        assert model
        assert 0 <= price.cost_usd(usage) < 10**19
        PriceBook.parse([text]).bound_usd(
            f"openai:{model}", "http://127.0.0.1/v1", input_tokens=9, output_tokens=9
        )


def toml_of(value: Any) -> str:
    """A value as TOML writes it, as far as it has one."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(name)} = {toml_of(inner)}" for name, inner in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else str(value)


@FUZZ
@given(st.sampled_from([*Settings.model_fields, "unknown", "a.b"]), VALUES | NUMBERS)
def test_any_value_of_a_setting_is_taken_or_refused(name: str, value: Any) -> None:
    """A configuration file with any value for any setting: settings, or ConfigError that can be printed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "minions.toml")
        try:
            text = f"{name} = {toml_of(value)}"
        except ValueError:  # a number of more digits than Python writes
            return
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with suppress(ConfigError):
            settings = Settings.load(config=path)
            assert settings.limits().max_tasks <= 50
            assert settings.home_folder().parts


@pytest.mark.parametrize(
    "text",
    ["planner = " + "[" * 5000, "a = " + "{a = " * 3000, "\ufeffa", "planner = 'x", "=", "\x00"],
)
def test_a_broken_configuration_is_told_of(text: str, tmp_path: Path) -> None:
    """Nested without end, torn, or no TOML at all."""
    path = tmp_path / "minions.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="settings"):
        Settings.load(config=path)


@pytest.mark.parametrize("value", ["9" * 30, "1e300", "inf", "nan", '"a\\u0000b"'])
@pytest.mark.parametrize(
    "name", ["max_jobs", "chunks_per_task", "max_egress", "call_timeout_s", "rate_per_s", "home"]
)
def test_a_setting_that_nothing_can_hold_is_refused(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a database, a clock or a file system stumbles over it in the middle of a run."""
    monkeypatch.delenv("MINIONS_HOME")
    path = tmp_path / "minions.toml"
    path.write_text(f"{name} = {value}")
    with pytest.raises(ConfigError, match=name):
        Settings.load(config=path)
