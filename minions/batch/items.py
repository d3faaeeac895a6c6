"""The questions of a batch, read from lines of JSON or given from Python.

A line that cannot be asked does not raise: it becomes a `BadLine`, which says what to correct.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ConfigDict, Field, ValidationError, field_validator
from pydantic_core import to_json

from minions.errors import UsageError
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HASH_CHARACTERS: Final = 16
_OPENAI_TEXTS: Final = ("text", "input_text")
_OPENAI_RULES: Final = ("system", "developer")
_MOST_USD: Final = 10**9  # exact arithmetic keeps so many digits, and not arbitrarily many
_SCHEMA_LEVELS: Final = 100  # JSON writers stop near 250; a request adds a few of its own

_EXAMPLE_LINE: Final = '{"question": "How tall is the tower?"}'
_EXAMPLE_BODY: Final = (
    '"body": {"messages": [{"role": "user", "content": "How tall is the tower?"}]}'
)
_HALF_PAIR: Final = r"holds an incomplete character (half of a surrogate pair, such as \ud800)"


class _Field(NamedTuple):
    """A field: its name for the user, the values that it accepts, and a written example."""

    name: str
    values: str
    example: str


_DOLLARS: Final = f"dollars from 0 to {_MOST_USD:,}"
_FIELDS: Final = {
    "id": _Field("id", "a text or a whole number", '"id": "q1"'),
    "question": _Field("question", "a text", '"question": "How tall is the tower?"'),
    "documents": _Field("documents", "a name, or a list of names", '"documents": ["report.pdf"]'),
    "output_schema": _Field(
        "output_schema", "a JSON object", '"output_schema": {"type": "number"}'
    ),
    "max_cost_usd": _Field("max_cost_usd", _DOLLARS, '"max_cost_usd": 0.5'),
    "max_rounds": _Field("max_rounds", "a whole number from 1 to 10", '"max_rounds": 3'),
    "timeout_s": _Field("timeout_s", "a number of seconds greater than 0", '"timeout_s": 60'),
}
_OPENAI_FIELDS: Final = {
    "id": _Field("custom_id", "a text or a whole number", '"custom_id": "q1"'),
    "question": _Field("the question in body", "a text", _EXAMPLE_BODY),
    "output_schema": _Field("the schema in body", "a JSON object", '"schema": {"type": "number"}'),
}


class Item(Value):
    """One question of a batch; unknown fields are ignored.

    ``documents`` are names, paths, globs or ids among the batch's documents, or paths where the
    batch names none; an empty tuple means all of them, as does ``*`` in a line. ``output_schema``
    is the JSON schema of the answer. ``max_cost_usd`` limits this question besides the limit that
    all share; ``max_rounds`` and ``timeout_s`` replace the batch's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: str = ""
    question: str = Field(min_length=1)
    documents: tuple[str, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    max_cost_usd: Decimal | None = Field(default=None, ge=0, le=_MOST_USD)
    max_rounds: int | None = Field(default=None, ge=1, le=10)
    timeout_s: float | None = Field(default=None, gt=0)

    @field_validator("id", mode="before")
    @classmethod
    def _id_as_text(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value

    @field_validator("id")
    @classmethod
    def _id_is_encodable(cls, value: str) -> str:
        _check_encodable(value)
        return value

    @field_validator("question")
    @classmethod
    def _question_is_not_blank(cls, value: str) -> str:
        _check_encodable(value)
        if not value.strip():
            raise ValueError("is empty")
        return value.strip()

    @field_validator("documents", mode="before")
    @classmethod
    def _documents_as_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        if not value or (isinstance(value, list | tuple) and "*" in value):
            return ()
        return value

    @field_validator("documents")
    @classmethod
    def _documents_are_encodable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            _check_encodable(name)
        return value

    @field_validator("output_schema")
    @classmethod
    def _schema_can_be_sent(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if not _is_nested_within(_SCHEMA_LEVELS, value):
            raise ValueError(f"is nested deeper than {_SCHEMA_LEVELS} levels")
        try:
            to_json(value)
        except ValueError:
            raise ValueError("cannot be written as JSON") from None
        return value


class BadLine(NamedTuple):
    """A line that cannot be asked.

    ``id`` stays the same as long as the line does. ``line`` counts from 1, and is None where the
    user gave the ``id``. ``reason`` says what is wrong, and ``hint`` what to write.
    """

    id: str
    line: int | None
    reason: str
    hint: str = "correct the line"


class _Problem(NamedTuple):
    """The first error in a line, and a hint how to correct it."""

    reason: str
    hint: str


def read_items(path: Path) -> list[Item | BadLine]:
    """Read the questions of a file: one JSON object a line; blank lines are skipped.

    Raises UsageError for a file that cannot be read, or that has no questions.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}",
            hint=f"name a file with one line for each question: {_EXAMPLE_LINE}",
        ) from None
    ids = _Ids()
    items: list[Item | BadLine] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        items.append(ids.assign(number, value, line))
    if not items:
        raise UsageError(
            f"{path} holds no questions", hint=f"write one line for each: {_EXAMPLE_LINE}"
        )
    return items


def as_items(questions: Iterable[str | Mapping[str, Any]]) -> list[Item | BadLine]:
    """The items of questions given from Python: texts, or mappings with the fields of an Item."""
    ids = _Ids()
    items: list[Item | BadLine] = []
    for number, question in enumerate(questions, 1):
        value = {"question": question} if isinstance(question, str) else dict(question)
        items.append(ids.assign(number, value, json.dumps(value, default=str)))
    return items


class _Ids:
    """The ids of a batch, each used once.

    A question without an id gets a hash of its fields, and a bad line one of its text: the same
    every time the batch is started. Where the same line occurs again, a number is added.
    """

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}  # the line that uses each id

    def assign(self, number: int, value: Any, line: str) -> Item | BadLine:
        """The item in line ``number``, made from ``value``, with an id that no other item has."""
        item = _item(value)
        if isinstance(item, _Problem):
            return self._bad(number, line, item)
        if not item.id:
            content = item.model_dump_json(exclude={"id"})
            return item.model_copy(update={"id": self._unused(_hash("q", content), number)})
        if item.id in self._lines:
            reason = f"the id {item.id!r} is already used in line {self._lines[item.id]}"
            return self._bad(number, line, _Problem(reason, "give each question its own id"))
        self._lines[item.id] = number
        return item

    def _bad(self, number: int, line: str, problem: _Problem) -> BadLine:
        id_ = self._unused(_hash("bad", line), number)
        return BadLine(id_, number, problem.reason, problem.hint)

    def _unused(self, name: str, number: int) -> str:
        unused = name
        count = 1
        while unused in self._lines:
            count += 1
            unused = f"{name}-{count}"
        self._lines[unused] = number
        return unused


def _item(value: Any) -> Item | _Problem:
    """The question in a line, or the reason why there is none."""
    if not isinstance(value, dict):
        return _Problem("the line is not a JSON object", f"write for example {_EXAMPLE_LINE}")
    fields = _FIELDS
    if "body" in value and "question" not in value:
        value = _from_openai(value)
        fields = _OPENAI_FIELDS
    try:
        return Item.model_validate(value)
    except ValidationError as error:
        return _problem(error, fields)


def _problem(error: ValidationError, fields: Mapping[str, _Field]) -> _Problem:
    """The first of the errors, in the terms of the input line."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = fields[str(first["loc"][0])]
    match first["type"]:
        case "missing":
            reason = f"the line has no {field.name}"
        case "string_too_short":
            reason = f"{field.name} is empty"
        case "string_unicode":
            reason = f"{field.name} {_HALF_PAIR}"
        case "value_error":
            reason = f"{field.name} {first['ctx']['error']}"
        case _:
            reason = f"{field.name} must be {field.values}"
    return _Problem(reason, f"write for example {field.example}")


def _from_openai(line: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an Item in a line of OpenAI's batch format.

    The line holds ``custom_id`` and a ``body`` for chat completions or for responses. The question
    is the user's last message, below the system's messages; the rest of the chat is not a question
    about documents. A body names no documents.
    """
    body = line["body"]
    if not isinstance(body, dict):
        body = {}
    rules: list[str] = []
    asked = ""
    for role, text in _messages(body):
        if text and role in _OPENAI_RULES:
            rules.append(text)
        elif text and role == "user":
            asked = text
    item: dict[str, Any] = {"question": ""}
    if asked:
        item["question"] = "\n".join([*rules, asked])
    if line.get("custom_id") is not None:
        item["id"] = line["custom_id"]
    # Chat completions wrap the schema once more than responses do.
    form = body.get("response_format") or _value_in(body.get("text"), "format")
    schema = _value_in(_value_in(form, "json_schema") or form, "schema")
    if schema:
        item["output_schema"] = schema
    return item


def _messages(body: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """Role and text of each message; a plain text is a message of the user."""
    given = body.get("messages", body.get("input"))
    if isinstance(given, str):
        return [("user", given.strip())]
    if not isinstance(given, list):
        return []
    messages = []
    for message in given:
        if isinstance(message, dict):
            messages.append((message.get("role"), _text(message.get("content"))))
    return messages


def _text(content: Any) -> str:
    """The text of a message, which is a text or a list of parts; other parts are left out."""
    if isinstance(content, str):
        return content.strip()
    if not isinstance(content, list):
        return ""
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in _OPENAI_TEXTS:
            continue
        text = part.get("text")
        if isinstance(text, str):
            texts.append(text.strip())
    return "\n".join(texts)


def _value_in(value: Any, key: str) -> Any:
    """The value of a key in an object; None if ``value`` is not an object."""
    if isinstance(value, dict):
        return value.get(key)
    return None


def _check_encodable(text: str) -> None:
    """Raise ValueError for half of a surrogate pair: neither files nor requests can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(_HALF_PAIR) from None


def _is_nested_within(levels: int, value: Any) -> bool:
    if levels == 0:
        return False
    if isinstance(value, dict):
        inner: Iterable[Any] = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return True
    return all(_is_nested_within(levels - 1, each) for each in inner)


def _hash(kind: str, content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
    return f"{kind}-{digest[:_HASH_CHARACTERS]}"
