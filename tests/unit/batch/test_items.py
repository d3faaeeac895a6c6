"""The questions of a batch: the fields of a line, and lines that cannot be asked."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minions.batch.items import BadLine, Item, as_items, read_items
from minions.errors import UsageError

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
_FIELDS = (
    "id",
    "question",
    "documents",
    "output_schema",
    "max_cost_usd",
    "max_rounds",
    "timeout_s",
    "body",
)
_OPENAI = (
    "messages",
    "input",
    "role",
    "content",
    "type",
    "text",
    "format",
    "response_format",
    "json_schema",
    "schema",
)
_WORDS = st.sampled_from([*_FIELDS, *_OPENAI, "custom_id", "user", "system", "q", "*", ""])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
)
_LINES = st.binary() | st.dictionaries(_WORDS, _JSON, max_size=6).map(
    lambda value: json.dumps(value).encode()
)


def read(content: str | bytes) -> list[Item | BadLine]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.jsonl")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_items(path)


def asked(line: Any) -> Item:
    (item,) = read(json.dumps(line))
    assert isinstance(item, Item), item
    return item


def reason(line: Any) -> str:
    (bad,) = read(line if isinstance(line, str) else json.dumps(line))
    assert isinstance(bad, BadLine), bad
    return bad.reason


def test_a_line_says_all_about_its_question() -> None:
    """Every documented field is read; money is exact; what the line says besides is ignored."""
    line = {
        "id": "q1",
        "question": "  How tall?  ",
        "documents": ["a.txt", "b/*"],
        "output_schema": SCHEMA,
        "max_cost_usd": 0.1,
        "max_rounds": 3,
        "timeout_s": 60,
        "difficulty": "hard",
    }
    assert asked(line) == Item(
        id="q1",
        question="How tall?",
        documents=("a.txt", "b/*"),
        output_schema=SCHEMA,
        max_cost_usd=Decimal("0.1"),
        max_rounds=3,
        timeout_s=60,
    )


@pytest.mark.parametrize(
    ("given_", "meant"),
    [("a.txt", ("a.txt",)), (["a", "b"], ("a", "b")), ("*", ()), (["a", "*"], ()), (None, ())],
)
def test_documents_are_one_or_many_or_all(given_: Any, meant: tuple[str, ...]) -> None:
    """One name needs no list; none, null and * are all documents."""
    assert asked({"question": "q", "documents": given_}).documents == meant


def test_a_numeric_id_is_its_text() -> None:
    """Ids from a database need no quotes, and stand in the output as text."""
    assert asked({"id": 17, "question": "q"}).id == "17"
    assert "id" in reason({"id": True, "question": "q"})


def test_a_question_without_an_id_keeps_its_own() -> None:
    """Its id is a hash of what it says: the same at every start and wherever it stands, so that a batch resumes."""
    first = read('{"question": "a"}\n{"question": "b"}\n')
    again = read('{"question": "b"}\n\n{"unknown": 1, "question": "a"}')
    assert {item.id for item in first} == {item.id for item in again}
    assert len({item.id for item in first}) == 2
    assert asked({"question": "a", "max_rounds": 3}).id not in {item.id for item in first}


def test_the_same_question_twice_is_asked_twice() -> None:
    """Identical lines are told apart by a number, and stay so."""
    ids = [item.id for item in read('{"question": "a"}\n' * 3)]
    assert [id_.removeprefix(ids[0]) for id_ in ids] == ["", "-2", "-3"]


def test_an_id_stands_for_one_question() -> None:
    """The second line with an id is refused, and says which line has it."""
    first, second = read('{"id": "x", "question": "a"}\n{"id": "x", "question": "b"}')
    assert isinstance(first, Item)
    assert isinstance(second, BadLine)
    assert (second.line, second.reason) == (2, "the id 'x' is already used in line 1")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("not json", "the line is not a JSON object"),
        ("[1]", "the line is not a JSON object"),
        ("[" * 100_000, "the line is not a JSON object"),
        ("9" * 5_000, "the line is not a JSON object"),
        ('{"id": "x"}', "the line has no question"),
        ('{"question": ""}', "question is empty"),
        ('{"question": "  "}', "question is empty"),
        ('{"question": 7}', "question must be a text"),
        ('{"id": true, "question": "q"}', "id must be a text or a whole number"),
        ('{"question": "q", "documents": 7}', "documents must be a name, or a list of names"),
        ('{"question": "q", "documents": [7]}', "documents must be a name, or a list of names"),
        (
            '{"question": "q", "max_cost_usd": -1}',
            "max_cost_usd must be dollars from 0 to 1,000,000,000",
        ),
        (
            '{"question": "q", "max_cost_usd": NaN}',
            "max_cost_usd must be dollars from 0 to 1,000,000,000",
        ),
        ('{"question": "q", "max_rounds": 0}', "max_rounds must be a whole number from 1 to 10"),
        (
            '{"question": "q", "timeout_s": NaN}',
            "timeout_s must be a number of seconds greater than 0",
        ),
        ('{"question": "q", "output_schema": "number"}', "output_schema must be a JSON object"),
        ('{"id": "\\ud800", "question": "q"}', "id holds an incomplete character"),
        ('{"question": "\\ud800"}', "question holds an incomplete character"),
        ('{"question": "q", "documents": "\\ud800"}', "documents holds an incomplete character"),
        (
            '{"question": "q", "output_schema": {"title": "\\ud800"}}',
            "output_schema cannot be written as JSON",
        ),
        (
            '{"question": "q", "output_schema": {"a": ' + "[" * 400 + "]" * 400 + "}}",
            "output_schema is nested deeper than 100 levels",
        ),
        (
            '{"custom_id": true, "body": {"input": "q"}}',
            "custom_id must be a text or a whole number",
        ),
        ('{"custom_id": "x", "body": 7}', "the question in body is empty"),
        (
            '{"custom_id": "x", "body": {"messages": [{"role": ["user"], "content": "q"}]}}',
            "the question in body is empty",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_line_that_cannot_be_asked_says_why(line: str, expected: str) -> None:
    """The reason names the field and what it accepts; nothing that stands in a line ends the batch."""
    assert reason(line).startswith(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": True},
        {"question": 7},
        {"documents": 7},
        {"output_schema": 7},
        {"max_cost_usd": -1},
        {"max_rounds": 0},
        {"timeout_s": 0},
        {"question": None},
    ],
)
def test_the_example_in_a_hint_is_a_line_that_can_be_asked(wrong: dict[str, Any]) -> None:
    """Whoever copies it into the line has corrected the line."""
    line = {"question": "How tall?", **wrong}
    (bad,) = read(json.dumps(line))
    assert isinstance(bad, BadLine)
    example = json.loads("{" + bad.hint.removeprefix("write for example ") + "}")
    assert asked({**line, **example}).question


@pytest.mark.parametrize("wrong", [{"custom_id": True}, {"body": {}}])
def test_the_example_for_a_line_of_openai_is_a_line_of_openai(wrong: dict[str, Any]) -> None:
    """It has OpenAI's names."""
    line = {"custom_id": "x", "body": {"input": "How tall?"}, **wrong}
    (bad,) = read(json.dumps(line))
    assert isinstance(bad, BadLine)
    example = json.loads("{" + bad.hint.removeprefix("write for example ") + "}")
    assert set(example) == set(wrong)
    assert asked({**line, **example}).question


