"""Endpoints that refuse a format get a simpler one, which is remembered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from minions.errors import FormatUnsupportedError, ServerError
from minions.models.falling_back import falling_back, sketch
from minions.models.scripted import ScriptedModel
from minions.values.events import WarningEvent

if TYPE_CHECKING:
    from minions.values.chat import ChatRequest

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": ["string", "null"]}, "lines": {"type": "array"}},
}


def taking(*formats: str) -> ScriptedModel:
    """A model that takes only these formats."""

    def reply(request: ChatRequest) -> str | FormatUnsupportedError:
        return "ok" if request.response_format in formats else FormatUnsupportedError("no")

    return ScriptedModel(reply)


@pytest.mark.parametrize(
    ("formats", "asked"),
    [
        (("json_schema",), ["json_schema"]),
        (("json_object", "text"), ["json_schema", "json_object"]),
        (("text",), ["json_schema", "json_object", "text"]),
    ],
)
async def test_the_ladder_goes_down_as_far_as_needed(
    asking: Any, formats: Any, asked: list[str]
) -> None:
    """A server without schemas still answers, after as many refusals as it takes and no more."""
    model = taking(*formats)
    wrapped = falling_back(model, memory={})
    assert (await wrapped.complete(asking(json_schema=SCHEMA))).text == "ok"
    assert [request.response_format for request in model.requests] == asked


async def test_a_step_is_taken_and_told_once(asking: Any) -> None:
    """The second request begins with the format that works, and the user gets one warning."""
    model, events, memory = taking("json_object"), [], {}  # type: ignore[var-annotated]
    with capture_logs() as logs:
        for _ in range(2):  # a new wrapper around the same model remembers, too
            await falling_back(model, observe=events.append, memory=memory).complete(
                asking(json_schema=SCHEMA)
            )
    assert len(model.requests) == 3
    assert [type(event) for event in events] == [WarningEvent]
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert "JSON mode" in events[0].message


async def test_concurrent_requests_step_down_together(asking: Any) -> None:
    """Requests under way at the first refusal do not each push the format further down."""
    model, events = taking("json_object"), []  # type: ignore[var-annotated]
    wrapped = falling_back(model, observe=events.append, memory={})
    replies = await asyncio.gather(
        *(wrapped.complete(asking(json_schema=SCHEMA)) for _ in range(5))
    )
    assert [reply.text for reply in replies] == ["ok"] * 5
    assert len(events) == 1
    assert "text" not in {request.response_format for request in model.requests}


async def test_the_shape_is_said_in_words(asking: Any) -> None:
    """If the schema cannot be sent, its shape stands at the end of the prompt, in one line."""
    model = taking("json_object")
    await falling_back(model, memory={}).complete(asking("first", "last", json_schema=SCHEMA))
    contents = [message.content for message in model.requests[-1].messages]
    assert contents[0] == "first"
    assert contents[1].startswith("last\n\n")
    assert contents[1].endswith('{"city": string or null, "lines": [any, ...]}')


async def test_plain_text_is_left_alone(asking: Any) -> None:
    """A request that wants no shape passes unchanged."""
    model = taking("text")
    request = asking("q", response_format="text")
    await falling_back(model, memory={}).complete(request)
    assert model.requests == [request]


async def test_a_refused_parameter_keeps_the_format(asking: Any) -> None:
    """A server that only spells a parameter otherwise is asked again with the schema."""
    error = FormatUnsupportedError("max_tokens")
    error.parameter = "max_tokens"
    model = ScriptedModel([error, "ok"])
    await falling_back(model, memory={}).complete(asking(json_schema=SCHEMA))
    assert [request.response_format for request in model.requests] == ["json_schema", "json_schema"]


async def test_it_ends(asking: Any) -> None:
    """A server that refuses everything gets a bounded number of requests."""
    error = FormatUnsupportedError("temperature")
    error.parameter = "temperature"
    model = ScriptedModel(lambda _: error)
    with pytest.raises(FormatUnsupportedError):
        await falling_back(model, memory={}).complete(asking(json_schema=SCHEMA))
    assert len(model.requests) < 10


async def test_other_errors_pass(asking: Any) -> None:
    """Errors that are not about formats are raised as they are."""
    model = ScriptedModel([ServerError("down")])
    with pytest.raises(ServerError):
        await falling_back(model, memory={}).complete(asking(json_schema=SCHEMA))
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("schema", "line"),
    [
        ({"type": "array", "items": {"type": "integer"}}, "[integer, ...]"),
        ({"enum": ["a", 1, None]}, '"a" or 1 or null'),
        ({"const": "x"}, '"x"'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        (
            {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "number"}}},
            '{"a": number}',
        ),
        (
            {
                "$ref": "#/$defs/A",
                "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}},
            },
            "[[[any, ...], ...], ...]",
        ),
        ({}, "any"),
    ],
)
def test_a_schema_in_words(schema: dict[str, Any], line: str) -> None:
    """The line names fields, kinds and choices, and is finite for recursive schemas."""
    assert sketch(schema) == line
