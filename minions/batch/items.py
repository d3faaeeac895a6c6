"""The questions of a batch, from lines of JSON or from Python. A line that cannot be asked is data, too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ConfigDict, Field, ValidationError, field_validator
from pydantic_core import to_json

from minions.errors import UsageError
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_HASH_CHARACTERS = 16
_OPENAI_TEXTS = ("text", "input_text")
_RULES = ("system", "developer")
_MOST_USD = 10**9  # a limit of more digits than arithmetic keeps would not be one
_SCHEMA_LEVELS = 100  # writers of JSON end at about 250; a request wraps a schema in a few


class Item(Value):
    """One question of a batch; unknown fields are ignored.

    ``documents`` are names, paths, globs or ids among the batch's documents, or paths where the batch names none; none
    or ``*`` is all. ``output_schema`` is the JSON schema of the answer. ``max_cost_usd`` limits this question besides
    the limit that all share; ``max_rounds`` and ``timeout_s`` replace the batch's.
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
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("id")
    @classmethod
    def _can_be_written(cls, value: str) -> str:
        value.encode()  # half a surrogate pair is no text: UnicodeEncodeError is a ValueError
        return value

    @field_validator("question")
    @classmethod
    def _asks_something(cls, value: str) -> str:
        value.encode()
        if not value.strip():
            raise ValueError("the question is empty")
        return value.strip()

    @field_validator("documents", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        value = [value] if isinstance(value, str) else value or ()
        return () if isinstance(value, list | tuple) and "*" in value else value

    @field_validator("documents")
    @classmethod
    def _can_be_looked_up(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            name.encode()
        return value

    @field_validator("output_schema")
    @classmethod
    def _can_be_sent(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if not _fits(value, _SCHEMA_LEVELS):
            raise ValueError("it is nested too deep")
        to_json(
            value
        )  # raises ValueError for what no request can hold, such as half a surrogate pair
        return value


class BadLine(NamedTuple):
    """A line that cannot be asked, under an id that stays the same as long as the line does; ``line`` counts from 1."""

    id: str
    line: int | None
    reason: str


def read_items(path: Path) -> list[Item | BadLine]:
    """The questions of a file, one JSON object a line; blank lines are passed over. Raises UsageError for the file."""
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}",
            hint='name a file with a line like {"question": "..."} for each',
        ) from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise UsageError(
            f"{path} holds no questions", hint='write one a line: {"id": "q1", "question": "..."}'
        )
    return list(_distinct((number, _parsed(line), line) for number, line in lines))


def as_items(questions: Iterable[str | Mapping[str, Any]]) -> list[Item | BadLine]:
    """Questions given from Python: texts, or mappings with the fields of an Item."""
    given = [{"question": one} if isinstance(one, str) else dict(one) for one in questions]
    return list(
        _distinct(
            (number, one, json.dumps(one, default=str)) for number, one in enumerate(given, 1)
        )
    )


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _distinct(lines: Iterable[tuple[int, Any, str]]) -> Iterator[Item | BadLine]:
    """Items with ids of their own: what comes without one gets a hash, numbered where the same stands again."""
    seen: dict[str, int] = {}
    for number, value, line in lines:
        item = _item(value)
        if isinstance(item, str):
            yield BadLine(_unused(_hash("bad", line), seen, number), number, item)
        elif not item.id:
            content = _hash("q", item.model_dump_json(exclude={"id"}))
            yield item.model_copy(update={"id": _unused(content, seen, number)})
        elif item.id in seen:
            taken = f"the id {item.id!r} is line {seen[item.id]}'s already"
            yield BadLine(_unused(_hash("bad", line), seen, number), number, taken)
        else:
            seen[item.id] = number
            yield item


def _unused(name: str, seen: dict[str, int], number: int) -> str:
    unused, count = name, 1
    while unused in seen:
        count += 1
        unused = f"{name}-{count}"
    seen[unused] = number
    return unused


def _item(value: Any) -> Item | str:
    """The question in a line, or why there is none."""
    if not isinstance(value, dict):
        return "the line is not a JSON object"
    if "body" in value and "question" not in value:
        value = _from_openai(value)
    try:
        return Item.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, problem['loc'])) or 'the line'}: {problem['msg']}"


def _from_openai(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of OpenAI's batch format: ``custom_id`` and ``body``, of chat completions or responses.

    The question is what the user says last, under what the system says; the rest of the chat is not a question to
    documents. The documents stay the batch's: a body has none.
    """
    body = line["body"] if isinstance(line["body"], dict) else {}
    said = body.get("messages", body.get("input"))
    turns = (
        [{"role": "user", "content": said}]
        if isinstance(said, str)
        else said
        if isinstance(said, list)
        else []
    )
    spoken = [
        (turn.get("role"), _text(turn.get("content"))) for turn in turns if isinstance(turn, dict)
    ]
    rules = [text for role, text in spoken if role in _RULES and text]
    asked = [text for role, text in spoken if role == "user" and text]
    form = body.get("response_format") or _within(body.get("text"), "format")
    schema = _within(_within(form, "json_schema") or form, "schema")
    item: dict[str, Any] = {"question": "\n".join([*rules, *asked[-1:]]) if asked else ""}
    if line.get("custom_id") is not None:
        item["id"] = line["custom_id"]
    return {**item, "output_schema": schema} if schema else item


def _within(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _fits(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_fits(one, levels - 1) for one in inner)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content.strip()
    if not isinstance(content, list):
        return ""
    parts = [
        part.get("text")
        for part in content
        if isinstance(part, dict) and part.get("type") in _OPENAI_TEXTS
    ]
    return "\n".join(part.strip() for part in parts if isinstance(part, str))


def _hash(kind: str, content: str) -> str:
    return f"{kind}-{hashlib.sha256(content.encode('utf-8', 'replace')).hexdigest()[:_HASH_CHARACTERS]}"