def test_a_bad_line_keeps_its_id_wherever_it_stands() -> None:
    """Its failure is recorded once, however often the batch is started; twice the same line are two."""
    bad = [item.id for item in read("nope\nnope\n")]
    moved = [item.id for item in read('{"question": "q"}\n\nnope\nnope\n')][1:]
    assert bad == moved
    assert len(set(bad)) == 2


def test_blank_lines_and_a_mark_at_the_start_are_passed_over() -> None:
    """Files of Windows editors are read: BOM, CR LF, empty lines; numbers are those of the file's lines."""
    items = read(b'\xef\xbb\xbf{"question": "a"}\r\n\r\n \t\nnope\r\n')
    assert [type(item) for item in items] == [Item, BadLine]
    assert isinstance(items[1], BadLine)
    assert items[1].line == 4


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    """So is one that cannot be read: both say what a file should hold."""
    for content in (b"", b"\n \n"):
        with pytest.raises(UsageError, match="holds no questions"):
            read(content)
    for path in (tmp_path / "nowhere.jsonl", tmp_path):
        with pytest.raises(UsageError, match="cannot read") as caught:
            read_items(path)
        assert "question" in (caught.value.hint or "")


def test_a_chat_line_of_openai_is_a_question() -> None:
    """The user's last message, below the system's; the schema of the answer; the id as it was given."""
    turns = [
        {"role": "system", "content": "Answer in euros."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello!"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is"},
                {"type": "text", "text": "the total?"},
            ],
        },
    ]
    form = {"type": "json_schema", "json_schema": {"name": "sum", "schema": SCHEMA}}
    body = {"model": "gpt-5.4", "messages": turns, "response_format": form}
    line = {"custom_id": "r-1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    assert asked(line) == Item(
        id="r-1", question="Answer in euros.\nWhat is\nthe total?", output_schema=SCHEMA
    )


