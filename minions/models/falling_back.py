"""From strict JSON schema to JSON mode to plain text, for endpoints that take less. Each step is seen once and
remembered.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import structlog

from minions.errors import FormatUnsupportedError
from minions.models.wrapper import Wrapper
from minions.values.chat import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion, ResponseFormat
    from minions.values.events import Observer

    Memory = MutableMapping[tuple[str, str], ResponseFormat]

_LADDER: tuple[ResponseFormat, ...] = ("json_schema", "json_object", "text")
_WORDS: dict[ResponseFormat, str] = {
    "json_schema": "a JSON schema",
    "json_object": "JSON mode",
    "text": "plain text",
}
_MOST_PARAMETERS = 3
_known: Memory = {}
_log = structlog.get_logger()


def falling_back(
    model: ChatModel, *, observe: Observer | None = None, memory: Memory | None = None
) -> ChatModel:
    """Ask again with a simpler format when the endpoint refuses one: each attempt is one ``complete`` of ``model``.

    What an endpoint takes is remembered in ``memory``, by default for the process, and told to ``observe`` once. Where
    a schema is wanted and not enforced, its shape goes into the last message, in one line. Raises like ``model``;
    FormatUnsupportedError only when plain text is refused too.
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
                    self._tell(
                        f"{self.reference} does not take the parameter {error.parameter}; asking without it"
                    )
                elif not self._step_down(request, wanted):
                    raise

    def _simplest(self, asked: ResponseFormat) -> ResponseFormat:
        known = self._memory.get((self.endpoint, self.reference), "json_schema")
        return max(asked, known, key=_LADDER.index)

    def _step_down(self, request: ChatRequest, refused: ResponseFormat) -> bool:
        """Remember a simpler format; False when there is none. Concurrent requests may have stepped before."""
        if self._simplest(request.response_format) != refused:
            return True
        if refused == _LADDER[-1]:
            return False
        simpler = _LADDER[_LADDER.index(refused) + 1]
        self._memory[self.endpoint, self.reference] = simpler
        self._tell(
            f"{self.reference} does not take {_WORDS[refused]}; asking for {_WORDS[simpler]} from now on"
        )
        return True

    def _tell(self, message: str) -> None:
        from minions.values.events import WarningEvent

        _log.warning("format_fallback", model=self.reference, message=message)
        if self._observe is not None:
            self._observe(WarningEvent(message=message))


def _phrased(request: ChatRequest, wanted: ResponseFormat) -> ChatRequest:
    """The request in a format, with the shape in words where the server does not enforce it."""
    if request.response_format == wanted == "json_schema":
        return request
    if request.json_schema is None or wanted == "json_schema" or not request.messages:
        return request.model_copy(update={"response_format": wanted})
    last = request.messages[-1]
    line = f"Reply with one JSON object only, of this shape: {sketch(request.json_schema)}"
    said = Message.of(last.role, *last.parts, ("schema", f"\n\n{line}"))
    return request.model_copy(
        update={"response_format": wanted, "messages": (*request.messages[:-1], said)}
    )


_DEEPEST = 6


def sketch(schema: Mapping[str, Any]) -> str:
    """The shape of the wanted JSON, e.g. ``{"answer": string or null, "lines": [integer, ...]}``."""
    return _sketch(schema, schema.get("$defs") or schema.get("definitions") or {}, _DEEPEST)


def _sketch(schema: Any, definitions: Mapping[str, Any], depth: int) -> str:  # noqa: PLR0911 - a table, one line a form
    if not isinstance(schema, dict) or depth == 0:
        return "any"
    if isinstance(reference := schema.get("$ref"), str):
        return _sketch(definitions.get(reference.rsplit("/", 1)[-1]), definitions, depth - 1)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(
                dict.fromkeys(_sketch(option, definitions, depth - 1) for option in schema[key])
            )
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
        fields = schema.get("properties", {}).items()
        shown = (
            f"{json.dumps(name, ensure_ascii=False)}: {_sketch(value, definitions, depth - 1)}"
            for name, value in fields
        )
        return "{" + ", ".join(shown) + "}"
    if kind == "array":
        return f"[{_sketch(schema.get('items'), definitions, depth - 1)}, ...]"
    return kind
