"""From strict JSON schema to JSON mode to plain text, for endpoints that take less. Each step is seen once and
remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from minions.chat import Message
from minions.errors import FormatUnsupportedError
from minions.models.sketch import sketch
from minions.models.wrapper import Wrapper

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from minions.chat import ChatRequest, Completion, ResponseFormat
    from minions.events import Observer
    from minions.ports import ChatModel

    Memory = MutableMapping[tuple[str, str], ResponseFormat]

_LADDER: tuple[ResponseFormat, ...] = ("json_schema", "json_object", "text")
_WORDS: dict[ResponseFormat, str] = {"json_schema": "a JSON schema", "json_object": "JSON mode", "text": "plain text"}
_MOST_PARAMETERS = 3
_known: Memory = {}
_log = structlog.get_logger()


def falling_back(model: ChatModel, *, observe: Observer | None = None, memory: Memory | None = None) -> ChatModel:
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
                    self._tell(f"{self.reference} does not take the parameter {error.parameter}; asking without it")
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
        self._tell(f"{self.reference} does not take {_WORDS[refused]}; asking for {_WORDS[simpler]} from now on")
        return True

    def _tell(self, message: str) -> None:
        from minions.events import WarningEvent

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
    return request.model_copy(update={"response_format": wanted, "messages": (*request.messages[:-1], said)})
