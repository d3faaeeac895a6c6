"""Sensitive values stay here: a request goes up with placeholders in their places, and a reply comes back with the
values. Outermost of all policies, so that whatever is sent, priced and logged holds placeholders only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from minions.models.wrapper import Wrapper
from minions.redaction.placeholders import Placeholders, current_placeholders, placeholders_in
from minions.values.chat import Message

if TYPE_CHECKING:
    from minions.ports import ChatModel
    from minions.redaction.detector import Detector
    from minions.values.chat import ChatRequest, Completion

# JSON Schema's own words, and the program's for its replies: what a schema means does not depend on a user's words.
_OF_SCHEMAS: Final = frozenset(
    """
    type object array string number integer boolean null properties required additionalProperties items enum const anyOf
    allOf oneOf not minimum maximum minLength maxLength minItems maxItems pattern format title description $ref $defs
    definitions default tasks instruction output options documents search unit reduce answer findings confidence message
    """.split()  # noqa: SIM905 - a word a line is no easier to read
)
_EXPLANATION: Final = " Words that stay on the device have names in brackets, such as {}: copy these names as they are."


def redacting(model: ChatModel, detect: Detector | None) -> ChatModel:
    """``model`` behind placeholders: those of the run at work, or of a call outside of any its own.

    ``detect`` finds what to replace; None: only words that the run holds. The program's own prompts go as they are.
    Raises like ``model``.
    """
    return _Redacting(model, detect)


class _Redacting(Wrapper):
    def __init__(self, model: ChatModel, detect: Detector | None) -> None:
        super().__init__(model)
        self._detect = detect

    async def complete(self, request: ChatRequest) -> Completion:
        placeholders = current_placeholders() or Placeholders(self._detect)
        schema = request.json_schema
        messages = tuple(_message(message, placeholders) for message in request.messages)
        redacted = request.model_copy(
            update={
                "messages": _explained(messages),
                "json_schema": None if schema is None else _in_schema(schema, placeholders),
            }
        )
        completion = await self._model.complete(redacted)
        text = placeholders.restore(completion.text, in_json=schema is not None)
        return (
            completion if text == completion.text else completion.model_copy(update={"text": text})
        )


def _message(message: Message, placeholders: Placeholders) -> Message:
    parts = tuple(
        (kind, text if kind == "prompt" else placeholders.redact(text, held=kind == "digest"))
        for kind, text in message.parts
    )
    return message if parts == message.parts else Message.of(message.role, *parts)


def _explained(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages, the first with a word on placeholders where any message holds one."""
    first, *others = messages
    shown = next(
        (found for message in messages for found in placeholders_in(message.content)), None
    )
    if shown is None:
        return messages
    return Message.of(first.role, *first.parts, ("prompt", _EXPLANATION.format(shown))), *others


def _in_schema(value: Any, placeholders: Placeholders) -> Any:
    """A JSON value with the values in its strings replaced, in names as well."""
    if isinstance(value, str):
        return value if value in _OF_SCHEMAS else placeholders.redact(value)
    if isinstance(value, dict):
        return {
            _in_schema(key, placeholders): _in_schema(item, placeholders)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_in_schema(item, placeholders) for item in value]
    return value
