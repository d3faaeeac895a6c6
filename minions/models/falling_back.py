"""Policy: a request is sent again in a simpler format if the endpoint refuses its format.

The formats are strict JSON schema, then JSON mode, then plain text. A refusal is seen once and
remembered.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import structlog

from minions.errors import FormatUnsupportedError
from minions.models.wrapper import Wrapper
from minions.values.chat import Message
from minions.values.events import WarningEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion, ResponseFormat
    from minions.values.events import Observer

    # The format that works, by endpoint and model reference.
    Memory = MutableMapping[tuple[str, str], ResponseFormat]

_LADDER: tuple[ResponseFormat, ...] = ("json_schema", "json_object", "text")
_WORDS: dict[ResponseFormat, str] = {
    "json_schema": "a JSON schema",
    "json_object": "JSON mode",
    "text": "plain text",
}
_MOST_PARAMETERS = 3  # that one request may be refused for
_DEEPEST = 6  # levels of a schema that a sketch shows
_known: Memory = {}
_log = structlog.get_logger()


def falling_back(
    model: ChatModel, *, observe: Observer | None = None, memory: Memory | None = None
) -> ChatModel:
    """Adds fallback: a request is repeated in a simpler format if the endpoint refuses its format.

    Each attempt is one ``complete`` of ``model``. The format that works is kept in ``memory``, by
    default as long as the process lives; ``observe`` gets a warning for each step down. If a schema
    is wanted and not enforced by the server, its shape is put into the last message, in one line.
    Raises like ``model``; FormatUnsupportedError only if plain text is refused, too.
    """
    return _FallingBack(model, observe, _known if memory is None else memory)


class _FallingBack(Wrapper):
    def __init__(self, model: ChatModel, observe: Observer | None, memory: Memory) -> None:
        super().__init__(model)
        self._observe = observe
        self._memory = memory

    async def complete(self, request: ChatRequest) -> Completion:
        parameters_left = _MOST_PARAMETERS
        while True:
            wanted = self._simplest(request.response_format)
            try:
                return await self._model.complete(_phrased(request, wanted))
            except FormatUnsupportedError as error:
                if error.parameter is not None and parameters_left:
                    parameters_left -= 1
                    self._warn(
                        f"{self.reference} does not take the parameter {error.parameter}; "
                        "asking without it"
                    )
                elif self._simplest(request.response_format) != wanted:
                    continue  # a concurrent request has stepped down already
                elif wanted == _LADDER[-1]:
                    raise
                else:
                    simpler = _LADDER[_LADDER.index(wanted) + 1]
                    self._memory[self.endpoint, self.reference] = simpler
                    self._warn(
                        f"{self.reference} does not take {_WORDS[wanted]}; "
                        f"asking for {_WORDS[simpler]} from now on"
                    )

    def _simplest(self, asked: ResponseFormat) -> ResponseFormat:
        """The simpler of two formats: the requested one, and the one that is known to work."""
        known = self._memory.get((self.endpoint, self.reference), "json_schema")
        return max(asked, known, key=_LADDER.index)

    def _warn(self, message: str) -> None:
        _log.warning("format_fallback", model=self.reference, message=message)
        if self._observe is not None:
            self._observe(WarningEvent(message=message))


def _phrased(request: ChatRequest, wanted: ResponseFormat) -> ChatRequest:
    """The request in a format; its last message describes the shape if the server does not enforce
    it.
    """
    if request.response_format == wanted == "json_schema":
        return request
    if request.json_schema is None or wanted == "json_schema" or not request.messages:
        return request.model_copy(update={"response_format": wanted})
    *earlier, last = request.messages
    shape = f"Reply with one JSON object only, of this shape: {sketch(request.json_schema)}"
    described = Message.of(last.role, *last.parts, ("schema", f"\n\n{shape}"))
    return request.model_copy(update={"response_format": wanted, "messages": (*earlier, described)})


def sketch(schema: Mapping[str, Any]) -> str:
    """The shape of the JSON that is wanted, for a prompt.

    For example: ``{"answer": string or null, "lines": [integer, ...]}``.
    """
    definitions = schema.get("$defs") or schema.get("definitions") or {}
    return _sketch(schema, definitions, _DEEPEST)


def _sketch(schema: Any, definitions: Mapping[str, Any], depth: int) -> str:  # noqa: PLR0911 - a table, one line a form
    if not isinstance(schema, dict) or depth == 0:
        return "any"
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rsplit("/", 1)[-1]
        return _sketch(definitions.get(name), definitions, depth - 1)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            options = [_sketch(option, definitions, depth - 1) for option in schema[key]]
            return " or ".join(dict.fromkeys(options))
    if "enum" in schema:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    kinds = schema.get("type", "object" if "properties" in schema else "any")
    if isinstance(kinds, list):
        return " or ".join(_kind(kind, schema, definitions, depth) for kind in kinds)
    return _kind(kinds, schema, definitions, depth)


def _kind(kind: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> str:
    if kind == "object":
        fields: list[str] = []
        for name, value in schema.get("properties", {}).items():
            shape = _sketch(value, definitions, depth - 1)
            fields.append(f"{json.dumps(name, ensure_ascii=False)}: {shape}")
        return "{" + ", ".join(fields) + "}"
    if kind == "array":
        return f"[{_sketch(schema.get('items'), definitions, depth - 1)}, ...]"
    return kind