@pytest.mark.parametrize(
    "given_input",
    [
        "What is the total?",
        [{"role": "user", "content": "What is the total?"}],
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is the total?"},
                    {"type": "input_image"},
                ],
            }
        ],
    ],
)
def test_a_responses_line_of_openai_is_a_question(given_input: Any) -> None:
    """``input`` is a text or turns, and the schema stands under ``text``."""
    form = {"format": {"type": "json_schema", "name": "sum", "schema": SCHEMA}}
    item = asked(
        {"custom_id": "r-1", "url": "/v1/responses", "body": {"input": given_input, "text": form}}
    )
    assert item == Item(id="r-1", question="What is the total?", output_schema=SCHEMA)


def test_a_body_that_asks_nothing_is_a_bad_line() -> None:
    """A chat without a user, and odd shapes in the body, are refused as lines."""
    for body in (
        {},
        {"messages": [{"role": "system", "content": "Be brief."}]},
        {"input": 7, "text": "plain"},
    ):
        assert "question" in reason({"custom_id": "x", "body": body})


def test_questions_from_python_are_texts_or_mappings() -> None:
    """The same fields as a file's lines, without writing a file."""
    text, mapping, bad = as_items(
        ["How tall?", {"id": "q2", "question": "How old?", "documents": "a.txt"}, {}]
    )
    assert isinstance(text, Item)
    assert text.question == "How tall?"
    assert mapping == Item(id="q2", question="How old?", documents=("a.txt",))
    assert isinstance(bad, BadLine)


@settings(deadline=None)
@given(lines=st.lists(_LINES, max_size=6))
def test_whatever_a_file_holds_is_items_with_ids_of_their_own(lines: list[bytes]) -> None:
    """No content makes reading fail in any way but UsageError, and no two results share an id."""
    try:
        items = read(b"\n".join(lines))
    except UsageError:
        return
    ids = [item.id for item in items]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_a_part_of_no_known_type_is_passed_by() -> None:
    """Whatever stands where the type of a part is told: the parts with text are the question."""
    parts = [
        {"type": ["text"], "text": "no"},
        {"type": {}, "text": "no"},
        {"type": "text", "text": "Who?"},
    ]
    assert asked({"body": {"messages": [{"role": "user", "content": parts}]}}).question == "Who?"


@pytest.mark.parametrize("line", [{"documents": ["a\ud800.txt"]}, {"max_cost_usd": "1e9999999"}])
def test_what_cannot_be_looked_up_or_reckoned_with_is_a_bad_line(line: dict[str, Any]) -> None:
    """A name that is no text, a limit of ten million digits: one line fails, with a reason, and the batch goes on."""
    assert reason({"question": "Who?", **line})
